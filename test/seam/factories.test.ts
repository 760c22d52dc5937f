// Nonsense into everything that takes options or data and computes nothing yet: always a GrusError.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as grus from '../../lib/index.js'
import { testDevice } from '../support/devices.js'
import { fuzz, junk, survives } from './junk.js'

const { dense, embedding, Gru, gru, sequential, Trainer, tensor } = grus
const folder = join(tmpdir(), 'grus-seam-is-never-written')
const layers = (): grus.LayerSpec[] => [gru({ units: 4, inputSize: 2 }), dense({ units: 1 })]
const model = (): grus.Model => sequential(layers(), { device: testDevice, seed: 1, threads: 1 })

/** Full options of each factory. */
const factories: Record<string, [(options: never) => unknown, object]> = {
  embedding: [
    embedding,
    { inputDim: 5, outputDim: 3, maskZero: true, embeddingsInitializer: 'uniform', embeddingsRegularizer: { l1: 0, l2: 0.1 }, name: 'e' },
  ],
  gru: [
    gru,
    {
      units: 4,
      activation: { name: 'elu', alpha: 1 },
      recurrentActivation: 'sigmoid',
      resetAfter: true,
      updateGate: 'keep',
      dropout: 0.1,
      clip: 3,
      kernelInitializer: { name: 'normal', mean: 0, stddev: 1 },
      recurrentInitializer: { name: 'orthogonal', gain: 1 },
      biasRegularizer: { l1: 0.1 },
      inputSize: 3,
      name: 'g',
    },
  ],
  dense: [dense, { units: 4, activation: 'softmax', kernelInitializer: { name: 'uniform', min: -1, max: 1 }, name: 'd' }],
  dropout: [grus.dropout, { rate: 0.5, name: 'drop' }],
  bidirectional: [(options) => grus.bidirectional(gru({ units: 3 }), options), { mergeMode: 'sum', name: 'b' }],
  sgd: [grus.sgd, { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1, clipNorm: 1 }],
  adam: [grus.adam, { learningRate: 0.1, beta1: 0.9, beta2: 0.9, epsilon: 1e-7, amsgrad: true, epsilonMode: 'torch', globalClipNorm: 1 }],
  rmsprop: [grus.rmsprop, { learningRate: 0.1, rho: 0.9, momentum: 0.1, epsilon: 1e-7, centered: true, clipValue: 1 }],
  adagrad: [grus.adagrad, { initialAccumulator: 0.1 }],
  adadelta: [grus.adadelta, { rho: 0.9 }],
  binaryCrossentropy: [grus.binaryCrossentropy, { fromLogits: true, labelSmoothing: 0.1 }],
  huber: [grus.huber, { delta: 2 }],
  precision: [grus.precision, { threshold: 0.4, name: 'p' }],
  topK: [grus.topK, { k: 2, name: 't' }],
  Gru: [
    (options) => new Gru(options),
    {
      inputSize: 2,
      hiddenSize: 3,
      numLayers: 2,
      direction: 'both',
      bias: true,
      resetAfter: false,
      updateGate: 'write',
      activation: ['tanh', { name: 'elu', alpha: 2 }],
      clip: 2,
      layout: 'TBI',
      device: testDevice,
      precision: 'float32',
      seed: 1,
      threads: 1,
    },
  ],
  earlyStopping: [grus.earlyStopping, { monitor: 'loss', patience: 2, mode: 'min', restoreBestWeights: true }],
  modelCheckpoint: [grus.modelCheckpoint, { path: join(folder, 'x.safetensors'), saveBestOnly: true }],
  reduceLROnPlateau: [grus.reduceLROnPlateau, { factor: 0.5, patience: 2, minDelta: 0.1, cooldown: 1, minLearningRate: 0.1 }],
  csvLogger: [grus.csvLogger, { path: join(folder, 'x.csv'), separator: ',', append: true }],
  textVectorizer: [grus.textVectorizer, { level: 'word', maxTokens: 10, standardize: 'lower', outputLength: 4 }],
  normalizer: [grus.normalizer, { mean: [0, 1], variance: [1, 1] }],
}

describe('factories', () => {
  it.each(Object.entries(factories))('%s with one thing wrong', async (_, [make, valid]) => {
    expect(await survives('valid options', () => make(valid as never))).toBe(false)
    const { refused, tried } = await fuzz(valid, make)
    expect(refused / tried).toBeGreaterThan(0.5)
    expect(await survives('an unknown option', () => make({ ...valid, colour: 1 } as never))).toBe(true)
    for (const [name, by] of junk()) await survives(`options = ${name}`, () => make(by as never))
  })

  it('what takes data or lists', async () => {
    const calls: [string, (value: never) => unknown][] = [
      ['tensor', (v) => tensor(v)],
      ['tensor, shape', (v) => tensor([1, 2, 3], v)],
      ['tensor, options', (v) => tensor([1, 2, 3], [3], v)],
      ['sequential', (v) => sequential(v)],
      ['sequential, one layer', (v) => sequential([v])],
      ['sequential, options', (v) => sequential(layers(), v)],
      ['bidirectional', (v) => grus.bidirectional(v)],
      ['Trainer', (v) => new Trainer(v, { loss: 'mse' })],
      ['Trainer, options', (v) => new Trainer(model(), v)],
      ['Trainer, loss', (v) => new Trainer(model(), { loss: v })],
      ['Trainer, optimizer', (v) => new Trainer(model(), { loss: 'mse', optimizer: v })],
      ['Trainer, metrics', (v) => new Trainer(model(), { loss: 'mse', metrics: v })],
      ['Trainer, one metric', (v) => new Trainer(model(), { loss: 'mse', metrics: [v] })],
      ['padSequences', (v) => grus.padSequences(v)],
      ['padSequences, rows', (v) => grus.padSequences([v])],
      ['timeseriesWindows', (v) => grus.timeseriesWindows(v, { sequenceLength: 1 })],
      ['timeseriesWindows, options', (v) => grus.timeseriesWindows([1, 2, 3], v)],
      ['normalizer.adapt', (v) => grus.normalizer().adapt(v)],
      ['textVectorizer.adapt', (v) => grus.textVectorizer({ level: 'word' }).adapt(v)],
      ['textVectorizer.fromJSON', (v) => grus.textVectorizer.fromJSON(v)],
      ['learningRateScheduler', (v) => grus.learningRateScheduler(v)],
      ['loadModel', (v) => grus.loadModel(v)],
    ]
    for (const [what, call] of calls) for (const [name, by] of junk()) await survives(`${what} of ${name}`, () => call(by as never))
  })
})
