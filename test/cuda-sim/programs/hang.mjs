// Ends while a kernel on the simulated GPU does not (GRUS_SIM_HANG), in the way that the argument says, with code 7. GRUS_SIM_LOG tells
// when the GPU is waited for.
import { existsSync, readdirSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { dense, Gru, gru, sequential, tensor } from '../../../dist/index.js'

const way = process.argv[2]
const x = tensor(new Float32Array(4 * 6 * 3).fill(0.5), [4, 6, 3])
const until = async (event) => {
  while (!event()) await new Promise((resolve) => setTimeout(resolve, 5))
}
const threads = () => readdirSync('/proc/self/task').length

function hang() {
  const model = sequential([gru({ units: 5 }), dense({ units: 2 })], { device: 'cuda', seed: 1 })
  const cell = new Gru({ inputSize: 3, hiddenSize: 8, numLayers: 2, device: 'cuda', seed: 1 })
  model.build(3) // here, as long as the GPU answers
  const gone = () => {} // what has not begun when its object is disposed of is rejected
  model.predict(x).catch(gone)
  cell.forward(x).catch(gone)
  return [model, cell]
}

const inWorker = async () => {
  process.env.GRUS_SIM_HANG = '1' // of the process, so the worker's too: the next launch does not end
  const worker = new Worker(new URL(import.meta.url), { argv: ['in a worker'] })
  await until(() => existsSync(process.env.GRUS_SIM_LOG))
  await worker.terminate()
}

if (way === 'in a worker') {
  // a Gru's result is written where JavaScript will read it: into memory that goes with the worker
  const cell = new Gru({ inputSize: 8, hiddenSize: 64, device: 'cuda', seed: 1 })
  cell.forward(tensor(new Float32Array(64 * 100 * 8), [64, 100, 8]))
  await new Promise(() => {})
} else if (way === 'exit' || way === 'dispose') {
  process.env.GRUS_SIM_HANG = '1'
  const objects = hang()
  await until(() => existsSync(process.env.GRUS_SIM_LOG))
  if (way === 'dispose') for (const object of objects) object.dispose()
  process.exit(7)
} else if (way === 'end') {
  // by itself, with a model that has nothing to do but to free its memory
  const model = sequential([gru({ units: 5 })], { device: 'cuda', seed: 1 })
  await model.predict(x)
  await inWorker()
  process.exitCode = 7
} else {
  // The worker goes, its threads stay with what they use; the GPU answers after all, and the threads end.
  const before = threads()
  await inWorker()
  if (threads() <= before) throw new Error('expected threads that have been left')
  globalThis.gc()
  delete process.env.GRUS_SIM_HANG
  await until(() => threads() <= before)
  const cell = new Gru({ inputSize: 3, hiddenSize: 8, device: 'cuda', seed: 1 })
  const { y } = await cell.forward(x)
  if (!y.data.every(Number.isFinite)) throw new Error('expected finite numbers')
  process.exitCode = 7
}
