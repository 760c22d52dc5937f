// Ours -> ONNX -> ours: the same weights to the bit, and so the same outputs.
import { describe, expect, it } from 'vitest'
import { negateUpdateGate } from '../../lib/interop/blocks.js'
import { decodeModel } from '../../lib/interop/onnx/decode.js'
import { encodeModel } from '../../lib/interop/onnx/encode.js'
import { onnxModel } from '../../lib/interop/onnx/export.js'
import { readOnnx } from '../../lib/interop/onnx/import.js'
import type { OnnxModel } from '../../lib/interop/onnx/proto.js'
import { gruOf } from '../../lib/spec/network.js'
import type { FloatTensor } from '../../lib/tensor.js'
import { drawArchitecture, drawing } from '../support/architectures.js'
import { drawBatch, drawWeights, modelOf, runOurs } from '../support/onnx-run.js'

/** Masks within a graph are not read back. */
const drawn = Array.from({ length: 120 }, (_, seed) => {
  const draw = drawing(5000 + seed)
  return { seed, architecture: drawArchitecture(draw, true), draw }
}).filter(({ architecture: { layers } }) =>
  layers.every((layer) => layer.type !== 'masking' && !(layer.type === 'embedding' && layer.maskZero)),
)

const bytesOf = ({ data }: FloatTensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

describe('a model that went through ONNX', () => {
  it.each(drawn.map((one) => [`${one.seed}: ${JSON.stringify(one.architecture.layers)}`, one] as const))('%s', async (_, one) => {
    const data = drawWeights(one.architecture, one.draw)
    const back = readOnnx('test', 'model.onnx', encodeModel(onnxModel('test', data, { lengths: false })).finish())
    expect(back.sequence).toBe(data.sequence)
    expect(back.inputSize).toBe(data.inputSize)
    // gates come back in the one convention that ONNX has, and a scale where there was none
    const writes = new Set(data.layers.flatMap((layer) => (gruOf(layer)?.updateGate === 'write' ? [layer.name] : [])))
    for (const [name, tensor] of data.weights) {
      const expected = writes.has(name.split('.')[0]!) ? negateUpdateGate(tensor) : tensor
      expect(back.weights.get(name)?.shape, name).toEqual(tensor.shape)
      expect(bytesOf(back.weights.get(name)!).equals(bytesOf(expected)), name).toBe(true)
    }
    for (const [name, { data: values }] of back.weights) {
      if (!data.weights.has(name)) expect(new Set(values), name).toEqual(new Set([1]))
    }
    const [before, after] = [modelOf(data), modelOf(back)]
    const batch = drawBatch(data, one.draw, 3, 5, false)
    const [expected, actual] = [await runOurs(before, batch), await runOurs(after, batch)]
    expect(actual).toEqual(expected)
    before.dispose()
    after.dispose()
  })

  it('is many', () => expect(drawn.length).toBeGreaterThan(60))
})

it('the decoder reads what the encoder writes', () => {
  const model: OnnxModel = {
    irVersion: 8,
    opsets: [
      { domain: '', version: 17 },
      { domain: 'other', version: 2 },
    ],
    producerName: 'someone',
    producerVersion: '1.2',
    metadata: { key: 'value', other: '' },
    graph: {
      name: 'graph',
      nodes: [
        {
          name: 'node',
          op: 'Op',
          domain: 'other',
          inputs: ['a', '', 'b'],
          outputs: ['', 'c'],
          attributes: [
            { name: 'float', kind: 'float', value: 0.5 },
            { name: 'int', kind: 'int', value: -(2 ** 40) },
            { name: 'string', kind: 'string', value: 'späte' },
            { name: 'floats', kind: 'floats', value: [1, -2.5] },
            { name: 'ints', kind: 'ints', value: [-1, 300] },
            { name: 'strings', kind: 'strings', value: ['x', ''] },
            { name: 'tensor', kind: 'tensor', value: { name: 't', type: 'INT64', dims: [1], data: new Uint8Array(8) } },
          ],
        },
      ],
      initializers: [
        { name: 'w', type: 'FLOAT', dims: [2, 1], data: Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64) },
        { name: 'far', type: 'FLOAT', dims: [2, 1], data: { location: 'w.data', offset: 3 * 2 ** 32, length: 8 } },
      ],
      inputs: [
        { name: 'a', type: 'FLOAT', dims: ['batch', undefined, 3] },
        { name: 'b', type: 'INT32' },
      ],
      outputs: [{ name: 'c', type: 'BOOL', dims: [] }],
    },
  }
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value, (_, inner) => (ArrayBuffer.isView(inner) ? inner.toString() : inner)))
  const read = decodeModel(Uint8Array.from(encodeModel(model).finish()))
  expect(plain(read)).toEqual(plain(model))
})
