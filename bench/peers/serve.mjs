// What the peers in JavaScript share: the line protocol of ../worker.mjs, a request and an answer a line of JSON.
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const arrayTypes = { float32: Float32Array, int32: Int32Array }
const mostSamples = 2000 // of one round: short calls need no more

export function read({ file, shape, dtype }) {
  const { buffer, byteOffset, byteLength } = readFileSync(file)
  return { data: new arrayTypes[dtype](buffer.slice(byteOffset, byteOffset + byteLength)), shape }
}

/**
 * Answers info, prepare (which also computes once, for comparison) and time until stdin ends.
 * make(workload, arrays, threads) gives: once, whose { name: { data, shape } } are compared; sample, which is timed; perSample, steps in
 * it; engine, dispose.
 */
export async function serve(info, make) {
  let current
  const commands = {
    info: () => info,
    async prepare({ workload, arrays, threads, out }) {
      await current?.dispose()
      current = await make(workload, arrays, threads)
      const results = Object.entries(await current.once()).map(([name, { data, shape }]) => {
        const file = `${out}.${name}.bin`
        writeFileSync(file, data)
        return [name, { file, shape }]
      })
      return { engine: current.engine, results: Object.fromEntries(results) }
    },
    async time({ ms }) {
      const { sample, perSample = 1 } = current
      await sample()
      const times = []
      for (const start = performance.now(); times.length < 1 || (performance.now() - start < ms && times.length < mostSamples); ) {
        const before = performance.now()
        await sample()
        times.push((performance.now() - before) / perSample)
      }
      return { times }
    },
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line)
    let answer
    try {
      answer = await commands[request.command](request)
    } catch (error) {
      answer = { error: error.stack ?? String(error) }
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
  await current?.dispose()
}
