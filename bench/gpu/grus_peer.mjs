// grus' public classes behind the line protocol of worker.mjs: info, prepare, open (which computes once, for comparison), time.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  adam,
  dense,
  diagnose,
  embedding,
  Gru,
  gru,
  sequential,
  sgd,
  sparseCategoricalCrossentropy,
  Trainer,
  tensor,
} from '../../dist/index.js'
import { modelInternals } from '../../dist/model-internals.js'

const mostCompared = 1 << 20 // values of one tensor
const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1)

/** A file's values, repeated as often as the shape needs. */
function read({ folder, integers }, name, shape) {
  const { buffer, byteOffset, byteLength } = readFileSync(join(folder, `${name}.bin`))
  const type = integers.includes(name) ? Int32Array : Float32Array
  const given = new type(buffer.slice(byteOffset, byteOffset + byteLength))
  const values = new type(sizeOf(shape))
  for (let at = 0; at < values.length; at += given.length) values.set(given.subarray(0, values.length - at), at)
  return tensor(values, shape)
}

function write(results, out) {
  const entries = Object.entries(results).map(([name, { data }]) => {
    const stride = Math.max(1, Math.ceil(data.length / mostCompared))
    const values = stride === 1 ? data : data.filter((_, at) => at % stride === 0)
    const file = `${out}.${name}.bin`
    writeFileSync(file, values)
    return [name, { file, shape: [values.length] }]
  })
  return Object.fromEntries(entries)
}

/** Inference through the class Gru: from values on the host to values on the host. */
function latency(row, arrays, options) {
  const { steps, batch, input, hidden } = row
  const cell = new Gru({ inputSize: input, hiddenSize: hidden, layout: 'TBI', ...options })
  cell.setParameters(Object.fromEntries([...cell.parameters].map(([name, { shape }]) => [name, read(arrays, name, [...shape])])))
  const x = read(arrays, 'x', [steps, batch, input])
  const run = () => cell.forward(x)
  const time = async (ms) => {
    await run()
    const latency = []
    for (const start = performance.now(); latency.length < 1 || performance.now() - start < ms; ) {
      const before = performance.now()
      await run()
      latency.push(performance.now() - before)
    }
    return { latency }
  }
  return { engine: () => cell.engine, once: run, time, dispose: () => cell.dispose() }
}

async function network(row, arrays, options) {
  const layers = [
    embedding({ inputDim: row.vocabulary, outputDim: row.input, name: 'embedding' }),
    gru({ units: row.hidden, name: 'gru' }),
    dense({ units: row.classes, activation: 'softmax', name: 'dense' }),
  ]
  const model = sequential(layers, { seed: 1, ...options })
  const given = [...(await model.getWeights())].map(([name, { shape }]) => [name, read(arrays, `weights.${name}`, [...shape])])
  await model.setWeights(Object.fromEntries(given))
  return { model, given: new Map(given) }
}

/** Of the first batch: what one step of plain descent takes away, over the rate, which is large so that the difference keeps its digits. */
async function firstGradients(row, arrays, options) {
  const { model, given } = await network(row, arrays, options)
  const learningRate = 256
  const trainer = new Trainer(model, { optimizer: sgd({ learningRate }), loss: sparseCategoricalCrossentropy() })
  const data = { x: read(arrays, 'ids', [row.batch, row.steps]), y: read(arrays, 'labels', [row.batch]) }
  for (let tries = 0; tries < 20; tries++) {
    const { history } = await trainer.fit(data, { batchSize: row.batch, shuffle: false, verbose: false })
    if (!history.skippedSteps?.[0]) break // float16: the scale of the loss comes down until the gradients fit
  }
  const gradients = [...(await model.getWeights())].map(([name, { data, shape }]) => {
    const before = given.get(name).data
    return [`d.${name}`, { data: data.map((value, at) => (before[at] - value) / learningRate), shape }]
  })
  model.dispose()
  return Object.fromEntries(gradients)
}

/** Training through Trainer: embedding, GRU, dense layer, Adam. */
async function step(row, arrays, options) {
  const { batch, steps, fitSteps } = row
  const rows = batch * fitSteps
  const data = { x: read(arrays, 'ids', [rows, steps]), y: read(arrays, 'labels', [rows]) }
  const { model } = await network(row, arrays, options)
  const optimizer = adam({ learningRate: 0.001, epsilon: 1e-8, epsilonMode: 'torch' })
  const trainer = new Trainer(model, { optimizer, loss: sparseCategoricalCrossentropy() })
  const fit = () => trainer.fit(data, { batchSize: batch, shuffle: false, verbose: false })
  const once = async () => {
    const gradients = await firstGradients(row, arrays, options)
    const losses = []
    for (let epoch = 0; epoch < 2; epoch++) losses.push((await fit()).history.loss[0])
    return { losses: tensor(Float32Array.from(losses)), ...gradients }
  }
  const time = async (ms) => {
    await fit()
    const [wall, cpu] = [[], []]
    for (const start = performance.now(); wall.length < 1 || performance.now() - start < ms; ) {
      const [before, worked] = [performance.now(), process.cpuUsage()]
      await fit()
      wall.push((performance.now() - before) / fitSteps)
      const { user, system } = process.cpuUsage(worked)
      cpu.push((user + system) / 1000 / fitSteps)
    }
    const { graphs } = modelInternals(model).session('bench').memory() // how often this was captured and replayed, or refused
    return { step: wall, cpu, ...(graphs && { graphs }) }
  }
  return { engine: () => model.engine, once, time, dispose: () => model.dispose() }
}

let current
let subjects = new Map()

const commands = {
  info: () => ({ node: process.version, devices: diagnose() }),
  prepare(request) {
    for (const subject of subjects.values()) subject.dispose()
    subjects = new Map()
    current = request
    return {}
  },
  async open({ name, algorithm, graphs, out }) {
    const { row, arrays } = current
    const options = { device: 'cuda', precision: row.precision, algorithm, graphs }
    const subject = await { latency, step }[row.kind](row, arrays, options)
    subjects.set(name, subject)
    const results = write(await subject.once(), out)
    return { engine: subject.engine(), results }
  },
  time: ({ name, ms }) => subjects.get(name).time(ms),
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  let answer
  try {
    answer = await commands[request.command](request)
  } catch (error) {
    answer = { error: error.message, trace: error.stack }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
commands.prepare()
