// grus as a caller sees it: the classes Gru and Trainer.
import {
  adam,
  bidirectional,
  dense,
  embedding,
  Gru,
  gru,
  meanSquaredError,
  sequential,
  sparseCategoricalCrossentropy,
  Trainer,
  tensor,
} from '../../dist/index.js'
import { read, serve } from './serve.mjs'

function readTensor(array) {
  const { data, shape } = read(array)
  return tensor(data, shape)
}

const weightsOf = (arrays) =>
  Object.fromEntries(
    Object.entries(arrays)
      .filter(([name]) => name.startsWith('weights.'))
      .map(([name, array]) => [name.slice('weights.'.length), readTensor(array)]),
  )

async function layer({ kind, steps, input, hidden, weights = 'float32' }, arrays, threads) {
  const gru = new Gru({ inputSize: input, hiddenSize: hidden, layout: 'TBI', device: 'cpu', threads, inferenceWeights: weights })
  gru.setParameters(weightsOf(arrays))
  const x = readTensor(arrays.x)
  const dispose = () => gru.dispose()
  if (kind === 'forward') {
    const once = await gru.forward(x)
    const out = { y: once.y.data.slice(), hy: once.hy.data.slice() }
    const sample = steps === 1 ? () => gru.forwardSync(x, { out }) : () => gru.forward(x) // a stream's step is not worth a promise
    return { engine: gru.engine, once: () => once, sample, dispose }
  }
  const dy = readTensor(arrays.dy)
  const both = async () => {
    const { y, hy } = await gru.forward(x, { training: true })
    const { dx, gradients } = await gru.backward({ dy })
    return { y, hy, dx, ...Object.fromEntries(gradients) }
  }
  return { engine: gru.engine, once: both, sample: both, dispose }
}

function modelOf({ model, units, inputs, vocabulary, embedding: width, bidirectional: bothWays, classes }, threads) {
  const options = { device: 'cpu', threads, seed: 1 }
  if (model === 'regression') {
    const regression = sequential([gru({ units, name: 'gru' }), dense({ units: 1, name: 'dense' })], { ...options, inputSize: inputs })
    regression.build(inputs)
    return regression
  }
  const layers = [
    embedding({ inputDim: vocabulary, outputDim: width, name: 'embedding' }),
    bothWays ? bidirectional(gru({ units }), { name: 'gru' }) : gru({ units, name: 'gru' }),
    dense({ units: classes, activation: 'softmax', name: 'dense' }),
  ]
  return sequential(layers, options)
}

function training(workload, arrays, threads) {
  const data = { x: readTensor(arrays.x), y: readTensor(arrays.y) }
  if (arrays.lengths) data.lengths = Array.from(read(arrays.lengths).data)
  const model = modelOf(workload, threads)
  if (!model.built) model.build(workload.inputs)
  model.setWeights(weightsOf(arrays))
  const trainer = new Trainer(model, {
    optimizer: adam({ learningRate: 0.001, epsilon: 1e-8, epsilonMode: 'torch' }),
    loss: workload.model === 'regression' ? meanSquaredError() : sparseCategoricalCrossentropy(),
  })
  const fit = (shuffle) => trainer.fit(data, { batchSize: workload.batch, shuffle, verbose: false })
  const once = async () => {
    const losses = []
    for (let epoch = 0; epoch < 2; epoch++) losses.push((await fit(false)).history.loss[0])
    return { losses: tensor(Float32Array.from(losses)) }
  }
  return { engine: model.engine, once, sample: () => fit(true), perSample: workload.fitSteps, dispose: () => model.dispose() }
}

await serve({ name: 'grus', node: process.version }, (workload, arrays, threads) =>
  (workload.kind === 'training' ? training : layer)(workload, arrays, threads),
)
