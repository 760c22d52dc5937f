// Models of ours and their exports, run on the same data.
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { FloatTensor, Model, Tensor } from '../../lib/index.js'
import { type ModelData, modelData } from '../../lib/interop/model-data.js'
import { SequentialModel } from '../../lib/model-sequential.js'
import { lower } from '../../lib/spec/lower.js'
import { checkLayers, gruOf, inputOf } from '../../lib/spec/network.js'
import { sizeOf } from '../../lib/tensor.js'
import type { Architecture, Draw } from './architectures.js'
import { uniform } from './random.js'

/** An architecture with weights of no special kind. */
export function drawWeights({ layers, inputSize, sequence }: Architecture, { random }: Pick<Draw, 'random'>): ModelData {
  const { parameters } = lower('test', checkLayers('test', layers), inputSize, sequence, 0)
  const weights = new Map<string, FloatTensor>(
    parameters.map(({ name, shape }) => [name, { data: Float32Array.from(uniform(random, sizeOf(shape), -0.4, 0.4)), shape }]),
  )
  return modelData('test', 'drawn', layers, inputSize, sequence, weights)
}

export function modelOf({ layers, inputSize, sequence, weights }: ModelData): Model {
  return new SequentialModel(layers, { device: 'cpu' }, { where: 'test', inputSize, sequence, weights })
}

export interface Batch {
  x: Tensor
  lengths?: number[]
  /** [D, B, H] of each layer that takes one. */
  states: FloatTensor[]
}

/** Values between -1 and 1, or ids; steps that a `masking` masks, and lengths from 0 to T, in no order. */
export function drawBatch(data: ModelData, draw: Draw, rows: number, steps: number, lengths: boolean): Batch {
  const { random, below, chance } = draw
  const { ids, maskValue } = inputOf(data.layers)
  const numbers = (shape: number[]) => ({ data: Float32Array.from(uniform(random, sizeOf(shape))), shape })
  const features = numbers(data.sequence ? [rows, steps, data.inputSize] : [rows, data.inputSize])
  const x = ids
    ? { data: Int32Array.from({ length: rows * steps }, () => (chance(0.3) ? 0 : below(data.inputSize))), shape: [rows, steps] }
    : features
  if (maskValue !== undefined) {
    const isMasked = Array.from({ length: rows * steps }, () => chance(0.3))
    isMasked.forEach((is, i) => void (is && features.data.fill(maskValue, i * data.inputSize, (i + 1) * data.inputSize)))
  }
  const states = statefulLayers(data).map(({ directions, units }) => numbers([directions, rows, units]))
  return { x, states, ...(lengths && { lengths: Array.from({ length: rows }, () => below(steps + 1)) }) }
}

/** What both give: y, then the states. */
export async function runOurs(model: Model, { x, lengths, states }: Batch): Promise<FloatTensor[]> {
  const options = lengths ? { lengths } : {}
  if (states.length === 0) return [await model.predict(x, { ...options, batchSize: 1000 })]
  const { y, states: last } = await model.predictWithStates(x, { ...options, initialStates: states })
  return [y, ...last]
}

export async function runOnnx(session: InferenceSession, data: ModelData, { x, lengths, states }: Batch): Promise<FloatTensor[]> {
  const feeds: Record<string, OrtTensor> =
    x.data instanceof Int32Array
      ? { ids: new OrtTensor('int64', BigInt64Array.from(x.data, BigInt), x.shape) }
      : { x: new OrtTensor('float32', x.data, x.shape) }
  if (lengths) feeds.lengths = new OrtTensor('int32', Int32Array.from(lengths), [lengths.length])
  const layers = statefulLayers(data)
  layers.forEach(({ name }, i) => {
    feeds[`${name}.initial_h`] = new OrtTensor('float32', states[i]!.data, states[i]!.shape)
  })
  const results = await session.run(feeds)
  return ['y', ...layers.map(({ name }) => `${name}.h_n`)].map((name) => {
    const { data: values, dims } = results[name]!
    return { data: values as Float32Array, shape: dims }
  })
}

/** With levels of errors alone: graphs of random models hold nodes that do nothing. */
export function openSession(where: string | Uint8Array): Promise<InferenceSession> {
  const options = { executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 as const }
  return typeof where === 'string' ? InferenceSession.create(where, options) : InferenceSession.create(where, options)
}

export function statefulLayers({ layers }: ModelData): { name: string; directions: number; units: number }[] {
  return layers.flatMap((spec) => {
    const layer = gruOf(spec)
    if (!layer?.returnState && !layer?.stateful) return []
    return [{ name: spec.name, directions: spec.type === 'bidirectional' ? 2 : 1, units: layer.units }]
  })
}
