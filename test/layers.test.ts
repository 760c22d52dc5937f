import { describe, expect, test } from 'vitest'
import { activation, bidirectional, dense, dropout, embedding, gru, layerNormalization, masking } from '../lib/layers.js'
import type { GruOptions } from '../lib/spec/types.js'
import { thrown } from './support/errors.js'

describe('factories', () => {
  test("fill in Keras' defaults", () => {
    expect(gru({ units: 4 })).toEqual({
      type: 'gru',
      units: 4,
      activation: 'tanh',
      recurrentActivation: 'sigmoid',
      useBias: true,
      resetAfter: true,
      updateGate: 'keep',
      returnSequences: false,
      returnState: false,
      goBackwards: false,
      alignOutput: false,
      stateful: false,
      zeroOutputForMask: false,
      dropout: 0,
      kernelInitializer: 'glorotUniform',
      recurrentInitializer: 'orthogonal',
      biasInitializer: 'zeros',
    })
    expect(embedding({ inputDim: 5, outputDim: 3 })).toEqual({
      type: 'embedding',
      inputDim: 5,
      outputDim: 3,
      maskZero: false,
      embeddingsInitializer: 'uniform',
    })
    expect(dense({ units: 2, activation: 'softmax' })).toMatchObject({
      type: 'dense',
      useBias: true,
      activation: 'softmax',
      biasInitializer: 'zeros',
    })
    expect(layerNormalization()).toEqual({
      type: 'layerNormalization',
      epsilon: 1e-3,
      center: true,
      scale: true,
      betaInitializer: 'zeros',
      gammaInitializer: 'ones',
    })
    expect(activation({ activation: 'softmax' })).toEqual({ type: 'activation', activation: 'softmax' })
    expect(masking()).toEqual({ type: 'masking', maskValue: 0 })
    expect(dropout({ rate: 0.5 })).toEqual({ type: 'dropout', rate: 0.5 })
    expect(bidirectional(gru({ units: 4 }))).toMatchObject({ type: 'bidirectional', mergeMode: 'concat', layer: { units: 4 } })
  })

  test('make plain data that survives JSON', () => {
    const layers = [
      gru({ units: 3, clip: 1, kernelRegularizer: { l2: 0.1 } }),
      bidirectional(gru({ units: 2 }), { mergeMode: 'ave', name: 'b', backwardLayer: gru({ units: 2, activation: 'relu' }) }),
      layerNormalization({ scale: false }),
      masking({ maskValue: -1 }),
    ]
    expect(JSON.parse(JSON.stringify(layers))).toEqual(layers)
  })

  test('take an undefined option as absent', () => {
    const options: Record<string, unknown> = { units: 2, clip: undefined, activation: undefined }
    expect(gru(options as unknown as GruOptions)).toEqual(gru({ units: 2 }))
  })
})

describe('a wrong option is named', () => {
  const anyGru = (options: object) => () => gru(options as unknown as GruOptions)
  test.each<[string, () => unknown]>([
    ['[gru] units must be a positive integer, got -3', anyGru({ units: -3 })],
    ['[gru] units must be a positive integer, got 2.5', anyGru({ units: 2.5 })],
    ['[gru] units must be a positive integer, got 0', anyGru({ units: 0 })],
    ['[gru] units must be a positive integer, got NaN', anyGru({ units: Number.NaN })],
    ['[gru] units must be a positive integer, got Infinity', anyGru({ units: Infinity })],
    ["[gru] units must be a positive integer, got '8'", anyGru({ units: '8' })],
    ['[gru] units must be a positive integer below 2^31, got 4294967296', anyGru({ units: 2 ** 32 })],
    ['[gru] units is required: a positive integer', anyGru({})],
    ["[gru] unknown option 'unit'; did you mean 'units'?", anyGru({ unit: 3 })],
    ["[gru] unknown option 'returnsequences'; did you mean 'returnSequences'?", anyGru({ units: 3, returnsequences: true })],
    ["[gru] unknown option 'banana'", anyGru({ units: 3, banana: 1 })],
    ['[gru] returnSequences must be true or false, got 1', anyGru({ units: 3, returnSequences: 1 })],
    ['[gru] dropout must be a number from 0 to below 1, got 1', anyGru({ units: 3, dropout: 1 })],
    ['[gru] clip must be a positive number, got 0', anyGru({ units: 3, clip: 0 })],
    ["[gru] updateGate must be one of 'keep', 'write', got 'both'", anyGru({ units: 3, updateGate: 'both' })],
    ["[gru] unknown option 'kernelRegularizer.l3'; did you mean 'l1'?", anyGru({ units: 3, kernelRegularizer: { l3: 1 } })],
    ['[gru] kernelRegularizer.l2 must be a number of at least 0, got -1', anyGru({ units: 3, kernelRegularizer: { l2: -1 } })],
    ['[gru] kernelInitializer.value is required: a finite number', anyGru({ units: 3, kernelInitializer: { name: 'constant' } })],
    [
      '[gru] kernelInitializer: min must be at most max, got 2 and 1',
      anyGru({ units: 3, kernelInitializer: { name: 'uniform', min: 2, max: 1 } }),
    ],
    ['[gru] biasInitializer cannot be orthogonal: a bias is a vector', anyGru({ units: 3, biasInitializer: 'orthogonal' })],
    ["[gru] activation.name must be one of 'linear'", anyGru({ units: 3, activation: { name: 'tan' } })],
    ['[gru] activation: tanh has no alpha, got 2', anyGru({ units: 3, activation: { name: 'tanh', alpha: 2 } })],
    ['[gru] activation: affine needs alpha and beta', anyGru({ units: 3, activation: 'affine' })],
    ["[gru] name must be 1 to 100 letters, digits, '_' or '-', got 'a.b'", anyGru({ units: 3, name: 'a.b' })],
    ["[gru] unknown option 'type'", anyGru({ units: 3, type: 'dense' })],
    ['[gru] options must be an object, got null', () => gru(null as unknown as GruOptions)],
    ['[embedding] inputDim must be a positive integer, got -1', () => embedding({ inputDim: -1, outputDim: 2 })],
    ['[layerNormalization] epsilon must be a number of at least 0, got -1', () => layerNormalization({ epsilon: -1 })],
    [
      '[layerNormalization] betaInitializer cannot be orthogonal: a bias is a vector',
      () => layerNormalization({ betaInitializer: 'orthogonal' }),
    ],
    ["[activation] activation is required: 'softmax', one of 'linear'", () => activation({} as { activation: 'relu' })],
    ['[masking] maskValue must be a finite number, got NaN', () => masking({ maskValue: Number.NaN })],
    ['[gru] alignOutput needs goBackwards', anyGru({ units: 3, alignOutput: true })],
    ['[bidirectional] backwardLayer must be an object', () => bidirectional(gru({ units: 2 }), { backwardLayer: 1 as never })],
    ['[dropout] rate must be a number from 0 to below 1, got NaN', () => dropout({ rate: Number.NaN })],
    ["[dense] activation must be 'softmax', one of 'linear'", () => dense({ units: 2, activation: 'max' as 'relu' })],
    [
      '[bidirectional] the first argument must be a gru(…), got an object with type, units',
      () => bidirectional(dense({ units: 2 }) as never),
    ],
    [
      "[bidirectional] unknown option 'mergemode'; did you mean 'mergeMode'?",
      () => bidirectional(gru({ units: 2 }), { mergemode: 'sum' } as object),
    ],
  ])('%s', (message, f) => expect(thrown(f)).toContain(message))

  test.each<[string, object, object]>([
    ["units must be the layer's own 2, got 3", { units: 2 }, { units: 3 }],
    ["dropout must be the layer's own 0.5, got 0", { units: 2, dropout: 0.5 }, { units: 2 }],
    ["goBackwards must be the layer's own false, got true", { units: 2 }, { units: 2, goBackwards: true }],
    ["clip must be the layer's own 1, got undefined", { units: 2, clip: 1 }, { units: 2 }],
    ['kernelRegularizer must be', { units: 2, kernelRegularizer: { l2: 1 } }, { units: 2, kernelRegularizer: { l1: 1 } }],
  ])('a backward layer that is another network is UNSUPPORTED: %s', (message, layer, other) => {
    const backwardLayer = gru(other as GruOptions)
    expect(thrown(() => bidirectional(gru(layer as GruOptions), { backwardLayer }), 'UNSUPPORTED')).toContain(
      `[bidirectional] backwardLayer.${message}`,
    )
  })

  test('a backward layer may have a name, and no inputSize or regularizer of 0', () => {
    const layer = gru({ units: 2, inputSize: 3, kernelRegularizer: { l2: 0 } })
    expect(bidirectional(layer, { backwardLayer: gru({ units: 2, name: 'back' }) }).backwardLayer?.name).toBe('back')
  })

  test('what cannot be computed is UNSUPPORTED, with the reason', () => {
    expect(thrown(() => bidirectional(gru({ units: 2, goBackwards: true })), 'UNSUPPORTED')).toContain('already runs both ways')
    expect(thrown(() => gru({ units: 2, updateGate: 'write', recurrentActivation: 'relu' }), 'UNSUPPORTED')).toContain('s(-a) = 1 - s(a)')
    const halfGate = { name: 'hardSigmoid', beta: 0.4 } as const
    expect(thrown(() => gru({ units: 2, updateGate: 'write', recurrentActivation: halfGate }), 'UNSUPPORTED')).toContain(
      'hardSigmoid with beta 0.5',
    )
    expect(gru({ units: 2, updateGate: 'write', recurrentActivation: 'hardSigmoid' }).updateGate).toBe('write')
    expect(thrown(() => gru({ units: 2, activation: { name: 'leakyRelu', alpha: -1 } }), 'UNSUPPORTED')).toContain('alpha of leakyRelu')
  })
})
