// Operators that move numbers about or compute shapes.
import { broadcast, checkRank, expandConstant, filled, takeConstant } from './constants.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import type { NodeReader } from './node-reader.js'
import { onnxTypes } from './proto.js'
import { known, plus, product, type Size, same, showSize, size } from './sizes.js'
import { axisOf, concat, expand, pick, reshape, slice, squeeze, transpose, unsqueeze } from './structure.js'
import { constantOf, dimsOf, type Ints, isConstant, rankOf, uniform, type Value } from './values.js'

export type Operator = (reader: NodeReader) => readonly (Value | undefined)[]

/** An operator's axes: an attribute in older versions, an input in newer ones. */
export function axesOf(reader: NodeReader, input: number): number[] | undefined {
  return reader.ints('axes') ?? (reader.given(input) ? reader.wholes(input, 'axes') : undefined)
}

export const structureOperators: Record<string, Operator> = {
  Identity: (reader) => [reader.value(0)],
  Constant: (reader) => [readConstant(reader)],
  Cast: (reader) => [cast(reader)],
  CastLike: (reader) => [reader.value(0)],
  Transpose: (reader) => {
    const rank = rankOf(reader.value(0))
    return [transpose(reader.value(0), reader.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i), reader.budget)]
  },
  Reshape: (reader) => [reshape(reader.value(0), reader.sizes(1, 'shape'), reader.int('allowzero', 0) !== 0)],
  Flatten: (reader) => {
    const dims = dimsOf(reader.value(0))
    const given = reader.int('axis', 1)
    const axis = given === dims.length ? given : axisOf(given, dims.length)
    return [reshape(reader.value(0), [product(dims.slice(0, axis)), product(dims.slice(axis))], true)]
  },
  Squeeze: (reader) => [squeeze(reader.value(0), axesOf(reader, 1))],
  Unsqueeze: (reader) => {
    const axes = axesOf(reader, 1)
    if (!axes) throw new OnnxCorrupt('axes are missing')
    return [unsqueeze(reader.value(0), axes)]
  },
  Gather: (reader) => [gather(reader)],
  Slice: (reader) => [readSlice(reader)],
  Split: split,
  Concat: (reader) => {
    const values = reader.inputs.map((_, i) => reader.value(i))
    const axis = reader.int('axis')
    if (axis === undefined || values.length === 0) throw new OnnxCorrupt('attribute axis or all inputs are missing')
    const rank = rankOf(values[0]!)
    if (values.some((value) => rankOf(value) !== rank)) throw new OnnxCorrupt('joins tensors of different numbers of axes')
    return [concat(values, axisOf(axis, rank), reader.budget)]
  },
  Expand: (reader) => [expand(reader.value(0), reader.sizes(1, 'shape'), reader.budget)],
  Tile: (reader) => {
    const dims = dimsOf(reader.value(0))
    const repeats = reader.sizes(1, 'repeats')
    if (repeats.length !== dims.length) throw new OnnxCorrupt(`repeats must be ${dims.length} numbers, got ${repeats.length}`)
    if (repeats.every((count) => known(count) === 1)) return [reader.value(0)]
    const ones = dims.every((dim, i) => known(dim) === 1 || known(repeats[i]!) === 1)
    if (!ones) throw new OnnxUnsupported('repeats an axis of more than one place')
    return [
      expand(
        reader.value(0),
        dims.map((dim, i) => (known(dim) === 1 ? repeats[i]! : dim)),
        reader.budget,
      ),
    ]
  },
  Shape: (reader) => {
    const dims = dimsOf(reader.value(0))
    const clamp = (at: number) => Math.max(0, Math.min(dims.length, at < 0 ? at + dims.length : at))
    const part = dims.slice(clamp(reader.int('start', 0)), clamp(reader.int('end', dims.length)))
    return [{ kind: 'ints', dims: [part.length], data: part }]
  },
  Size: (reader) => [{ kind: 'ints', dims: [], data: [product(dimsOf(reader.value(0)))] }],
  ConstantOfShape: (reader) => {
    const dims = reader.sizes(0, 'the shape')
    checkRank(dims.length)
    const tensor = reader.tensor('value')
    const value = tensor ? constantOf(tensor) : undefined
    if (value && value.data.length !== 1) throw new OnnxCorrupt('attribute value must be one number')
    return [{ kind: 'fill', dims, value: value ? value.data[0]! : 0 }]
  },
  Equal: (reader) => {
    if ([0, 1].some((i) => !isConstant(reader.value(i)))) {
      throw new OnnxUnsupported(
        'compares what the model computes with: a mask made in the graph is not read; the nearest form is a graph without it, and mask or lengths given to predict',
      )
    }
    const [a, b] = [filled(reader.constant(0, 'A'), reader.budget), filled(reader.constant(1, 'B'), reader.budget)]
    if (a.kind !== 'ints' || b.kind !== 'ints') throw new OnnxUnsupported('compares floats')
    return [eachOf([a, b], reader, ([x, y]) => equal(x!, y!))]
  },
  Where: (reader) => {
    const parts = [0, 1, 2].map((i) => filled(reader.constant(i, `input ${i}`), reader.budget))
    const ints = parts.filter((part) => part.kind === 'ints')
    if (ints.length < 3) throw new OnnxUnsupported('chooses between floats')
    return [eachOf(ints, reader, ([c, x, y]) => (known(c!) === undefined || known(c!) !== 0 ? x! : y!))]
  },
}

/** Element by element, broadcast. */
function eachOf(values: Ints[], reader: NodeReader, compute: (elements: Size[]) => Size): Ints {
  const dims = values.map(dimsOf).reduce(broadcast)
  const full = values.map((value) => filled(expandConstant(value, dims, reader.budget), reader.budget) as Ints)
  return { kind: 'ints', dims: full[0]!.dims, data: full[0]!.data.map((_, i) => compute(full.map(({ data }) => data[i]!))) }
}

/** Sizes left open are above 0. */
function equal(a: Size, b: Size): Size {
  if (same(a, b)) return size(1)
  const numbers = [known(a), known(b)].filter((n) => n !== undefined)
  if (numbers.length === 2 || (numbers.length === 1 && numbers[0]! < 0)) return size(0)
  throw new OnnxUnsupported(`asks if ${showSize(a)} is ${showSize(b)}, which only data can tell`)
}

function readConstant(reader: NodeReader): Value {
  const tensor = reader.tensor('value')
  if (tensor) return constantOf(tensor)
  if (reader.has('value_float')) return { kind: 'numbers', dims: [], data: Float32Array.of(reader.float('value_float', 0)) }
  if (reader.has('value_floats')) {
    const list = reader.floats('value_floats')
    return { kind: 'numbers', dims: [list.length], data: Float32Array.from(list) }
  }
  if (reader.has('value_int')) return { kind: 'ints', dims: [], data: [size(reader.int('value_int', 0))] }
  const list = reader.ints('value_ints')
  if (list) return { kind: 'ints', dims: [list.length], data: list.map(size) }
  throw new OnnxUnsupported('holds neither floats nor whole numbers')
}

const floatTypes: readonly number[] = [onnxTypes.FLOAT, onnxTypes.FLOAT16, onnxTypes.BFLOAT16, onnxTypes.DOUBLE]

function cast(reader: NodeReader): Value {
  const to = reader.int('to')
  if (to === undefined) throw new OnnxCorrupt('attribute to is missing')
  reader.ignore('saturate', 'round_mode')
  const value = reader.value(0)
  const floats = floatTypes.includes(to)
  if (value.kind === 'numbers' && !floats) {
    return { kind: 'ints', dims: value.dims, data: Array.from(value.data, (number) => size(Math.trunc(number) || 0)) }
  }
  if (value.kind === 'ints' && floats) {
    const numbers = value.data.map(known)
    if (numbers.some((number) => number === undefined)) throw new OnnxUnsupported('makes floats of sizes that are left open')
    return { kind: 'numbers', dims: value.dims, data: Float32Array.from(numbers as number[]) }
  }
  if (!isConstant(value) && !floats && !(value.kind === 'view' && value.source.kind === 'input')) {
    throw new OnnxUnsupported('makes whole numbers of what a layer puts out; round what predict gives')
  }
  if (value.kind !== 'fill') return value
  const number = uniform(value)
  if (number === undefined) return value
  return { ...value, value: floats ? number : size(Math.trunc(number) || 0) }
}

function gather(reader: NodeReader): Value {
  const [from, at] = [reader.value(0), reader.value(1)]
  if (!isConstant(at)) throw new OnnxUnsupported('takes places that data tells, out of what a layer puts out; the last state is Y_h')
  const axis = axisOf(reader.int('axis', 0), rankOf(from))
  const indices = reader.sizes(1, 'indices')
  const dims = dimsOf(at)
  if (dims.length === 0) return pick(from, axis, indices[0]!, reader.budget)
  if (dims.length === 1 && indices.length === 1) return unsqueeze(pick(from, axis, indices[0]!, reader.budget), [axis])
  const length = known(dimsOf(from)[axis]!)
  const places = indices.map((index) => {
    const place = known(index)
    if (place === undefined || length === undefined) throw new OnnxUnsupported('takes several places of an axis whose size is left open')
    return place < 0 ? place + length : place
  })
  if (isConstant(from)) {
    const taken = takeConstant(from, axis, places, reader.budget)
    const old = dimsOf(taken)
    return reshape(taken, [...old.slice(0, axis), ...dims, ...old.slice(axis + 1)], true)
  }
  const inOrder = dims.length === 1 && places.length > 0 && places.every((place, i) => place === places[0]! + i)
  if (!inOrder) throw new OnnxUnsupported('takes places out of their order, of what a layer puts out')
  return slice(from, axis, size(places[0]!), size(places.at(-1)! + 1), 1, reader.budget)
}

function readSlice(reader: NodeReader): Value {
  const old = reader.ints('starts')
  const starts = old?.map(size) ?? reader.sizes(1, 'starts')
  const ends = reader.ints('ends')?.map(size) ?? reader.sizes(2, 'ends')
  const axes = axesOf(reader, 3) ?? starts.map((_, i) => i)
  const steps = !old && reader.given(4) ? reader.wholes(4, 'steps') : starts.map(() => 1)
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    throw new OnnxCorrupt('starts, ends, axes and steps must be as many')
  }
  let value = reader.value(0)
  axes.forEach((axis, i) => {
    value = slice(value, axisOf(axis, rankOf(value)), starts[i]!, ends[i]!, steps[i]!, reader.budget)
  })
  return value
}

function split(reader: NodeReader): Value[] {
  const value = reader.value(0)
  const axis = axisOf(reader.int('axis', 0), rankOf(value))
  const length = known(dimsOf(value)[axis]!)
  if (length === undefined) throw new OnnxUnsupported('parts an axis whose size is left open')
  const count = reader.int('num_outputs', reader.node.outputs.length)
  if (count !== reader.node.outputs.length || count < 1)
    throw new OnnxCorrupt(`num_outputs must be ${reader.node.outputs.length}, got ${count}`)
  const part = Math.ceil(length / count)
  const given = reader.ints('split') ?? (reader.given(1) ? reader.wholes(1, 'split') : undefined)
  const parts = given ?? Array.from({ length: count }, (_, i) => Math.min(part, Math.max(0, length - i * part)))
  if (parts.length !== count || parts.some((n) => n < 0) || parts.reduce((a, b) => a + b, 0) !== length) {
    throw new OnnxCorrupt(`parts [${parts.join(', ')}] must be ${count} that make ${length}`)
  }
  let start = size(0)
  return parts.map((n, i) => {
    const end = plus(start, size(n))
    const wanted = reader.node.outputs[i] !== ''
    const result = wanted ? slice(value, axis, start, end, 1, reader.budget) : value
    start = end
    return result
  })
}
