import { describe, expect, test } from 'vitest'
import { activation, bidirectional, dense, dropout, embedding, gru, layerNormalization, masking } from '../lib/layers.js'
import { summaryLines } from '../lib/model-summary.js'
import { lower } from '../lib/spec/lower.js'
import { checkLayers, inputOf, placeLayers } from '../lib/spec/network.js'
import type { LayerSpec } from '../lib/spec/types.js'
import { thrown } from './support/errors.js'

const lowered = (layers: LayerSpec[], inputSize: number, sequence = true) =>
  lower('test', checkLayers('test', layers), inputSize, sequence, 1)

describe('names', () => {
  const names = (layers: LayerSpec[]) => checkLayers('test', layers).map(({ name }) => name)

  test("are Keras' unless given", () => {
    const layers = [
      embedding({ inputDim: 3, outputDim: 2 }),
      gru({ units: 2, returnSequences: true }),
      gru({ units: 2 }),
      dense({ units: 1 }),
    ]
    expect(names([...layers, dense({ units: 1 })])).toEqual(['embedding', 'gru', 'gru_1', 'dense', 'dense_1'])
    expect(names([bidirectional(gru({ units: 2, returnSequences: true, name: 'inner' })), bidirectional(gru({ units: 2 }))])).toEqual([
      'inner',
      'bidirectional',
    ])
  })

  test('step aside for those that are given, and those must be unique', () => {
    expect(names([dense({ units: 1 }), dense({ units: 1, name: 'dense' }), dense({ units: 1 })])).toEqual(['dense_1', 'dense', 'dense_2'])
    expect(thrown(() => names([dense({ units: 1, name: 'a' }), dropout({ rate: 0, name: 'a' })]))).toBe(
      "[test] layers[1].name must be unique, 'a' is layers[0]'s",
    )
  })
})

test('layers are frozen copies: what the user holds may change, what the model has may not', () => {
  const mine = gru({ units: 2, kernelRegularizer: { l2: 1 } })
  const [held] = checkLayers('test', [mine])
  mine.units = 3
  mine.kernelRegularizer!.l2 = 2
  expect(held).toMatchObject({ units: 2, kernelRegularizer: { l2: 1 } })
  expect(() => Object.assign(held!, { units: 4 })).toThrow(TypeError)
  expect(() => Object.assign((held as typeof mine).kernelRegularizer!, { l2: 4 })).toThrow(TypeError)
})

describe('order of layers', () => {
  test.each<[string, unknown[]]>([
    ['layers must be an array of one layer or more', []],
    ["layers[0] must be a layer such as gru({ units: 32 }), got 'gru'", ['gru']],
    [
      "layers[0].type must be one of 'embedding', 'gru', 'bidirectional', 'dense', 'dropout', 'layerNormalization', 'activation', 'masking', got 'gruu'; did you mean 'gru'?",
      [{ type: 'gruu' }],
    ],
    ['layers[0].units must be a positive integer, got -1', [{ type: 'gru', units: -1 }]],
    ["unknown option 'layers[1].unit'; did you mean 'units'?", [dense({ units: 1 }), { type: 'dense', unit: 1 }]],
    ['layers[0].layer.units must be a positive integer, got 0', [{ type: 'bidirectional', layer: { type: 'gru', units: 0 } }]],
    ['layers[1] (embedding) must be the first layer', [dense({ units: 1 }), embedding({ inputDim: 2, outputDim: 2 })]],
    ['vectors come out of layers[0] (gru); set returnSequences: true there', [gru({ units: 2 }), dense({ units: 2 }), gru({ units: 2 })]],
    ['a softmax over 1 unit is always 1', [gru({ units: 2 }), dense({ units: 1, activation: 'softmax' })]],
    ['layers[1] (masking) must be the first layer', [dense({ units: 2 }), masking()]],
    ['layers[0] (masking) must have a layer after it', [masking()]],
    ['layers[0].maskValue must be a finite number', [{ type: 'masking', maskValue: Number.NaN }, gru({ units: 2 })]],
    ['layers[0].gammaInitializer cannot be orthogonal', [{ type: 'layerNormalization', gammaInitializer: 'orthogonal' }]],
    ['layers[0].activation: affine needs alpha and beta', [{ type: 'activation', activation: 'affine' }]],
    ['layers[0].alignOutput needs goBackwards', [{ type: 'gru', units: 2, alignOutput: true }]],
  ])('%s', (message, layers) => expect(thrown(() => checkLayers('test', layers))).toContain(message))

  test('a softmax comes last', () => {
    const layers = [dense({ units: 2, activation: 'softmax' }), dense({ units: 1 })]
    expect(thrown(() => checkLayers('test', layers), 'UNSUPPORTED')).toContain(
      'layers[0] (dense) has a softmax, which only the last layer may have',
    )
    const alone = [activation({ activation: 'softmax' }), dense({ units: 1 })]
    expect(thrown(() => checkLayers('test', alone), 'UNSUPPORTED')).toContain('layers[0] (activation) has a softmax')
    expect(thrown(() => lowered([gru({ units: 1 }), activation({ activation: 'softmax' })], 3))).toContain(
      'layers[1] (activation): a softmax over 1 unit is always 1',
    )
  })
})

describe('sizes', () => {
  test('follow from the input', () => {
    const layers = [
      embedding({ inputDim: 50, outputDim: 8, maskZero: true }),
      bidirectional(gru({ units: 4, returnSequences: true })),
      dropout({ rate: 0.5 }),
      bidirectional(gru({ units: 3, returnSequences: true }), { mergeMode: 'sum' }),
      gru({ units: 5 }),
      dense({ units: 2 }),
    ]
    expect(placeLayers('test', checkLayers('test', layers), 50, true).map((l) => [l.inputSize, l.outputSize, l.sequence])).toEqual([
      [50, 8, true],
      [8, 8, true],
      [8, 8, true],
      [8, 3, true],
      [3, 5, false],
      [5, 2, false],
    ])
  })

  test('tell what goes in', () => {
    const input = (layers: LayerSpec[]) => inputOf(checkLayers('test', layers))
    expect(input([embedding({ inputDim: 5, outputDim: 2 })])).toEqual({ ids: true, sequence: true, size: 5 })
    expect(input([gru({ units: 2 })])).toEqual({ ids: false, sequence: true, size: undefined })
    expect(input([dense({ units: 2, inputSize: 3 }), gru({ units: 2 })])).toEqual({ ids: false, sequence: true, size: 3 })
    expect(input([dropout({ rate: 0.1 }), dense({ units: 2 })])).toEqual({ ids: false, sequence: undefined, size: undefined })
    expect(input([masking(), dense({ units: 2, inputSize: 3 })])).toEqual({ ids: false, sequence: true, size: 3, maskValue: 0 })
  })

  test('must agree with a given inputSize', () => {
    const layers = [gru({ units: 4, returnSequences: true }), gru({ units: 4, inputSize: 5 })]
    expect(thrown(() => lowered(layers, 3), 'SHAPE_MISMATCH')).toBe('[test] layers[1] (gru) has inputSize 5, but 4 features come in')
  })

  test('beyond 31 bits are refused before anything is allocated', () => {
    expect(thrown(() => lowered([gru({ units: 2 ** 20 })], 1))).toContain('2^31 - 1 is the most')
  })
})

describe('lowering', () => {
  test("a dense layer's activation is a layer of its own", () => {
    const kinds = (spec: LayerSpec) => lowered([spec], 3, false).native.layers.map(({ kind, name }) => [kind, name])
    expect(kinds(dense({ units: 2 }))).toEqual([['dense', 'dense']])
    expect(kinds(dense({ units: 2, activation: 'relu' }))).toEqual([
      ['dense', 'dense'],
      ['activation', 'dense.activation'],
    ])
    expect(kinds(dense({ units: 2, activation: 'softmax' }))).toEqual([
      ['dense', 'dense'],
      ['softmax', 'dense.activation'],
    ])
  })

  test('a gru', () => {
    const spec = gru({
      units: 4,
      goBackwards: true,
      resetAfter: false,
      clip: 3,
      dropout: 0.25,
      activation: 'elu',
      recurrentRegularizer: { l1: 0.5 },
    })
    expect(lowered([spec], 3).native.layers[0]).toMatchObject({
      kind: 'gru',
      inputSize: 3,
      outputSize: 4,
      goBackwards: true,
      trainBiasHh: false,
      rate: 0.25,
      kernelRegularizer: { l1: 0, l2: 0 },
      recurrentRegularizer: { l1: 0.5, l2: 0 },
      gru: {
        direction: 'backward',
        resetAfter: false,
        clip: 3,
        numLayers: 1,
        activation: [
          { kind: 'elu', alpha: 1, beta: 0 },
          { kind: 'elu', alpha: 1, beta: 0 },
        ],
      },
    })
  })

  test('a gru going backwards whose output is aligned is plainly a backward one', () => {
    const spec = gru({ units: 4, goBackwards: true, alignOutput: true, returnSequences: true })
    expect(lowered([spec], 3).native.layers[0]).toMatchObject({ goBackwards: false, gru: { direction: 'backward' } })
  })

  test('a backward layer has its own activations and initializers', () => {
    const backwardLayer = gru({ units: 4, activation: 'relu', recurrentActivation: 'hardSigmoid', biasInitializer: 'ones' })
    const { native, parameters } = lowered([bidirectional(gru({ units: 4 }), { backwardLayer })], 3)
    expect(native.layers[0]).toMatchObject({
      gru: {
        activation: [{ kind: 'tanh' }, { kind: 'relu' }],
        recurrentActivation: [{ kind: 'sigmoid' }, { kind: 'hard_sigmoid' }],
      },
    })
    const biases = parameters.filter(({ name }) => name.includes('bias_ih')).map(({ name, draw }) => [name, draw.initializer])
    expect(biases).toEqual([
      ['bidirectional.bias_ih_l0', 'zeros'],
      ['bidirectional.bias_ih_l0_reverse', 'ones'],
    ])
  })

  test('a masking is no layer to native code; a normalization has a weight and a bias, or not', () => {
    const layers = [masking(), layerNormalization(), layerNormalization({ scale: false }), layerNormalization({ center: false })]
    const { native, parameters } = lowered([...layers, activation({ activation: 'relu' })], 3)
    expect(native.layers.map(({ kind, name }) => [kind, name])).toEqual([
      ['layerNormalization', 'layerNormalization'],
      ['layerNormalization', 'layerNormalization_1'],
      ['layerNormalization', 'layerNormalization_2'],
      ['activation', 'activation'],
    ])
    expect(parameters.map(({ name, shape }) => [name, ...shape])).toEqual([
      ['layerNormalization.weight', 3],
      ['layerNormalization.bias', 3],
      ['layerNormalization_1.bias', 3],
      ['layerNormalization_2.weight', 3],
    ])
  })

  test('a bidirectional gru', () => {
    const { native, parameters } = lowered([bidirectional(gru({ units: 4 }), { mergeMode: 'mul' })], 3)
    expect(native.layers[0]).toMatchObject({
      kind: 'gru',
      outputSize: 4,
      merge: 'mul',
      goBackwards: false,
      trainBiasHh: true,
      gru: { direction: 'both' },
    })
    expect(parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ['bidirectional.weight_ih_l0', [12, 3]],
      ['bidirectional.weight_hh_l0', [12, 4]],
      ['bidirectional.bias_ih_l0', [12]],
      ['bidirectional.bias_hh_l0', [12]],
      ['bidirectional.weight_ih_l0_reverse', [12, 3]],
      ['bidirectional.weight_hh_l0_reverse', [12, 4]],
      ['bidirectional.bias_ih_l0_reverse', [12]],
      ['bidirectional.bias_hh_l0_reverse', [12]],
    ])
  })

  test("ONNX's constants", () => {
    const constants = (activation: Parameters<typeof dense>[0]['activation']) => {
      const last = lowered([dense({ units: 2, activation: activation! })], 3, false).native.layers[1]!
      return last.kind === 'activation' ? last.activation : undefined
    }
    expect(constants('hardSigmoid')).toEqual({ kind: 'hard_sigmoid', alpha: 0.2, beta: 0.5 })
    expect(constants({ name: 'leakyRelu' })).toEqual({ kind: 'leaky_relu', alpha: 0.01, beta: 0 })
    expect(constants({ name: 'scaledTanh', alpha: 2, beta: 3 })).toEqual({ kind: 'scaled_tanh', alpha: 2, beta: 3 })
    expect(constants({ name: 'thresholdedRelu', alpha: 0.5 })).toEqual({ kind: 'thresholded_relu', alpha: 0.5, beta: 0 })
  })

  test.each([
    ['resetAfter', gru({ units: 64 }), 3 * 64 * (10 + 64 + 2)],
    ['one bias without resetAfter', gru({ units: 64, resetAfter: false }), 3 * 64 * (10 + 64 + 1)],
    ['no bias', gru({ units: 64, useBias: false }), 3 * 64 * (10 + 64)],
    ['both directions', bidirectional(gru({ units: 64 })), 2 * 3 * 64 * (10 + 64 + 2)],
    ['dense', dense({ units: 7 }), 7 * 11],
    ['dropout', dropout({ rate: 0.5 }), 0],
    ['layerNormalization', layerNormalization(), 20],
    ['activation', activation({ activation: 'relu' }), 0],
  ])('parameters as Keras counts them: %s', (_, layer, count) => {
    const { parameters } = lowered([layer], 10)
    expect(parameters.reduce((sum, { shape }) => sum + shape.reduce((n, m) => n * m, 1), 0)).toBe(count)
  })
})

describe('summary', () => {
  const layers = checkLayers('test', [
    embedding({ inputDim: 1000, outputDim: 16 }),
    gru({ units: 8, returnSequences: true }),
    dense({ units: 3 }),
  ])

  test('lists layers, shapes and parameters', () => {
    expect(summaryLines('m', layers, placeLayers('test', layers, 1000, true))).toEqual(
      [
        'Model: m',
        '────────────────────────────────────────────────',
        'Layer (type)            Output shape   Params',
        '═════════════════════════════════════════════',
      ]
        .map((line) => (/^[─═]/.test(line) ? expect.stringMatching(/^[─═]+$/) : line))
        .concat([
          'embedding (embedding)   [B, T, 16]     16,000',
          'gru (gru)               [B, T, 8]         624',
          'dense (dense)           [B, T, 3]          27',
          expect.stringMatching(/^─+$/),
          'Total params: 16,651',
          'Trainable params: 16,651',
          'Non-trainable params: 0',
        ]),
    )
  })

  test('says what is not known yet', () => {
    expect(summaryLines('m', layers, undefined).join('\n')).toContain('Total params: ? (known once the model is built)')
  })
})
