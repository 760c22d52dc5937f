// Workers and processes that end at a bad time, and memory over thousands of models. Programs of their own run on the compiled library.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, it } from 'vitest'

const program = (name: string): string => fileURLToPath(new URL(`./programs/${name}.mjs`, import.meta.url))

interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  seconds: number
}

function run(name: string, args: string[] = [], flags: string[] = []): Promise<Ended> {
  const started = performance.now()
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...flags, program(name), ...args],
      { timeout: 110_000, killSignal: 'SIGKILL' },
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr, seconds: (performance.now() - started) / 1000 })
      },
    )
  })
}

function inWorker(data: { seed: number; threads: number; epochs: number }): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program('train'), { workerData: data })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

beforeAll(() => {
  const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
  if (!existsSync(library)) throw new Error(`expected ${library}; run: npm run setup`)
})

describe('workers', () => {
  it('two that train at once get the bits that each gets alone', async () => {
    const [first, second] = [
      { seed: 5, threads: 1, epochs: 20 },
      { seed: 6, threads: 2, epochs: 20 },
    ]
    const alone = [await inWorker(first), await inWorker(second)]
    const together = await Promise.all([inWorker(first), inWorker(second)])
    expect(together).toEqual(alone)
    expect(alone[0]).not.toEqual(alone[1])
  })

  it('ten are terminated in the middle of calls that compute on their own thread', async () => {
    for (let i = 0; i < 10; ++i) {
      const worker = new Worker(program('stream'))
      await new Promise((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
      await new Promise((resolve) => setTimeout(resolve, i % 4))
      expect(await worker.terminate()).toBe(1)
    }
  })

  it('fifty are terminated while they train, and the process goes on and ends well', async () => {
    const { code, signal, stdout, stderr } = await run('terminate', ['50'])
    expect({ code, signal, stdout: stdout.trim() }, stderr).toEqual({ code: 0, signal: null, stdout: '50' })
  })
})

describe('a process with work pending', () => {
  it.each(['exit', 'exit at once'])('%s: ends promptly with code 0', async (way) => {
    const { code, signal, stderr, seconds } = await run('exit', [way])
    expect({ code, signal }, stderr).toEqual({ code: 0, signal: null })
    expect(seconds).toBeLessThan(10) // the work pending would take minutes
  })

  it('throw: ends with code 1, not with a signal', async () => {
    const { code, signal, stderr } = await run('exit', ['throw'])
    expect({ code, signal }).toEqual({ code: 1, signal: null })
    expect(stderr).toContain('on purpose')
  })

  it('end: waits for the work, then ends by itself though nothing was disposed', async () => {
    const { code, signal, stdout, stderr } = await run('exit', ['end'])
    expect({ code, signal, stdout: stdout.trim() }, stderr).toEqual({ code: 0, signal: null, stdout: 'done' })
  })
})

describe('memory stays flat', () => {
  // the heap itself wanders by several megabytes; a model that stays holds some 80 kB
  const megabyte = 2 ** 20

  it('over 10,000 models made, trained and disposed', async () => {
    const { code, stdout, stderr } = await run('cycles', ['dispose', '10000'], ['--expose-gc'])
    expect(code, stderr).toBe(0)
    const { before, after } = JSON.parse(stdout)
    expect((after - before) / megabyte, `${stdout}`).toBeLessThan(16)
  })

  it('over 3,000 models that nobody disposed', async () => {
    const { code, stdout, stderr } = await run('cycles', ['collect', '3000'], ['--expose-gc'])
    expect(code, stderr).toBe(0)
    const { before, after } = JSON.parse(stdout)
    expect((after - before) / megabyte, `${stdout}`).toBeLessThan(24)
  })
})
