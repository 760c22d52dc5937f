// Small networks against what PyTorch computed for them (test/fixtures, written by scripts/fixtures/make.py): forward, gradients, training.
import { describe, expect, it } from 'vitest'
import {
  activation,
  adam,
  adamW,
  bidirectional,
  binaryCrossentropy,
  dense,
  embedding,
  gru,
  type LayerSpec,
  type Loss,
  type LossName,
  layerNormalization,
  type Model,
  type Optimizer,
  sequential,
  sgd,
  sparseCategoricalCrossentropy,
  type Tensor,
  Trainer,
  tensor,
} from '../../lib/index.js'
import { close, type Tolerance } from '../support/compare.js'
import { devices, toTensor, toTensors } from '../support/devices.js'
import { type CaseTensor, fixture } from '../support/shared.js'

interface Fixture {
  about: string
  x: CaseTensor
  y: CaseTensor
  lengths: number[] | null
  output: CaseTensor
  outputAfter10: CaseTensor
  losses: number[]
  weights: Record<string, CaseTensor>
  gradients: Record<string, CaseTensor>
  weightsAfter1: Record<string, CaseTensor>
  weightsAfter10: Record<string, CaseTensor>
}

interface Network {
  layers: LayerSpec[]
  loss: Loss | LossName
  optimizer: Optimizer
  ids?: boolean
  labels?: boolean
}

const networks: Record<string, Network> = {
  embedding_gru_dense: {
    layers: [embedding({ inputDim: 11, outputDim: 4, maskZero: true }), gru({ units: 5 }), dense({ units: 4 })],
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: adam({ learningRate: 0.01, epsilon: 1e-8, epsilonMode: 'torch' }),
    ids: true,
    labels: true,
  },
  bidirectional_gru_dense: {
    layers: [bidirectional(gru({ units: 4 }), { name: 'gru' }), dense({ units: 1 })],
    loss: binaryCrossentropy({ fromLogits: true }),
    optimizer: sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  },
  stacked_gru_dense: {
    layers: [gru({ units: 6, returnSequences: true }), gru({ units: 5, returnSequences: true }), dense({ units: 2 })],
    loss: 'meanSquaredError',
    optimizer: adamW({ learningRate: 0.01, epsilon: 1e-8, epsilonMode: 'torch', weightDecay: 0.02, globalClipNorm: 0.3 }),
  },
  normalized_gru_dense: {
    layers: [
      gru({ units: 6, returnSequences: true }),
      layerNormalization({ epsilon: 1e-5, name: 'norm' }),
      gru({ units: 5, returnSequences: true }),
      layerNormalization({ center: false, name: 'norm_1' }),
      activation({ activation: 'tanh' }),
      dense({ units: 2 }),
    ],
    loss: 'meanSquaredError',
    optimizer: adam({ learningRate: 0.01, epsilon: 1e-8, epsilonMode: 'torch' }),
  },
}

const tolerances: Record<'cpu' | 'cuda', { once: Tolerance; trained: Tolerance }> = {
  cpu: { once: { atol: 1e-7, rtol: 1e-5 }, trained: { atol: 2e-6, rtol: 1e-5 } },
  cuda: { once: { atol: 1e-6, rtol: 1e-4 }, trained: { atol: 1e-5, rtol: 1e-4 } },
}

async function compareWeights(model: Model, expected: Record<string, CaseTensor>, tolerance: Tolerance, when: string): Promise<void> {
  const weights = await model.getWeights()
  expect([...weights.keys()].sort()).toEqual(Object.keys(expected).sort())
  for (const [name, value] of Object.entries(expected)) close(weights.get(name)!, value, tolerance, `${name} ${when}`)
}

describe.each(devices())('as PyTorch, on $device in $precision', ({ device }) => {
  const { once, trained } = tolerances[device]

  describe.each(Object.entries(networks))('%s', (name, { layers, loss, optimizer, ids, labels }) => {
    const given = fixture<Fixture>(name)
    const x: Tensor = ids ? tensor(Int32Array.from(given.x.data), given.x.shape) : toTensor(given.x)
    const y: Tensor = labels ? tensor(Int32Array.from(given.y.data), given.y.shape) : toTensor(given.y)
    const mask = given.lengths && !ids ? { lengths: given.lengths } : {}
    const prepare = async (): Promise<Model> => {
      const model = sequential(layers, { device, seed: 1 })
      model.build(ids ? 11 : 3)
      await model.setWeights(toTensors(given.weights))
      return model
    }

    it('predicts the same and has the same loss', async () => {
      using model = await prepare()
      close(await model.predict(x, mask), given.output, once, 'output')
      const { loss: value } = await new Trainer(model, { loss, optimizer }).evaluate({ x, y, ...mask }, { verbose: false })
      close([value], [given.losses[0]!], once, 'loss')
    })

    it('has the same gradients', async () => {
      using model = await prepare()
      const output = await model.forward(x, { ...mask, training: true })
      const { gradients } = await model.backward(lossGradient(loss, output, y))
      for (const [key, value] of Object.entries(given.gradients)) close(gradients.get(key)!, value, once, `gradient of ${key}`)
    })

    it('trains to the same weights and losses in 1 and in 10 steps', async () => {
      using model = await prepare()
      const trainer = new Trainer(model, { loss, optimizer })
      const one = { batchSize: given.x.shape[0]!, shuffle: false, verbose: false }
      const first = await trainer.fit({ x, y, ...mask }, { ...one, epochs: 1 })
      await compareWeights(model, given.weightsAfter1, once, 'after 1 step')
      const rest = await trainer.fit({ x, y, ...mask }, { ...one, epochs: 10, initialEpoch: 1 })
      await compareWeights(model, given.weightsAfter10, trained, 'after 10 steps')
      close([...first.history.loss!, ...rest.history.loss!], given.losses, trained, 'losses')
      close(await model.predict(x, mask), given.outputAfter10, trained, 'output after 10 steps')
    })
  })
})

/** dL/dy by hand, from the output: softmax - one-hot, sigmoid - target, 2 (y - target), over how many there are. */
function lossGradient(loss: Loss | LossName, output: Tensor, y: Tensor): Tensor {
  const width = output.shape.at(-1)!
  const count = output.data.length
  const dy = Float32Array.from(output.data, (value, i) => {
    if (loss === 'meanSquaredError') return (2 * (value - y.data[i]!)) / count
    if (typeof loss === 'object' && loss.type === 'binaryCrossentropy') return (1 / (1 + Math.exp(-value)) - y.data[i]!) / count
    const row = Math.floor(i / width)
    const powers = Array.from({ length: width }, (_, j) => Math.exp(output.data[row * width + j]!))
    const probability = Math.exp(value) / powers.reduce((a, b) => a + b, 0)
    return (probability - (y.data[row] === i % width ? 1 : 0)) / (count / width)
  })
  return tensor(dy, output.shape)
}
