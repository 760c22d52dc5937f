// Operators that are layers.
import type { Activation } from '../../spec/types.js'
import { transpose } from '../blocks.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { activationNamed, readGru, shortest } from './gru-node.js'
import { biasOf, consumed, elementwise } from './layer-parts.js'
import type { NodeReader } from './node-reader.js'
import { type Operator, structureOperators } from './ops-structure.js'
import { known, size } from './sizes.js'
import { takeFeatures } from './sources.js'
import { axisOf } from './structure.js'
import { type Atom, dimsOf, isConstant, type Numbers, uniform, type View } from './values.js'
import { viewOf } from './views.js'

export const layerOperators: Record<string, Operator> = {
  GRU: readGru,
  Gather: (reader) => {
    const [table, ids] = [reader.given(0), reader.given(1)]
    return table && isConstant(table) && ids?.kind === 'view' ? [readEmbedding(reader, ids)] : structureOperators.Gather!(reader)
  },
  MatMul: (reader) => [dense(reader, reader.numbers(1, 'B'), undefined)],
  Gemm: (reader) => [readGemm(reader)],
  Relu: (reader) => [activated(reader, 'relu')],
  Sigmoid: (reader) => [activated(reader, 'sigmoid')],
  Tanh: (reader) => [activated(reader, 'tanh')],
  Softplus: (reader) => [activated(reader, 'softplus')],
  Softsign: (reader) => [activated(reader, 'softsign')],
  LeakyRelu: (reader) => [activated(reader, activationNamed('leakyRelu', reader.float('alpha', 0.01)))],
  ThresholdedRelu: (reader) => [activated(reader, activationNamed('thresholdedRelu', reader.float('alpha', 1)))],
  Elu: (reader) => [activated(reader, activationNamed('elu', reader.float('alpha', 1)))],
  HardSigmoid: (reader) => [activated(reader, activationNamed('hardSigmoid', reader.float('alpha', 0.2), reader.float('beta', 0.5)))],
  Softmax: (reader) => [softmax(reader)],
  LayerNormalization: (reader) => [layerNormalization(reader)],
  Dropout: (reader) => {
    reader.ignore('ratio', 'seed')
    if (reader.given(2) && uniform(reader.constant(2, 'training_mode')) !== 0) {
      throw new OnnxUnsupported('training_mode must be false: export the model for inference')
    }
    return [reader.value(0)]
  },
}

function readEmbedding(reader: NodeReader, ids: View): View {
  const table = reader.numbers(0, 'data')
  if (axisOf(reader.int('axis', 0), table.dims.length) !== 0 || table.dims.length !== 2) {
    throw new OnnxUnsupported(`looks up in [${table.dims.join(', ')}]; an embedding is [ids, features], along axis 0`)
  }
  if (ids.source.kind !== 'input')
    throw new OnnxUnsupported(`looks up what comes from ${ids.source.place}; ids must be an input of the graph`)
  const feature: Atom = { name: `features of ${reader.place}`, size: size(table.dims[1]!) }
  const x = { view: ids, leading: ids.axes.filter((axis) => axis.length > 0), features: [] }
  return viewOf({ kind: 'embedding', place: reader.place, table, x, features: [feature] }, [...ids.axes, [feature]])
}

/** @param b - [I, O] */
function dense(reader: NodeReader, b: Numbers, bias: Numbers | undefined): View {
  const view = reader.view(0)
  const square = b.dims.slice(0, -2).every((dim) => dim === 1) ? { ...b, dims: b.dims.slice(-2) } : b
  if (square.dims.length !== 2) throw new OnnxUnsupported(`B must be [features in, features out], got [${b.dims.join(', ')}]`)
  const axis = view.axes.length - 1
  if (axis < 0) throw new OnnxCorrupt('A is one number')
  const x = takeFeatures(view, axis)
  const [features, [inputs, units]] = [known(dimsOf(view)[axis]!), square.dims as [number, number]]
  if ((features ?? inputs) !== inputs) throw new OnnxCorrupt(`A has ${features} features, B [${inputs}, ${units}] takes ${inputs}`)
  const { data, shape } = transpose({ data: square.data, shape: square.dims })
  const feature: Atom = { name: `units of ${reader.place}`, size: size(units) }
  const weight: Numbers = { kind: 'numbers', dims: [...shape], data }
  return viewOf({ kind: 'dense', place: reader.place, weight, bias, x, features: [feature] }, view.axes.with(axis, [feature]))
}

function readGemm(reader: NodeReader): View {
  if (reader.int('transA', 0) !== 0) throw new OnnxUnsupported('attribute transA must be 0')
  const given = reader.numbers(1, 'B')
  if (given.dims.length !== 2) throw new OnnxCorrupt(`B must have 2 axes, got [${given.dims.join(', ')}]`)
  const turned =
    reader.int('transB', 0) !== 0 ? transpose({ data: given.data, shape: given.dims }) : { data: given.data, shape: given.dims }
  const b: Numbers = { kind: 'numbers', dims: [...turned.shape], data: turned.data }
  const units = b.dims[1]!
  const bias = reader.given(2) && biasOf(reader, reader.constant(2, 'C'), units)
  if (bias === null) throw new OnnxUnsupported(`C must be one number for each of ${units} features`)
  const [alpha, beta] = [reader.float('alpha', 1), reader.float('beta', 1)]
  return dense(reader, scaled(b, alpha), bias && scaled(bias, beta))
}

function scaled(value: Numbers, factor: number): Numbers {
  return factor === 1 ? value : { ...value, data: value.data.map((x) => x * factor) }
}

function activated(reader: NodeReader, activation: Activation): View {
  return elementwise(reader.view(0), activation, reader.place)
}

function softmax(reader: NodeReader): View {
  const view = reader.view(0)
  const rank = view.axes.length
  const axis = axisOf(reader.int('axis', reader.opset < 13 ? 1 : -1), rank)
  if (axis !== rank - 1) throw new OnnxUnsupported(`attribute axis must be the last one, ${rank - 1}, got ${axis}`)
  return consumed(view, (x, features) => ({ kind: 'softmax', place: reader.place, x, features }))
}

function layerNormalization(reader: NodeReader): View {
  const view = reader.view(0)
  const axis = axisOf(reader.int('axis', -1), view.axes.length)
  if (axis !== view.axes.length - 1) throw new OnnxUnsupported(`attribute axis must be the last one, got ${axis} of ${view.axes.length}`)
  reader.ignore('stash_type')
  const count = known(dimsOf(view)[axis]!) ?? reader.numbers(1, 'Scale').data.length
  const [gamma, beta] = [1, 2].map((i) => reader.given(i) && biasOf(reader, reader.constant(i, i === 1 ? 'Scale' : 'B'), count))
  if (gamma === null || beta === null || !gamma) throw new OnnxUnsupported(`Scale and B must be one number for each of ${count} features`)
  const epsilon = shortest(reader.float('epsilon', 1e-5))
  return consumed(view, (x, features) => ({ kind: 'layerNormalization', place: reader.place, epsilon, gamma, beta, x, features }))
}
