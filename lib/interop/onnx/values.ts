// What stands for a tensor while a graph is followed: numbers, sizes, or what a layer puts out with its axes labelled. Nothing is computed.
import { beyondFloat32, bfloat16ToFloat32, float16ToFloat32 } from '../../files/numbers.js'
import { sizeOf } from '../../tensor.js'
import { saturate, typeSizes } from './decode-tensor.js'
import { OnnxUnsupported } from './faults.js'
import type { OnnxTensor } from './proto.js'
import { known, product, type Size, size } from './sizes.js'
import type { Source } from './sources.js'

/** One axis of what a layer puts out: batch, time, direction or features. Two are the same only as objects. */
export interface Atom {
  /** For messages. */
  name: string
  size: Size
}

/** Weights. */
export interface Numbers {
  kind: 'numbers'
  dims: number[]
  data: Float32Array
}

/** Whole numbers and booleans: shapes, axes, indices. */
export interface Ints {
  kind: 'ints'
  dims: number[]
  data: Size[]
}

/** One number everywhere, in a shape that may be left open: the zeros of a first state. */
export interface Fill {
  kind: 'fill'
  dims: Size[]
  value: Size | number
}

/** What a layer puts out, perhaps transposed, reshaped, or a part of it. */
export interface View {
  kind: 'view'
  source: Source
  /** Each axis runs over these, the last one fastest; none: an axis of size 1. */
  axes: Atom[][]
  /** Axes of which one place was taken; from the end where negative. */
  fixed: ReadonlyMap<Atom, number>
  /** An axis that runs the other way round. */
  reversed?: Atom
}

/** Views, one beside the other along an axis of its own: last states of several layers, or the directions of one. */
export interface Stack {
  kind: 'stack'
  axis: number
  /** Each without that axis; all of one rank. */
  items: View[]
}

export type Constant = Numbers | Ints | Fill
export type Value = Constant | View | Stack

export function isConstant(value: Value): value is Constant {
  return value.kind === 'numbers' || value.kind === 'ints' || value.kind === 'fill'
}

/** More whole numbers than these are no shape. */
const mostInts = 65536

/** A stored tensor's numbers; other widths become float32. */
export function constantOf({ name, type, dims, data }: OnnxTensor): Numbers | Ints {
  if (!(data instanceof Uint8Array)) throw new OnnxUnsupported(`the tensor '${name}' lies in another file`)
  if (type === 'STRING') throw new OnnxUnsupported(`the tensor '${name}' holds strings`)
  const count = sizeOf(dims)
  // memory of its own: numbers in a file begin anywhere
  const bytes = new Uint8Array(data).buffer
  if (type === 'FLOAT') return { kind: 'numbers', dims, data: new Float32Array(bytes) }
  if (type === 'DOUBLE') {
    const doubles = new Float64Array(bytes)
    const lost = beyondFloat32(doubles)
    if (lost >= 0) throw new OnnxUnsupported(`the tensor '${name}' holds ${doubles[lost]}, which is beyond float32`)
    return { kind: 'numbers', dims, data: Float32Array.from(doubles) }
  }
  if (type === 'FLOAT16') return { kind: 'numbers', dims, data: float16ToFloat32(new Uint16Array(bytes)) }
  if (type === 'BFLOAT16') return { kind: 'numbers', dims, data: bfloat16ToFloat32(new Uint16Array(bytes)) }
  if (count > mostInts) throw new OnnxUnsupported(`the tensor '${name}' holds ${count} whole numbers: grus has weights of float32 only`)
  const view = new DataView(bytes)
  const read: Record<string, (at: number) => number> = {
    INT64: (at) => saturate(view.getBigInt64(at, true)),
    UINT64: (at) => saturate(view.getBigUint64(at, true)),
    INT32: (at) => view.getInt32(at, true),
    UINT32: (at) => view.getUint32(at, true),
    INT16: (at) => view.getInt16(at, true),
    UINT16: (at) => view.getUint16(at, true),
    INT8: (at) => view.getInt8(at),
    UINT8: (at) => view.getUint8(at),
    BOOL: (at) => (view.getUint8(at) === 0 ? 0 : 1),
  }
  const width = typeSizes[type]
  return { kind: 'ints', dims, data: Array.from({ length: count }, (_, i) => size(read[type]!(i * width))) }
}

/** The shape. */
export function dimsOf(value: Value): Size[] {
  if (value.kind === 'numbers' || value.kind === 'ints') return value.dims.map(size)
  if (value.kind === 'fill') return value.dims
  if (value.kind === 'view') return value.axes.map((axis) => product(axis.map((atom) => atom.size)))
  const dims = dimsOf(value.items[0]!)
  return [...dims.slice(0, value.axis), size(value.items.length), ...dims.slice(value.axis)]
}

export function rankOf(value: Value): number {
  if (value.kind === 'view') return value.axes.length
  return value.kind === 'stack' ? value.items[0]!.axes.length + 1 : value.dims.length
}

/** The one number that stands everywhere in it, if it is known. */
export function uniform(value: Constant): number | undefined {
  if (value.kind === 'fill') return typeof value.value === 'number' ? value.value : known(value.value)
  if (value.data.length === 0) return undefined
  const numbers = value.kind === 'numbers' ? value.data : value.data.map(known)
  const first = numbers[0]
  return first !== undefined && numbers.every((number) => number === first) ? first : undefined
}
