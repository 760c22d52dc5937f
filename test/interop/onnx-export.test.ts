// Exported models in onnxruntime, against our own engine.
import { describe, expect, it } from 'vitest'
import { bidirectional, dense, embedding, gru, type LayerSpec, layerNormalization, masking } from '../../lib/index.js'
import type { ModelData } from '../../lib/interop/model-data.js'
import { encodeModel } from '../../lib/interop/onnx/encode.js'
import { onnxModel } from '../../lib/interop/onnx/export.js'
import { activationNames } from '../../lib/spec/fields.js'
import { gruOf } from '../../lib/spec/network.js'
import { drawArchitecture, drawing } from '../support/architectures.js'
import { close } from '../support/compare.js'
import { thrown } from '../support/errors.js'
import { type Batch, drawBatch, drawWeights, modelOf, openSession, runOnnx, runOurs } from '../support/onnx-run.js'

/** Two float32 computations of a dozen steps. */
const tolerance = { atol: 1e-5, rtol: 1e-5 }

/** Batch and time of the runs of one session. */
const sizes = [
  [3, 7],
  [1, 1],
  [5, 4],
  [2, 12],
] as const

type Options = Parameters<typeof onnxModel>[2]

/** Runs batches through both, each through one session. */
async function compare(data: ModelData, options: Options, batches: readonly Batch[]): Promise<void> {
  const session = await openSession(encodeModel(onnxModel('test', data, options)).finish())
  const model = modelOf(data)
  try {
    for (const batch of batches) {
      const [ours, theirs] = [await runOurs(model, batch), await runOnnx(session, data, batch)]
      expect(theirs.length).toBe(ours.length)
      ours.forEach((expected, i) => void close(theirs[i]!, expected, tolerance, `${i === 0 ? 'y' : `state ${i}`} for x ${batch.x.shape}`))
    }
  } finally {
    model.dispose()
    await session.release()
  }
}

const drawn = Array.from({ length: 72 }, (_, seed) => {
  const draw = drawing(seed)
  const architecture = drawArchitecture(draw, true)
  const lengths = architecture.layers.some((layer) => gruOf(layer)) && draw.chance(0.5)
  const spec = JSON.stringify(architecture.layers, (key, value) => (key.endsWith('Initializer') ? undefined : value))
  return [`${seed}${lengths ? ' with lengths' : ''}: ${spec}`, { architecture, lengths, draw }] as const
})

describe('drawn architectures', () => {
  it.each(drawn)('%s', async (_, { architecture, lengths, draw }) => {
    const data = drawWeights(architecture, draw)
    await compare(
      data,
      { lengths },
      sizes.map(([rows, steps]) => drawBatch(data, draw, rows, steps, lengths)),
    )
  })

  it('take every option', () => {
    const layers = drawn.flatMap(([, { architecture }]) => architecture.layers)
    const all = JSON.stringify(layers)
    for (const name of activationNames) {
      expect(all, name).toMatch(new RegExp(`"activation":("${name}"|{"name":"${name}")`))
      expect(all, name).toMatch(new RegExp(`"recurrentActivation":("${name}"|{"name":"${name}")`))
    }
    const grus = layers.flatMap((layer) => gruOf(layer) ?? [])
    const flags = [
      'useBias',
      'resetAfter',
      'returnSequences',
      'returnState',
      'goBackwards',
      'alignOutput',
      'stateful',
      'zeroOutputForMask',
    ] as const
    for (const flag of flags) expect(new Set(grus.map((layer) => layer[flag])), flag).toEqual(new Set([true, false]))
    expect(new Set(grus.map(({ updateGate }) => updateGate))).toEqual(new Set(['keep', 'write']))
    expect(new Set(layers.flatMap((layer) => (layer.type === 'bidirectional' ? [layer.mergeMode] : []))).size).toBe(4)
    expect(new Set(layers.map(({ type }) => type)).size).toBe(8)
    expect(drawn.filter(([, { lengths }]) => lengths).length).toBeGreaterThan(10)
  })
})

describe('masks', () => {
  // the only mask that lengths and ids make together, and which two layers turn around before it is undone
  const layers = [
    embedding({ inputDim: 5, outputDim: 3, maskZero: true }),
    gru({ units: 4, goBackwards: true, returnSequences: true }),
    bidirectional(gru({ units: 3, returnSequences: true, returnState: true })),
    gru({ units: 4, goBackwards: true, returnSequences: true, name: 'last' }),
  ]

  it('of any pattern, with lengths in no order, rows without a step and initial states', async () => {
    const draw = drawing(1)
    const data = drawWeights({ layers, inputSize: 5, sequence: true }, draw)
    const x = [
      [0, 0, 1, 2, 3],
      [1, 0, 2, 0, 4],
      [0, 0, 0, 0, 0],
      [1, 2, 3, 4, 1],
      [3, 2, 1, 0, 0],
    ]
    const { states } = drawBatch(data, draw, 5, 5, false)
    const ids = { data: Int32Array.from(x.flat()), shape: [5, 5] }
    await compare(data, { lengths: true }, [
      { x: ids, states, lengths: [3, 5, 4, 0, 4] },
      { x: ids, states, lengths: [5, 5, 5, 5, 5] },
    ])
    await compare(data, { lengths: false }, [{ x: ids, states }])
  })

  it('keep what is not a number out of the steps that count', async () => {
    const draw = drawing(4)
    const stack = [dense({ units: 3 }), bidirectional(gru({ units: 3, returnSequences: true })), gru({ units: 2 })]
    const data = drawWeights({ layers: stack, inputSize: 2, sequence: true }, draw)
    const batch = { ...drawBatch(data, draw, 3, 4, false), lengths: [2, 4, 0] }
    ;(batch.x.data as Float32Array).fill(Number.NaN, 2 * 2, 4 * 2).fill(Number.NaN, 8 * 2)
    await compare(data, { lengths: true }, [batch])
    const model = modelOf(data)
    expect((await runOurs(model, batch))[0]!.data.every(Number.isFinite)).toBe(true)
    model.dispose()
  })

  it('of lengths that are 0 in all rows', async () => {
    const draw = drawing(2)
    const data = drawWeights({ layers: [gru({ units: 3, returnSequences: true, returnState: true })], inputSize: 2, sequence: true }, draw)
    await compare(data, { lengths: true }, [{ ...drawBatch(data, draw, 2, 4, false), lengths: [0, 0] }])
  })

  it('of a masking layer whose value is no zero', async () => {
    const draw = drawing(3)
    const architecture = { layers: [masking({ maskValue: 0.1 }), dense({ units: 2 }), gru({ units: 3 })], inputSize: 2, sequence: true }
    const data = drawWeights(architecture, draw)
    await compare(data, { lengths: false }, [drawBatch(data, draw, 4, 9, false)])
  })
})

describe('what the graph says of itself', () => {
  const data = (layers: LayerSpec[], inputSize = 4, sequence = true) => drawWeights({ layers, inputSize, sequence }, drawing(5))
  const describeSession = async (model: ModelData, options: Options) => {
    const session = await openSession(encodeModel(onnxModel('test', model, options)).finish())
    const show = (values: typeof session.inputMetadata) =>
      values.map((value) => `${value.name} ${value.isTensor ? `${value.type} [${value.shape.join(', ')}]` : ''}`)
    const shown = { inputs: show(session.inputMetadata), outputs: show(session.outputMetadata) }
    await session.release()
    return shown
  }

  it('features, lengths and states', async () => {
    const layers = [bidirectional(gru({ units: 3, returnState: true, returnSequences: true })), gru({ units: 2, stateful: true })]
    expect(await describeSession(data(layers), { lengths: true })).toEqual({
      inputs: [
        'x float32 [batch, time, 4]',
        'lengths int32 [batch]',
        'bidirectional.initial_h float32 [2, batch, 3]',
        'gru.initial_h float32 [1, batch, 2]',
      ],
      outputs: ['y float32 [batch, 2]', 'bidirectional.h_n float32 [2, batch, 3]', 'gru.h_n float32 [1, batch, 2]'],
    })
  })

  it('ids, and vectors', async () => {
    const layers = [embedding({ inputDim: 4, outputDim: 2 }), gru({ units: 3, returnSequences: true })]
    expect(await describeSession(data(layers), { lengths: false })).toEqual({
      inputs: ['ids int64 [batch, time]'],
      outputs: ['y float32 [batch, time, 3]'],
    })
    expect(await describeSession(data([dense({ units: 3, activation: 'softmax' })], 4, false), { lengths: false })).toEqual({
      inputs: ['x float32 [batch, 4]'],
      outputs: ['y float32 [batch, 3]'],
    })
  })

  it('a plain model holds the nodes that any other would have', () => {
    const { graph } = onnxModel('test', data([gru({ units: 3, returnSequences: true }), gru({ units: 2 }), dense({ units: 1 })]), {
      lengths: false,
    })
    expect(graph.nodes.map(({ op, name }) => `${op} ${name}`)).toEqual([
      'Transpose gru/Transpose',
      'GRU gru',
      'Squeeze gru/Squeeze',
      'Transpose gru/Transpose_1',
      'Transpose gru_1/Transpose',
      'GRU gru_1',
      'Squeeze gru_1/Squeeze',
      'Gemm dense',
    ])
  })
})

describe('lengths', () => {
  it('of a model that puts out its last state go into the node as they are', () => {
    const data = drawWeights({ layers: [gru({ units: 3 })], inputSize: 2, sequence: true }, drawing(6))
    const { nodes } = onnxModel('test', data, { lengths: true }).graph
    expect(nodes.map(({ op }) => op)).toEqual(['Transpose', 'GRU', 'Squeeze'])
    expect(nodes[1]!.inputs).toEqual(['gru/Transpose', 'gru.W', 'gru.R', 'gru.B', 'lengths'])
  })
})

describe('opset', () => {
  const layers = [
    masking({ maskValue: 0.5 }),
    dense({ units: 3, activation: { name: 'scaledTanh', alpha: 0.9, beta: 0.7 } }),
    bidirectional(gru({ units: 3, returnSequences: true, returnState: true }), { mergeMode: 'ave' }),
    dense({ units: 3, activation: 'hardSigmoid' }),
    gru({ units: 4, goBackwards: true, returnSequences: true }),
    dense({ units: 3, activation: 'thresholdedRelu' }),
    gru({ units: 2, returnSequences: true, activation: 'softplus' }),
    dense({ units: 2, activation: 'softmax' }),
  ]

  it.each([14, 15, 16, 17, 18, 19, 20, 21, 22])('%i', async (opset) => {
    const draw = drawing(opset)
    const normalized = opset < 17 ? layers : [...layers.slice(0, 2), layerNormalization({ center: false }), ...layers.slice(2)]
    const data = drawWeights({ layers: normalized, inputSize: 3, sequence: true }, draw)
    expect(onnxModel('test', data, { lengths: true, opset }).opsets).toEqual([{ domain: '', version: opset }])
    await compare(data, { lengths: true, opset }, [drawBatch(data, draw, 3, 6, true)])
  })

  it('is 14, and 17 where a layer needs it', () => {
    const opsetOf = (list: LayerSpec[], options: Options) =>
      onnxModel('test', drawWeights({ layers: list, inputSize: 3, sequence: true }, drawing(0)), options).opsets[0]!.version
    expect(opsetOf([gru({ units: 2 })], { lengths: false })).toBe(14)
    expect(opsetOf([layerNormalization(), gru({ units: 2 })], { lengths: false })).toBe(17)
    expect(thrown(() => opsetOf([layerNormalization({ name: 'norm' }), gru({ units: 2 })], { lengths: false, opset: 16 }))).toBe(
      "[test] opset must be 17 or later for layer 'norm' (layerNormalization), got 16",
    )
  })
})
