// A worker that streams through one model and one Gru without ever returning to its loop for long: until it is terminated.
import { parentPort } from 'node:worker_threads'
import { dense, Gru, gru, sequential, tensor } from '../../../dist/index.js'

const options = { device: 'cpu', threads: 2, seed: 1 }
const model = sequential([gru({ units: 32, stateful: true }), dense({ units: 1 })], options)
const net = new Gru({ inputSize: 4, hiddenSize: 32, ...options })
const x = tensor(new Float32Array(16 * 8 * 4).fill(0.1), [16, 8, 4])
model.predictSync(x)
const weights = await model.getWeights()
parentPort.postMessage('streaming')
for (let call = 0; ; ++call) {
  const written = call % 50 === 0 ? model.setWeights(weights) : undefined
  model.predictSync(x)
  net.forwardSync(x)
  await written
}
