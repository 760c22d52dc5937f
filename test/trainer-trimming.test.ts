import { describe, expect, it } from 'vitest'
import { bidirectional, dense, dropout, embedding, gru, layerNormalization, masking } from '../lib/layers.js'
import { resolveLoss } from '../lib/losses.js'
import { sequential } from '../lib/model.js'
import { modelInternals } from '../lib/model-internals.js'
import { resolveOptimizer } from '../lib/optimizers.js'
import { RandomStream } from '../lib/random.js'
import type { LayerSpec } from '../lib/spec/types.js'
import { tensor } from '../lib/tensor.js'
import { Batcher } from '../lib/training/batcher.js'
import { shuffleRows } from '../lib/training/order.js'
import { trimmingOf } from '../lib/training/trimming.js'
import { checkData, type Setup, Work } from '../lib/training/work.js'
import { close } from './support/compare.js'
import { testDevice } from './support/devices.js'
import { flatWeights } from './support/toy.js'

const [rows, steps] = [96, 18]

/** Rows of 1 to 12 steps, padded in front or behind to 18; each step has a class. */
function padded(side: 'pre' | 'post') {
  const stream = new RandomStream(2, 'padded')
  const ids = new Int32Array(rows * steps)
  for (let row = 0; row < rows; row++) {
    const length = 1 + stream.below(row % 16 === 0 ? 12 : 7)
    const from = row * steps + (side === 'pre' ? steps - length : 0)
    for (let t = 0; t < length; t++) ids[from + t] = 1 + stream.below(9)
  }
  return { ids, features: Float32Array.from(ids, (id) => Math.sin(id)), mask: Int32Array.from(ids, (id) => (id === 0 ? 0 : 1)) }
}

const ids = embedding({ inputDim: 10, outputDim: 6, maskZero: true })
const softmax = dense({ units: 10, activation: 'softmax' })
const stacks: [string, LayerSpec[]][] = [
  ['one gru', [ids, gru({ units: 8 }), softmax]],
  [
    'bidirectional, dropout on the input, goBackwards',
    [ids, bidirectional(gru({ units: 5, dropout: 0.3, returnSequences: true })), gru({ units: 4, goBackwards: true }), softmax],
  ],
  ['dropout between', [ids, gru({ units: 8, returnSequences: true }), dropout({ rate: 0.4 }), gru({ units: 5 }), softmax]],
  ['a class for every step', [ids, bidirectional(gru({ units: 5, returnSequences: true })), softmax]],
  [
    'features with a mask',
    [gru({ units: 7, zeroOutputForMask: true, returnSequences: true }), gru({ units: 7, resetAfter: false }), softmax],
  ],
  [
    'masking, a backward gru whose output is aligned, layer normalization',
    [
      masking(),
      gru({ units: 7, goBackwards: true, alignOutput: true, returnSequences: true }),
      layerNormalization(),
      gru({ units: 5 }),
      softmax,
    ],
  ],
]

/** Weights and losses after three epochs, with or without cutting batches. */
async function train(layers: LayerSpec[], side: 'pre' | 'post', trim: boolean) {
  using model = sequential(layers, { seed: 11, device: testDevice })
  const setup: Setup = {
    model,
    loss: resolveLoss('test', 'sparseCategoricalCrossentropy'),
    metrics: ['accuracy'],
    optimizer: resolveOptimizer('test', 'adam'),
  }
  const { ids, features, mask } = padded(side)
  const isIds = layers[0]!.type === 'embedding'
  const isMasked = layers[0]!.type === 'masking'
  const perStep = layers.at(-2)!.type === 'bidirectional'
  const x = isIds ? tensor(ids, [rows, steps]) : tensor(features, [rows, steps, 1])
  const y = perStep ? tensor(ids, [rows, steps]) : tensor(Int32Array.from({ length: rows }, (_, row) => row % 10))
  const inputs = checkData('test', setup, { x, y, ...(!isIds && !isMasked && { mask: tensor(mask, [rows, steps]) }) }, 'data')
  const output = modelInternals(model).output('test')
  const trimming = trimmingOf(layers, inputs, output, true)
  const batcher = new Batcher(inputs, trim ? trimming : { ...trimming, leading: false, trailing: false })
  const work = await Work.begin('test', setup, setup)
  const figures = []
  let cut = 0
  for (let epoch = 0; epoch < 3; epoch++) {
    const order = await shuffleRows(new Uint32Array(rows), 1, epoch)
    const submit = (batch: Parameters<typeof work.session.trainStep>[0]) => {
      cut += steps - batch.steps
      return work.session.trainStep(batch, 0.01)
    }
    figures.push(await work.over({ where: 'test', batcher, batchSize: 16, order, submit }))
  }
  return { cut, figures, weights: await flatWeights(model) }
}

const numbersOf = (value: unknown): number[] =>
  typeof value === 'number' ? [value] : value && typeof value === 'object' ? Object.values(value).flatMap(numbersOf) : []

// On a GPU a batch of fewer steps has products of fewer rows, for which cuBLAS may choose another kernel, and so another order of sums;
// Adam makes as much of the last bits of a small gradient as of a large one's.
const tolerance = testDevice === 'cuda' ? { atol: 1e-5, rtol: 1e-4 } : { atol: 0, rtol: 0 }
const same = (came: ArrayLike<number>, expected: ArrayLike<number>, what: string) => close(came, expected, tolerance, what)

describe('leaving out steps that no row of a batch uses changes no bit', () => {
  const cases = stacks.flatMap(([name, layers]) => (['pre', 'post'] as const).map((side) => [name, side, layers] as const))
  it.each(cases)('%s, padded %s', async (name, side, layers) => {
    const trimmed = await train(layers, side, true)
    const whole = await train(layers, side, false)
    same(trimmed.weights, whole.weights, 'weights')
    same(numbersOf(trimmed.figures), numbersOf(whole.figures), 'figures')
    expect(whole.cut).toBe(0)
    const front = name !== 'dropout between' && name !== 'a class for every step' && !name.endsWith('layer normalization')
    if (side === 'post' || front) expect(trimmed.cut).toBeGreaterThan(50)
  })
})
