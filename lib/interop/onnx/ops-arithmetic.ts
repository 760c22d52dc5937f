// Sums and products: of constants, of a layer with its bias or scale, and of the two directions of a GRU.
import type { Activation } from '../../spec/types.js'
import { arithmetic, broadcast } from './constants.js'
import { OnnxUnsupported } from './faults.js'
import { activationNamed, shortest } from './gru-node.js'
import { biasOf, consumed, elementwise } from './layer-parts.js'
import { centred, meanOf, momentOf, nextMoment, normalized } from './moments.js'
import type { NodeReader } from './node-reader.js'
import { axesOf, type Operator } from './ops-structure.js'
import { known, same, size } from './sizes.js'
import { axisOf } from './structure.js'
import { type Constant, dimsOf, isConstant, uniform, type Value, type View } from './values.js'
import { directionOf } from './view-joins.js'
import { pickView } from './view-places.js'
import { showAxes, without } from './views.js'

export const arithmeticOperators: Record<string, Operator> = {
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
