// Operators that are layers, or parts of one.
import type { Activation, ActivationName } from '../../spec/types.js'
import { transpose } from '../blocks.js'
import { arithmetic, broadcast, filled } from './constants.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { activationNamed, readGru, shortest } from './gru-node.js'
import { centred, meanOf, momentOf, nextMoment, normalized } from './moments.js'
import type { NodeReader } from './node-reader.js'
import { axesOf, type Operator, structureOperators } from './ops-structure.js'
import { known, same, size } from './sizes.js'
import { type Source, takeFeatures } from './sources.js'
import { axisOf } from './structure.js'
import { type Atom, type Constant, dimsOf, isConstant, type Numbers, uniform, type Value, type View } from './values.js'
import { directionOf, pickView, showAxes, viewOf, without } from './views.js'

export const layerOperators: Record<string, Operator> = {
  GRU: readGru,
  Gather: (reader) => {
    const [table, ids] = [reader.given(0), reader.given(1)]
    return table && isConstant(table) && ids?.kind === 'view' ? [readEmbedding(reader, ids)] : structureOperators.Gather!(reader)
  },
  MatMul: (reader) => [dense(reader, reader.numbers(1, 'B'), undefined)],
  Gemm: (reader) => [readGemm(reader)],
  Add: (reader) => [add(reader, reader.value(0), reader.value(1))],
  Sub: (reader) => [subtract(reader)],
  Mul: (reader) => [multiply(reader, reader.value(0), reader.value(1))],
  Div: (reader) => [divide(reader)],
  Sum: (reader) => [several(reader, 'sum')],
  Mean: (reader) => [several(reader, 'ave')],
  ReduceSum: (reader) => [reduced(reader, 'sum')],
  ReduceMean: (reader) => [reduced(reader, 'ave')],
  ReduceProd: (reader) => [reduced(reader, 'mul')],
  Pow: (reader) => [squared(reader.view(0), uniform(reader.constant(1, 'the exponent')) === 2)],
  Sqrt: (reader) => {
    const moment = momentOf(reader.view(0), 'guarded')
    return [moment ? nextMoment(reader.view(0), moment, 'deviation') : refused()]
  },
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

/** A constant that is added along the last axis: one number for each feature. Null: it is no such. */
function biasOf(reader: NodeReader, value: Constant, units: number): Numbers | null {
  const dims = dimsOf(value).map(known)
  if (dims.slice(0, -1).some((dim) => dim !== 1) || (dims.length > 0 && dims.at(-1) !== units && dims.at(-1) !== 1)) return null
  const full = filled(value, reader.budget)
  if (full.kind !== 'numbers') return null
  const data = full.data.length === units ? full.data : new Float32Array(units).fill(full.data[0]!)
  return { kind: 'numbers', dims: [units], data }
}

type Sorted = { view: View; constant: Constant } | undefined

/** One of two is a constant, in any order. */
function sorted(a: Value, b: Value): Sorted {
  if (a.kind === 'view' && isConstant(b)) return { view: a, constant: b }
  return b.kind === 'view' && isConstant(a) ? { view: b, constant: a } : undefined
}

/** A constant must not make what a layer puts out larger. */
function checkSmaller(view: View, constant: Constant): void {
  const dims = dimsOf(view)
  const result = broadcast(dims, dimsOf(constant))
  if (result.length === dims.length && result.every((dim, i) => same(dim, dims[i]!))) return
  throw new OnnxUnsupported(`repeats ${showAxes(view)} to the shape of a constant`)
}

function add(reader: NodeReader, a: Value, b: Value): Value {
  if (isConstant(a) && isConstant(b)) return arithmetic('Add', a, b, reader.budget)
  if (a.kind === 'view' && b.kind === 'view') return merged([a, b], 'sum')
  const { view, constant } = sorted(a, b) ?? refused()
  checkSmaller(view, constant)
  const { source } = view
  const [last] = view.axes.at(-1) ?? []
  const variance = momentOf(view, 'variance')
  const epsilon = uniform(constant)
  if (variance && epsilon !== undefined) return nextMoment(view, variance, 'guarded', shortest(epsilon))
  if (source.kind === 'dense' && !source.bias && last === source.features[0]) {
    const bias = biasOf(reader, constant, source.weight.dims[0]!)
    if (bias) return { ...view, source: { ...source, bias } }
  }
  if (source.kind === 'layerNormalization' && !source.beta && last === source.features[0]) {
    const beta = biasOf(reader, constant, known(last!.size) ?? 0)
    if (beta) return { ...view, source: { ...source, beta } }
  }
  return affine(reader.place, view, 1, constant, 'adds')
}

function subtract(reader: NodeReader): Value {
  const [a, b] = [reader.value(0), reader.value(1)]
  if (isConstant(a) && isConstant(b)) return arithmetic('Sub', a, b, reader.budget)
  if (a.kind === 'view' && b.kind === 'view') return centred(a, b) ?? refused()
  if (a.kind === 'view' && isConstant(b)) return add(reader, a, arithmetic('Sub', { kind: 'fill', dims: [], value: 0 }, b, reader.budget))
  return refused()
}

function multiply(reader: NodeReader, a: Value, b: Value): Value {
  if (isConstant(a) && isConstant(b)) return arithmetic('Mul', a, b, reader.budget)
  if (a.kind === 'view' && a === b && momentOf(a, 'centred')) return squared(a, true)
  if (a.kind === 'view' && b.kind === 'view') return merged([a, b], 'mul')
  const { view, constant } = sorted(a, b) ?? refused()
  checkSmaller(view, constant)
  const { source } = view
  const factor = uniform(constant)
  const [last] = view.axes.at(-1) ?? []
  if (source.kind === 'layerNormalization' && !source.gamma && !source.beta && last === source.features[0]) {
    const gamma = biasOf(reader, constant, known(last!.size) ?? 0)
    if (gamma) return { ...view, source: { ...source, gamma } }
  }
  if (source.kind === 'merged' && source.mode === 'sum' && factor === 0.5) return { ...view, source: { ...source, mode: 'ave' } }
  return affine(reader.place, view, factor ?? Number.NaN, { kind: 'fill', dims: [], value: 0 }, 'multiplies')
}

function divide(reader: NodeReader): Value {
  const [a, b] = [reader.value(0), reader.value(1)]
  if (isConstant(a) && isConstant(b)) return arithmetic('Div', a, b, reader.budget)
  if (a.kind === 'view' && b.kind === 'view') {
    const { x, place, epsilon } = normalized(a, b) ?? refused()
    return consumed(x.view, (taken, features) => {
      return { kind: 'layerNormalization', place, epsilon, gamma: undefined, beta: undefined, x: taken, features }
    })
  }
  if (a.kind === 'view' && isConstant(b))
    return multiply(reader, a, arithmetic('Div', { kind: 'fill', dims: [], value: 1 }, b, reader.budget))
  return refused()
}

/** alpha x + beta of each element; onto an affine or tanh that came before, where one activation can say both. */
function affine(place: string, view: View, alpha: number, constant: Constant, what: string): View {
  const beta = uniform(constant)
  if (beta === undefined || Number.isNaN(alpha)) {
    const nearest = 'one number for all features, or a bias right after MatMul; grus has a normalizer for scales of the input'
    throw new OnnxUnsupported(`${what} numbers of its own for each feature, to what comes from ${view.source.place}; it can be ${nearest}`)
  }
  const { source } = view
  const inner = source.kind === 'activation' && source.activation === 'tanh' ? source.of : undefined
  if (inner?.kind === 'activation' && beta === 0 && isFactor(inner.activation)) {
    return {
      ...view,
      source: { ...inner, place, activation: { name: 'scaledTanh', alpha: shortest(alpha), beta: inner.activation.alpha! } },
    }
  }
  const before = source.kind === 'activation' && typeof source.activation === 'object' ? source.activation : undefined
  if (source.kind === 'activation' && before && isFactor(before) && alpha === 1) {
    return { ...view, source: { ...source, place, activation: { ...before, beta: shortest(beta) } } }
  }
  return elementwise(view, activationNamed('affine', alpha, beta), place)
}

function squared(view: View, isSquare: boolean): View {
  const moment = momentOf(view, 'centred')
  return moment && isSquare ? nextMoment(view, moment, 'square') : refused()
}

function isFactor(activation: Activation): activation is Exclude<Activation, string> {
  return typeof activation === 'object' && activation.name === 'affine' && activation.beta === 0
}

function refused(): never {
  throw new OnnxUnsupported(
    'computes with two values that layers put out; grus adds, multiplies or averages the two directions of one GRU, nothing else',
  )
}

/** The two directions of one GRU as one. */
function merged(views: readonly View[], mode: 'sum' | 'mul' | 'ave'): View {
  const [first, second] = views as [View, View]
  const atom = views.length === 2 ? (directionOf([first, second]) ?? directionOf([second, first])) : undefined
  const { source } = first
  if (!atom || (source.kind !== 'sequences' && source.kind !== 'state')) return refused()
  return { ...first, source: { kind: 'merged', place: source.place, of: source, mode }, fixed: without(first.fixed, atom) }
}

function several(reader: NodeReader, mode: 'sum' | 'ave'): Value {
  if (reader.inputs.length === 1) return reader.value(0)
  return merged(
    reader.inputs.map((_, i) => reader.view(i)),
    mode,
  )
}

/** Over the axis of directions. */
function reduced(reader: NodeReader, mode: 'sum' | 'mul' | 'ave'): Value {
  const axes = axesOf(reader, 1)
  const keep = reader.int('keepdims', 1) !== 0
  reader.ignore('noop_with_empty_axes')
  const value = reader.value(0)
  if (value.kind !== 'view') throw new OnnxUnsupported('reduces constants, or states of several layers')
  const [given, ...more] = axes ?? []
  const axis = given === undefined ? undefined : axisOf(given, value.axes.length)
  if (mode === 'ave' && keep && axis === value.axes.length - 1 && more.length === 0) return meanOf(value, reader.place)
  const { source } = value
  const gru = source.kind === 'sequences' || source.kind === 'state' ? source.gru : undefined
  const atoms = axis === undefined ? [] : value.axes[axis]!
  if (axis === undefined || more.length > 0 || !gru?.directionAtom || atoms.length !== 1 || atoms[0] !== gru.directionAtom) {
    throw new OnnxUnsupported(`reduces ${showAxes(value)} along axes [${axes?.join(', ') ?? ''}]; the directions of one GRU can be`)
  }
  const result = merged(
    [0, 1].map((i) => pickView(value, axis, size(i))),
    mode,
  )
  return keep ? { ...result, axes: result.axes.toSpliced(axis, 0, []) } : result
}

function activated(reader: NodeReader, activation: Activation | ActivationName): View {
  return elementwise(reader.view(0), activation, reader.place)
}

function elementwise(view: View, activation: Activation, place: string): View {
  if (activation === 'linear') return view
  return { ...view, source: { kind: 'activation', place, of: view.source, activation } }
}

function softmax(reader: NodeReader): View {
  const view = reader.view(0)
  const rank = view.axes.length
  const axis = axisOf(reader.int('axis', reader.opset < 13 ? 1 : -1), rank)
  if (axis !== rank - 1) throw new OnnxUnsupported(`attribute axis must be the last one, ${rank - 1}, got ${axis}`)
  return consumed(view, (x, features) => ({ kind: 'softmax', place: reader.place, x, features }))
}

/** A layer that takes the last axis and gives it back. */
function consumed(view: View, make: (x: ReturnType<typeof takeFeatures>, features: Atom[]) => Source): View {
  const axis = view.axes.length - 1
  const x = takeFeatures(view, axis)
  const feature: Atom = { name: x.features.map(({ name }) => name).join(' x '), size: dimsOf(view)[axis]! }
  return viewOf(make(x, [feature]), view.axes.with(axis, [feature]))
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
