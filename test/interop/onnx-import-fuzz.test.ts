// Damaged files: read whole, or refused as damaged or unsupported, and nothing else.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { GrusError } from '../../lib/errors.js'
import { encodeModel } from '../../lib/interop/onnx/encode.js'
import { onnxModel } from '../../lib/interop/onnx/export.js'
import { readOnnx } from '../../lib/interop/onnx/import.js'
import type { OnnxNode } from '../../lib/interop/onnx/proto.js'
import { bidirectional, dense, embedding, gru, layerNormalization } from '../../lib/layers.js'
import { lower } from '../../lib/spec/lower.js'
import { checkLayers } from '../../lib/spec/network.js'
import { drawing } from '../support/architectures.js'
import { mutations } from '../support/mutations.js'
import { floats, gruWeights, info, integers, modelBytes, node } from '../support/onnx-graph.js'
import { drawWeights } from '../support/onnx-run.js'
import { source } from '../support/random.js'

const layers = [
  embedding({ inputDim: 5, outputDim: 2 }),
  bidirectional(gru({ units: 2, returnSequences: true })),
  gru({ units: 2, clip: 3, activation: { name: 'elu', alpha: 0.5 } }),
  layerNormalization(),
  dense({ units: 2, activation: 'softmax' }),
]
const ours = encodeModel(onnxModel('test', drawWeights({ layers, inputSize: 5, sequence: true }, drawing(3)), { lengths: false })).finish()
const theirs = readFileSync(fileURLToPath(new URL('../fixtures/interop/onnx/last-step-dynamo.onnx', import.meta.url)))

/** The code of the refusal, or undefined for a model that is whole. */
function read(bytes: Buffer): string | undefined {
  try {
    const model = readOnnx('importModel', 'damaged.onnx', bytes)
    const { parameters } = lower('test', checkLayers('test', model.layers), model.inputSize, model.sequence, 0)
    expect([...model.weights.keys()].sort()).toEqual(parameters.map(({ name }) => name).sort())
    for (const { name, shape } of parameters) expect(model.weights.get(name)!.shape).toEqual(shape)
    return undefined
  } catch (error) {
    if (!(error instanceof GrusError)) throw error
    return error.code
  }
}

describe('a damaged ONNX file', () => {
  it.each([
    { title: 'of grus', bytes: ours, count: 6000, seed: 1 },
    { title: "of PyTorch's exporter", bytes: theirs, count: 4000, seed: 2 },
  ])('$title is read whole or refused', ({ bytes, count, seed }) => {
    const outcomes = new Map<string | undefined, number>()
    let i = 0
    for (const damaged of mutations(bytes, count, seed)) {
      const code = read(damaged)
      if (code !== undefined && code !== 'CORRUPT_FILE' && code !== 'UNSUPPORTED') throw new Error(`file ${i} gives ${code}`)
      outcomes.set(code, (outcomes.get(code) ?? 0) + 1)
      ++i
    }
    for (const code of [undefined, 'CORRUPT_FILE', 'UNSUPPORTED'])
      expect(outcomes.get(code) ?? 0, String(code)).toBeGreaterThan(count / 100)
  })

  it('cut off anywhere is corrupt', () => {
    for (let length = 0; length < ours.length; ++length) {
      const code = read(ours.subarray(0, length))
      if (code !== 'CORRUPT_FILE') throw new Error(`cut at ${length} of ${ours.length}: ${code}`)
    }
  })

  describe('that is made to keep its reader busy is refused', () => {
    const many = Array.from({ length: 40 }, (_, i) => i)
    const start = node('GRU', ['x', 'W', 'R'], ['Y', 'v0'], { hidden_size: 3 })
    const initializers = [...gruWeights(source(1), 2, 3), floats('c0', [1], [1]), integers('r', Array(20).fill(1))]
    const cases: Record<string, OnnxNode[]> = {
      'states that double': many.map((i) => node('Concat', [`v${i}`, `v${i}`], [`v${i + 1}`], { axis: 0 })),
      'constants that double': [
        ...many.map((i) => node('Concat', [`c${i}`, `c${i}`], [`c${i + 1}`], { axis: 0 })),
        node('Add', ['v0', 'c40'], ['v40']),
      ],
      'activations without end': [
        node('Relu', ['v0'], ['a0']),
        ...Array.from({ length: 5000 }, (_, i) => node('Relu', [`a${i}`], [`a${i + 1}`])),
        node('Tanh', ['a5000'], ['v40']),
      ],
      'axes without end': [node('Reshape', ['v0', 'r'], ['v40'])],
    }
    it.each(Object.entries(cases))('%s', (_, nodes) => {
      const bytes = modelBytes({ nodes: [start, ...nodes], initializers, inputs: [info('x', ['t', 'b', 2])], outputs: ['v40'] })
      expect(read(bytes)).toBe('UNSUPPORTED')
    })
  })
})
