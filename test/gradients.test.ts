// Every layer and option: output and gradients of the engine against the float64 reference, which is held to finite differences on the way.
import { describe, it } from 'vitest'
import {
  type Activation,
  activation,
  bidirectional,
  dense,
  dropout,
  embedding,
  gru,
  layerNormalization,
  type MergeMode,
  masking,
} from '../lib/index.js'
import { devices, toleranceOf } from './support/devices.js'
import { checkModel, type ModelCheck } from './support/model-check.js'

const holes = [
  [1, 1, 0, 1],
  [0, 1, 0, 1],
  [0, 0, 0, 0],
]
const prefixes = [
  [1, 1, 1, 0],
  [1, 0, 0, 0],
  [1, 1, 1, 1],
]
const rightAligned = [
  [0, 1, 1, 1],
  [0, 0, 0, 1],
  [1, 1, 1, 1],
]
const masks: Record<string, number[][]> = { holes, prefixes, 'right-aligned': rightAligned }

const activations: Activation[] = [
  ...(['linear', 'relu', 'tanh', 'sigmoid', 'softsign', 'softplus', 'leakyRelu', 'thresholdedRelu', 'hardSigmoid', 'elu'] as const),
  { name: 'affine', alpha: 0.7, beta: -0.2 },
  { name: 'scaledTanh', alpha: 1.3, beta: 0.6 },
  { name: 'leakyRelu', alpha: 0.3 },
  { name: 'thresholdedRelu', alpha: 0.2 },
  { name: 'hardSigmoid', alpha: 0.4, beta: 0.3 },
  { name: 'elu', alpha: 0.5 },
]
const show = (activation: Activation): string => (typeof activation === 'string' ? activation : Object.values(activation).join(' '))

const checks: Record<string, ModelCheck> = {
  embedding: { layers: [embedding({ inputDim: 6, outputDim: 3 })] },
  'embedding, then gru': { layers: [embedding({ inputDim: 6, outputDim: 3 }), gru({ units: 4 })] },
  'embedding with maskZero, then gru': {
    layers: [embedding({ inputDim: 3, outputDim: 3, maskZero: true }), gru({ units: 4, returnSequences: true })],
    shape: [4, 6, 0],
  },
  'embedding with maskZero and a mask': {
    layers: [embedding({ inputDim: 3, outputDim: 3, maskZero: true }), gru({ units: 4, returnSequences: true }), gru({ units: 2 })],
    mask: holes,
  },
  'embedding, regularised': { layers: [embedding({ inputDim: 6, outputDim: 3, embeddingsRegularizer: { l1: 0.03, l2: 0.05 } })] },
  'dense on vectors': { layers: [dense({ units: 4 })], shape: [5, 0, 3] },
  'dense without bias': { layers: [dense({ units: 4, useBias: false })], shape: [5, 0, 3] },
  'dense on every step': { layers: [dense({ units: 2 }), dense({ units: 5, activation: 'tanh' })] },
  'dense, softmax': { layers: [dense({ units: 5, activation: 'softmax' })], shape: [4, 0, 3] },
  'dense, softmax on every step': { layers: [gru({ units: 3, returnSequences: true }), dense({ units: 5, activation: 'softmax' })] },
  'dense, regularised': {
    layers: [dense({ units: 3, kernelRegularizer: { l1: 0.02, l2: 0.1 }, biasRegularizer: { l2: 0.3 } })],
    shape: [4, 0, 3],
  },
  'dropout on vectors': {
    layers: [dense({ units: 8, activation: 'tanh' }), dropout({ rate: 0.4 }), dense({ units: 3 })],
    shape: [5, 0, 3],
    training: true,
  },
  'dropout on sequences': {
    layers: [gru({ units: 6, returnSequences: true }), dropout({ rate: 0.3 }), dense({ units: 3 })],
    training: true,
  },
  'dropout outside training': { layers: [dropout({ rate: 0.4 }), dense({ units: 3 })], shape: [5, 0, 3] },
  'dropout in the second batch': { layers: [dropout({ rate: 0.5 }), dense({ units: 3 })], shape: [5, 0, 3], training: true, batches: 2 },
  'dropout twice': {
    layers: [dropout({ rate: 0.2 }), dense({ units: 6, activation: 'elu' }), dropout({ rate: 0.6 })],
    shape: [5, 0, 3],
    training: true,
  },

  'gru of one step': { layers: [gru({ units: 5 })], shape: [4, 1, 3] },
  'gru of one unit': { layers: [gru({ units: 1 })], shape: [2, 3, 1] },
  'gru of 33 units': { layers: [gru({ units: 33, returnSequences: true })], shape: [3, 3, 17] },
  'gru without bias': { layers: [gru({ units: 5, useBias: false })] },
  'gru without bias, reset before': { layers: [gru({ units: 5, useBias: false, resetAfter: false })] },
  'gru, clipped': { layers: [gru({ units: 5, clip: 0.7, returnSequences: true })] },
  'gru, clipped, reset before': { layers: [gru({ units: 5, clip: 0.7, resetAfter: false })] },
  "gru, updateGate 'write'": { layers: [gru({ units: 5, updateGate: 'write', returnSequences: true })] },
  "gru, updateGate 'write', reset before": { layers: [gru({ units: 5, updateGate: 'write', resetAfter: false })] },
  "bidirectional, updateGate 'write', masked": {
    layers: [bidirectional(gru({ units: 3, updateGate: 'write', returnSequences: true }))],
    mask: holes,
  },
  'gru, regularised': {
    layers: [
      gru({ units: 4, kernelRegularizer: { l2: 0.05 }, recurrentRegularizer: { l1: 0.02 }, biasRegularizer: { l1: 0.01, l2: 0.2 } }),
    ],
  },
  'gru, regularised, reset before': {
    layers: [
      gru({
        units: 4,
        resetAfter: false,
        kernelRegularizer: { l1: 0.05 },
        recurrentRegularizer: { l2: 0.02 },
        biasRegularizer: { l2: 0.2 },
      }),
    ],
  },
  'bidirectional, regularised': {
    layers: [bidirectional(gru({ units: 3, kernelRegularizer: { l2: 0.05 }, biasRegularizer: { l1: 0.1 } }))],
  },
  "gru, updateGate 'write', regularised": { layers: [gru({ units: 3, updateGate: 'write', kernelRegularizer: { l1: 0.1, l2: 0.05 } })] },
  'gru, dropout': { layers: [gru({ units: 4, dropout: 0.4, returnSequences: true })], training: true },
  'gru, dropout, masked': { layers: [gru({ units: 4, dropout: 0.4, returnSequences: true })], training: true, mask: holes },
  'gru, dropout, after another layer': {
    layers: [dense({ units: 6, activation: 'tanh' }), gru({ units: 4, dropout: 0.5 }), dense({ units: 2 })],
    training: true,
  },
  'bidirectional, dropout': { layers: [bidirectional(gru({ units: 4, dropout: 0.4 }))], training: true },
  'gru, stateful, second batch': { layers: [gru({ units: 4, stateful: true, returnSequences: true })], batches: 2 },
  'gru, stateful, masked': { layers: [gru({ units: 4, stateful: true, returnSequences: true })], batches: 3, mask: holes },
  'gru, stateful, going backwards': {
    layers: [gru({ units: 4, stateful: true, goBackwards: true, returnSequences: true })],
    batches: 2,
    mask: holes,
  },
  'bidirectional, stateful': {
    layers: [bidirectional(gru({ units: 3, stateful: true, returnSequences: true }))],
    batches: 2,
    mask: prefixes,
  },
  'bidirectional with a backward layer of its own': {
    layers: [
      bidirectional(gru({ units: 3, returnSequences: true }), {
        backwardLayer: gru({ units: 3, returnSequences: true, activation: 'softsign', recurrentActivation: 'hardSigmoid' }),
      }),
    ],
    mask: holes,
  },
  'gru going backwards, aligned, stateful': {
    layers: [gru({ units: 4, stateful: true, goBackwards: true, alignOutput: true, returnSequences: true })],
    batches: 2,
    mask: holes,
  },
  'two layers, the first going backwards, aligned': {
    layers: [gru({ units: 4, goBackwards: true, alignOutput: true, returnSequences: true }), gru({ units: 3, returnSequences: true })],
    mask: rightAligned,
  },
  'gru going backwards, aligned, unmasked': {
    layers: [gru({ units: 4, goBackwards: true, alignOutput: true, returnSequences: true }), dense({ units: 2 })],
  },

  'layer normalization of vectors': { layers: [layerNormalization()], shape: [5, 0, 7] },
  'layer normalization without bias and weight': {
    layers: [layerNormalization({ center: false, scale: false, epsilon: 1e-5 })],
    shape: [5, 0, 4],
  },
  'layer normalization without bias': { layers: [layerNormalization({ center: false })], shape: [5, 0, 4] },
  'layer normalization without weight': { layers: [layerNormalization({ scale: false, epsilon: 0 })], shape: [5, 0, 4] },
  'layer normalization of one feature': { layers: [layerNormalization()], shape: [5, 0, 1] },
  'layer normalization of wide rows': { layers: [layerNormalization()], shape: [9, 2, 67], spots: 2 },
  'layer normalization between grus': {
    layers: [
      gru({ units: 6, returnSequences: true }),
      layerNormalization(),
      gru({ units: 4, returnSequences: true }),
      layerNormalization({ epsilon: 1e-5 }),
      dense({ units: 2 }),
    ],
    mask: holes,
  },
  'layer normalization before a gru': { layers: [layerNormalization({ epsilon: 1e-5 }), gru({ units: 4 })] },
  'layer normalization in front and dropout after it': {
    layers: [layerNormalization(), dropout({ rate: 0.4 }), gru({ units: 4 }), layerNormalization()],
    training: true,
  },
  'activation layers': {
    layers: [activation({ activation: 'tanh' }), dense({ units: 5 }), activation({ activation: { name: 'elu', alpha: 0.5 } })],
    shape: [4, 0, 3],
  },
  'an activation on every step, then a softmax': {
    layers: [gru({ units: 3, returnSequences: true }), activation({ activation: 'softplus' }), activation({ activation: 'softmax' })],
    mask: holes,
  },
  'masking, then gru': {
    layers: [masking(), gru({ units: 4, returnSequences: true })],
    filled: { value: 0, steps: holes },
    spots: 4,
  },
  'masking of another value, zeroed for a dense layer': {
    layers: [masking({ maskValue: -1.1 }), dense({ units: 4, activation: 'tanh' }), gru({ units: 3, returnSequences: true })],
    filled: { value: -1.1, steps: holes },
    spots: 6,
  },
  'masking and a mask': {
    layers: [masking({ maskValue: 2 }), bidirectional(gru({ units: 4, dropout: 0.3 }))],
    filled: { value: 2, steps: holes },
    mask: rightAligned,
    training: true,
    spots: 8,
  },
  'masking of what no layer carries on': {
    layers: [masking({ maskValue: 0.5 }), dense({ units: 4 })],
    filled: { value: 0.5, steps: prefixes },
    mask: holes,
    spots: 2,
  },
  'three layers': {
    layers: [
      gru({ units: 5, returnSequences: true }),
      bidirectional(gru({ units: 4, returnSequences: true })),
      gru({ units: 3 }),
      dense({ units: 2 }),
    ],
    mask: holes,
  },
  'two layers, the first going backwards': {
    layers: [gru({ units: 4, goBackwards: true, returnSequences: true }), gru({ units: 3, returnSequences: true })],
    mask: rightAligned,
  },
}

// sizes that fill vectors and blocks, leave remainders, and are split among threads
checks['wide layers over a large batch'] = {
  layers: [
    embedding({ inputDim: 40, outputDim: 19, maskZero: true }),
    bidirectional(gru({ units: 21, returnSequences: true, dropout: 0.2 })),
    gru({ units: 34, resetAfter: false, returnSequences: true }),
    gru({ units: 17 }),
    dense({ units: 65, activation: 'softmax' }),
  ],
  shape: [37, 3, 0],
  training: true,
  spots: 1,
}

for (const resetAfter of [true, false]) {
  for (const activation of activations) {
    checks[`gru, reset ${resetAfter ? 'after' : 'before'}, n of ${show(activation)}`] = {
      layers: [gru({ units: 4, resetAfter, activation })],
    }
    checks[`gru, reset ${resetAfter ? 'after' : 'before'}, gates of ${show(activation)}`] = {
      layers: [gru({ units: 4, resetAfter, recurrentActivation: activation, returnSequences: true })],
      shape: [3, 3, 3],
    }
  }
  for (const [kind, mask] of Object.entries(masks)) {
    for (const options of [
      {},
      { goBackwards: true },
      { goBackwards: true, alignOutput: true },
      { zeroOutputForMask: true },
      { goBackwards: true, zeroOutputForMask: true },
      { goBackwards: true, alignOutput: true, zeroOutputForMask: true },
    ]) {
      for (const returnSequences of [true, false]) {
        const name = [
          'gru',
          `reset ${resetAfter ? 'after' : 'before'}`,
          `mask with ${kind}`,
          ...Object.keys(options),
          ...(returnSequences ? ['sequences'] : []),
        ]
        checks[name.join(', ')] = { layers: [gru({ units: 4, resetAfter, returnSequences, ...options })], mask }
      }
    }
  }
}
for (const activation of activations)
  checks[`dense of ${show(activation)}`] = { layers: [dense({ units: 6, activation })], shape: [4, 0, 3] }
for (const mergeMode of ['concat', 'sum', 'mul', 'ave'] as MergeMode[]) {
  for (const returnSequences of [true, false]) {
    for (const mask of [undefined, holes, prefixes]) {
      const what = `bidirectional, ${mergeMode}${returnSequences ? ', sequences' : ''}${mask ? `, mask with ${mask === holes ? 'holes' : 'prefixes'}` : ''}`
      checks[what] = { layers: [bidirectional(gru({ units: 3, returnSequences }), { mergeMode })], ...(mask && { mask }) }
    }
  }
}

describe.each(devices())('the engine agrees with the float64 reference, on $device in $precision', (device) => {
  it.each(Object.entries(checks))('%s', (_, check) => checkModel(device, check, toleranceOf(device)))
})
