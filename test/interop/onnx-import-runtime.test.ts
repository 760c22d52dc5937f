// Graphs computed by onnxruntime, and by us after they were imported.
import { Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import type { FloatTensor, Tensor } from '../../lib/index.js'
import { encodeModel } from '../../lib/interop/onnx/encode.js'
import { onnxModel } from '../../lib/interop/onnx/export.js'
import { readOnnx } from '../../lib/interop/onnx/import.js'
import { gruOf } from '../../lib/spec/network.js'
import { sizeOf } from '../../lib/tensor.js'
import { drawArchitecture, drawing } from '../support/architectures.js'
import { close } from '../support/compare.js'
import { exchange } from '../support/conventions.js'
import { drawGraph } from '../support/onnx-drawn.js'
import { drawBatch, drawWeights, modelOf, openSession, runOurs } from '../support/onnx-run.js'
import { uniform } from '../support/random.js'

const tolerance = { atol: 1e-5, rtol: 1e-5 }

function exchanged({ data, shape }: FloatTensor): FloatTensor {
  const turned = exchange({ data: [...data], shape: [...shape] })
  return { data: Float32Array.from(turned.data), shape: turned.shape }
}

describe('drawn graphs compute the same as in onnxruntime', () => {
  const drawn = Array.from({ length: 120 }, (_, seed) => {
    const draw = drawing(1000 + seed)
    const graph = drawGraph(draw)
    return { name: `${seed}, ${graph.title}`, graph, draw }
  })

  it.each(drawn)('$name', async ({ graph, draw: { random, below } }) => {
    const session = await openSession(graph.bytes)
    const imported = readOnnx('importModel', 'drawn.onnx', graph.bytes)
    using model = modelOf(imported)
    for (const [rows, steps] of [
      [3, 5],
      [1, 1],
      [4, 8],
    ] as const) {
      const numbers = (shape: number[]): FloatTensor => ({ data: Float32Array.from(uniform(random, sizeOf(shape))), shape })
      const x: Tensor = graph.ids
        ? { data: Int32Array.from({ length: rows * steps }, () => below(graph.inputSize)), shape: [rows, steps] }
        : numbers([rows, steps, graph.inputSize])
      const theirs = graph.timeMajor ? exchanged(x as FloatTensor) : x
      const feeds: Record<string, OrtTensor> = {
        x:
          theirs.data instanceof Int32Array
            ? new OrtTensor('int64', BigInt64Array.from(theirs.data, BigInt), theirs.shape)
            : new OrtTensor('float32', theirs.data, theirs.shape),
      }
      // a row of no steps starts from the first state here, and from 0 there
      const lengths = graph.lengths ? Array.from({ length: rows }, () => (graph.states.length > 0 ? 1 : 0) + below(steps)) : undefined
      if (lengths) feeds.lengths = new OrtTensor('int32', Int32Array.from(lengths), [rows])
      const states = graph.states.map(({ name, directions, units }) => {
        const state = numbers([2, rows, units])
        feeds[name] = new OrtTensor('float32', state.data.slice(0, directions * rows * units), [directions, rows, units])
        return { state, name }
      })
      const result = Object.values(await session.run(feeds))[0]!
      const expected = { data: result.data as Float32Array, shape: result.dims }
      const initialStates = imported.layers.flatMap((layer) => {
        const gru = gruOf(layer)
        if (!gru?.returnState) return []
        const { state, name } = states.shift()!
        // of two directions one alone may be left: its half of the state
        const whole = layer.type === 'bidirectional' ? 2 : 1
        const own = graph.states.find((one) => one.name === name)!
        const size = rows * gru.units
        const from = whole === 1 && own.directions === 2 && gru.goBackwards ? size : 0
        return [{ data: state.data.slice(from, from + whole * size), shape: [whole, rows, gru.units] }]
      })
      const options = lengths ? { lengths } : {}
      const { y } =
        initialStates.length > 0 ? await model.predictWithStates(x, { ...options, initialStates }) : { y: await model.predict(x, options) }
      close(graph.output === 'TBF' ? exchanged(y) : y, expected, tolerance, `y of ${rows} x ${steps}`)
    }
    await session.release()
  })
})

describe('what grus has written comes back', () => {
  const drawn = Array.from({ length: 80 }, (_, seed) => {
    const draw = drawing(seed)
    const { layers, ...rest } = drawArchitecture(draw, true)
    // a graph with masks of its own is no chain of layers
    const own = layers
      .filter(({ type }) => type !== 'masking')
      .map((layer) => (layer.type === 'embedding' ? { ...layer, maskZero: false } : layer))
    return { name: `${seed}: ${JSON.stringify(own)}`, architecture: { ...rest, layers: own }, draw }
  })

  it.each(drawn.filter(({ architecture }) => architecture.layers.some(({ type }) => type !== 'dropout')))(
    '$name',
    async ({ architecture, draw }) => {
      const data = drawWeights(architecture, draw)
      const back = readOnnx('importModel', 'ours.onnx', encodeModel(onnxModel('test', data, { lengths: false })).finish())
      for (const { spec, name } of data.layers.map((layer) => ({ spec: gruOf(layer), name: layer.name }))) {
        if (spec?.updateGate === 'write') continue
        for (const [key, tensor] of data.weights) {
          if (!key.startsWith(`${name}.`) || !spec) continue
          expect(back.weights.get(key), key).toEqual(tensor)
        }
      }
      using ours = modelOf(data)
      using theirs = modelOf(back)
      const batch = drawBatch(data, draw, 3, 6, false)
      const [expected, results] = [await runOurs(ours, batch), await runOurs(theirs, batch)]
      expect(results.length).toBe(expected.length)
      expected.forEach((value, i) => void close(results[i]!, value, { atol: 1e-6, rtol: 1e-6 }, `${i}`))
    },
  )
})
