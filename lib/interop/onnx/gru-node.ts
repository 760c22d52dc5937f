// A GRU node: https://onnx.ai/onnx/operators/onnx__GRU.html
import { activationOf } from '../../spec/activation.js'
import type { Activation, ActivationName } from '../../spec/types.js'
import { sizeOf } from '../../tensor.js'
import { takeConstant } from './constants.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import type { NodeReader } from './node-reader.js'
import { known, type Size, same, showSize, size } from './sizes.js'
import { type GruDirection, type GruNode, takeFeatures } from './sources.js'
import { type Atom, dimsOf, type Numbers, uniform, type Value, type View } from './values.js'
import { showAxes, viewOf } from './views.js'

/** @returns Y and Y_h */
export function readGru(reader: NodeReader): [View, View] {
  const x = reader.view(0)
  const layout = reader.int('layout', 0)
  if (layout !== 0 && layout !== 1) throw new OnnxCorrupt(`attribute layout must be 0 or 1, got ${layout}`)
  const direction = reader.string('direction', 'forward')
  if (direction !== 'forward' && direction !== 'reverse' && direction !== 'bidirectional') {
    throw new OnnxCorrupt(`attribute direction must be forward, reverse or bidirectional, got '${direction}'`)
  }
  if (x.axes.length !== 3) throw new OnnxCorrupt(`X must have 3 axes, got ${showAxes(x)}`)
  const taken = takeFeatures(x, 2)
  const [time, batch] = [x.axes[layout]!, x.axes[1 - layout]!]
  if (time.length !== 1 || batch.length !== 1) {
    throw new OnnxUnsupported(`X must have an axis of steps and one of rows, got ${showAxes(x)}; give the graph's input both axes`)
  }
  if (x.reversed && x.reversed !== time[0]) throw new OnnxUnsupported('X is turned around along an axis that is not time')
  const units = reader.int('hidden_size') ?? unitsOf(reader)
  const clip = reader.has('clip') ? reader.float('clip', 0) : undefined
  if (clip !== undefined && !(clip > 0)) throw new OnnxUnsupported(`attribute clip must be above 0, got ${clip}`)
  const gru: GruNode = {
    place: reader.place,
    units,
    resetAfter: reader.int('linear_before_reset', 0) !== 0,
    clip,
    direction,
    directions: readDirections(reader, direction, units, dimsOf(x)[2]!),
    x: taken,
    time: time[0]!,
    batch: batch[0]!,
    lengths: readLengths(reader.given(4), time[0]!),
    initial: undefined,
    directionAtom: direction === 'bidirectional' ? { name: 'directions', size: size(2) } : undefined,
    hidden: { name: `units of ${reader.place}`, size: size(units) },
  }
  gru.initial = readInitial(reader.given(5), gru, layout)
  const [d, h] = [gru.directionAtom ? [gru.directionAtom] : [], [gru.hidden]]
  return [
    viewOf({ kind: 'sequences', place: reader.place, gru }, layout === 0 ? [time, d, batch, h] : [batch, time, d, h]),
    viewOf({ kind: 'state', place: reader.place, gru }, layout === 0 ? [d, batch, h] : [batch, d, h]),
  ]
}

function unitsOf(reader: NodeReader): number {
  const r = reader.numbers(2, 'R')
  return r.dims[2] ?? 0
}

function readDirections(reader: NodeReader, direction: GruNode['direction'], units: number, open: Size): GruDirection[] {
  const count = direction === 'bidirectional' ? 2 : 1
  const w = reader.numbers(1, 'W')
  const features = known(open)
  const inputSize = w.dims[2] ?? 0
  if (features !== undefined && features !== inputSize)
    throw new OnnxCorrupt(`X has ${features} features, W [${w.dims.join(', ')}] takes ${inputSize}`)
  checkDims('W', w, [count, 3 * units, inputSize])
  const r = reader.numbers(2, 'R')
  checkDims('R', r, [count, 3 * units, units])
  const b = reader.given(3) && reader.numbers(3, 'B')
  if (b) checkDims('B', b, [count, 6 * units])
  const activations = readActivations(reader, count)
  return Array.from({ length: count }, (_, i) => {
    const own = (tensor: Numbers): Numbers => {
      const part = takeConstant(tensor, 0, [i], reader.budget) as Numbers
      return { ...part, dims: part.dims.slice(1) }
    }
    return { w: own(w), r: own(r), b: b && own(b), recurrentActivation: activations[2 * i]!, activation: activations[2 * i + 1]! }
  })
}

function checkDims(name: string, { dims }: Numbers, expected: readonly number[]): void {
  if (sizeOf(expected) > 0 && dims.length === expected.length && dims.every((dim, i) => dim === expected[i])) return
  throw new OnnxCorrupt(`${name} must have the shape [${expected.join(', ')}], got [${dims.join(', ')}]`)
}

const names: Record<string, ActivationName> = {
  relu: 'relu',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  affine: 'affine',
  leakyrelu: 'leakyRelu',
  thresholdedrelu: 'thresholdedRelu',
  scaledtanh: 'scaledTanh',
  hardsigmoid: 'hardSigmoid',
  elu: 'elu',
  softsign: 'softsign',
  softplus: 'softplus',
}
const withAlpha = new Set<ActivationName>(['affine', 'leakyRelu', 'thresholdedRelu', 'scaledTanh', 'hardSigmoid', 'elu'])
const withBeta = new Set<ActivationName>(['affine', 'scaledTanh', 'hardSigmoid'])

/** For each direction the gates' and the candidate's. Constants are consumed in this order, by the activations that have them. */
function readActivations(reader: NodeReader, count: number): Activation[] {
  const given = reader.strings('activations') ?? Array.from({ length: count }, () => ['Sigmoid', 'Tanh']).flat()
  const [alphas, betas] = [reader.floats('activation_alpha').values(), reader.floats('activation_beta').values()]
  if (given.length !== 2 * count) throw new OnnxCorrupt(`attribute activations must name ${2 * count}, got ${given.length}`)
  return given.map((text) => {
    const name = names[text.toLowerCase()]
    if (!name) throw new OnnxUnsupported(`attribute activations has '${text}'; known are ${Object.keys(names).join(', ')}`)
    const alpha = withAlpha.has(name) ? (alphas.next().value as number | undefined) : undefined
    const beta = withBeta.has(name) ? (betas.next().value as number | undefined) : undefined
    return activationNamed(name, alpha, beta)
  })
}

/** Constants that are the defaults go without saying; a changed float32 is told as the shortest decimal that means it. */
export function activationNamed(name: ActivationName, alpha: number | undefined, beta?: number): Activation {
  const full = { name, ...(alpha !== undefined && { alpha: shortest(alpha) }), ...(beta !== undefined && { beta: shortest(beta) }) }
  if (name === 'affine' && full.alpha === 1 && full.beta === 0) return 'linear'
  if (name === 'affine' || name === 'scaledTanh') return full
  const [own, standard] = [full, name].map((activation) => activationOf('importModel', 'activation', activation))
  return Math.fround(own!.alpha) === Math.fround(standard!.alpha) && Math.fround(own!.beta) === Math.fround(standard!.beta) ? name : full
}

/** 0.2 rather than 0.20000000298023224: the same float32. */
export function shortest(value: number): number {
  const short = Number(value.toPrecision(7))
  return Math.fround(short) === Math.fround(value) ? short : value
}

/** The graph's input that holds them, or nothing where every row is as long as the sequence. */
function readLengths(value: Value | undefined, time: Atom): string | undefined {
  if (!value) return undefined
  if (value.kind === 'view' && value.source.kind === 'input' && value.axes.length === 1) return value.source.name
  if (value.kind === 'fill' && typeof value.value !== 'number' && same(value.value, time.size)) return undefined
  const steps = known(time.size)
  if (value.kind === 'ints' && (value.data.every((one) => same(one, time.size)) || (steps !== undefined && uniform(value) === steps))) {
    return undefined
  }
  const text = `sequence_lens must be an input of the graph, or as long as the sequence has steps (${showSize(time.size)})`
  throw new OnnxUnsupported(`${text}; leave it out and give lengths to predict`)
}

/** The graph's input that is the first state, and from which layer of it on; nothing for zeros. */
function readInitial(value: Value | undefined, gru: GruNode, layout: number): GruNode['initial'] {
  if (!value) return undefined
  const zeros = 'initial_h must be 0, or an input of the graph [directions, rows, units]'
  if (value.kind === 'numbers' || value.kind === 'ints' || value.kind === 'fill') {
    if (uniform(value) === 0) return undefined
    throw new OnnxUnsupported(`${zeros}, got a constant; make it an input and give it as initialStates of predictWithStates`)
  }
  const source = value.kind === 'view' ? value.source : undefined
  if (value.kind !== 'view' || !source || (source.kind !== 'input' && source.kind !== 'part')) {
    const came = source ? `what comes from ${source.place}` : 'the states of several layers'
    throw new OnnxUnsupported(`${zeros}, got ${came}; a state that is computed cannot be given to a layer`)
  }
  if (value.reversed) throw new OnnxUnsupported(`${zeros}, got one that was turned around`)
  const dims = dimsOf(value)
  const count = gru.direction === 'bidirectional' ? 2 : 1
  const expected = layout === 0 ? [count, undefined, gru.units] : [undefined, count, gru.units]
  if (dims.length !== 3 || expected.some((n, i) => n !== undefined && known(dims[i]!) !== undefined && known(dims[i]!) !== n)) {
    throw new OnnxCorrupt(`initial_h must have the shape [${count}, rows, ${gru.units}], got ${showAxes(value)}`)
  }
  if (source.kind === 'part') return { input: source.of.name, from: source.from }
  const [place] = [...value.fixed.values()]
  return { input: source.name, from: place ?? 0 }
}
