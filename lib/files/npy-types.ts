// The element types of .npy files and what becomes of them: numbers of every width into the float32 and int32 that tensors hold.
import { beyondFloat32, float16ToFloat32 } from './numbers.js'

export interface NpyType {
  /** Bytes of an element. */
  size: number
  /** What its tensor holds. */
  Data: Float32ArrayConstructor | Int32ArrayConstructor
  /**
   * Whole elements in this machine's byte order, at the start of their buffer.
   *
   * @throws NpyValueError for one that float32 or int32 cannot hold
   */
  decode(buffer: ArrayBuffer): Float32Array | Int32Array
}

export class NpyValueError extends Error {
  /** Which element. */
  readonly index: number
  /** No value of its type at all: the file is damaged. */
  readonly corrupt: boolean

  constructor(index: number, text: string, corrupt = false) {
    super(text)
    this.index = index
    this.corrupt = corrupt
  }
}

type Numbers = Float64Array | Uint32Array | BigInt64Array | BigUint64Array

function floats(size: number, decode: (buffer: ArrayBuffer) => Float32Array): NpyType {
  return { size, Data: Float32Array, decode }
}

function integers(size: number, decode: (buffer: ArrayBuffer) => Int32Array): NpyType {
  return { size, Data: Int32Array, decode }
}

function inInt32<T extends Exclude<Numbers, Float64Array>>(values: T): Int32Array {
  const result = new Int32Array(values.length)
  for (let i = 0; i < values.length; ++i) {
    const value = values[i]!
    if (value < -2147483648 || value > 2147483647) throw new NpyValueError(i, `${value} is beyond int32`)
    result[i] = Number(value)
  }
  return result
}

function rounded(values: Float64Array): Float32Array {
  const lost = beyondFloat32(values)
  if (lost >= 0) throw new NpyValueError(lost, `${values[lost]} is beyond float32`)
  return Float32Array.from(values)
}

function booleans(bytes: Uint8Array): Int32Array {
  bytes.forEach((byte, i) => {
    if (byte > 1) throw new NpyValueError(i, `a byte of ${byte} is neither true (1) nor false (0)`, true)
  })
  return Int32Array.from(bytes)
}

const types: Readonly<Record<string, NpyType>> = {
  f2: floats(2, (buffer) => float16ToFloat32(new Uint16Array(buffer))),
  f4: floats(4, (buffer) => new Float32Array(buffer)),
  f8: floats(8, (buffer) => rounded(new Float64Array(buffer))),
  i1: integers(1, (buffer) => Int32Array.from(new Int8Array(buffer))),
  i2: integers(2, (buffer) => Int32Array.from(new Int16Array(buffer))),
  i4: integers(4, (buffer) => new Int32Array(buffer)),
  i8: integers(8, (buffer) => inInt32(new BigInt64Array(buffer))),
  u1: integers(1, (buffer) => Int32Array.from(new Uint8Array(buffer))),
  u2: integers(2, (buffer) => Int32Array.from(new Uint16Array(buffer))),
  u4: integers(4, (buffer) => inInt32(new Uint32Array(buffer))),
  u8: integers(8, (buffer) => inInt32(new BigUint64Array(buffer))),
  b1: integers(1, (buffer) => booleans(new Uint8Array(buffer))),
}

/** The type that numpy writes as `<f4`, or undefined. */
export function npyType(descr: string): { type: NpyType; bigEndian: boolean } | undefined {
  const [order, name] = [descr.slice(0, 1), descr.slice(1)]
  const type = Object.hasOwn(types, name) ? types[name]! : undefined
  if (!type || !(type.size === 1 ? '|<>' : '<>').includes(order)) return undefined
  return { type, bigEndian: order === '>' && type.size > 1 }
}

const kinds: Readonly<Record<string, string>> = {
  O: "Python objects, which are pickled: save numbers instead, with array.astype('float32')",
  U: 'text',
  S: 'bytes',
  V: 'raw bytes',
  M: 'dates',
  m: 'time spans',
  c: 'complex numbers',
  g: 'long doubles',
}

/** What there is in an array of a type that cannot be read. */
export function foreignType(descr: string): string {
  const kind = kinds[descr.replace(/^[<>|=]/, '').slice(0, 1)]
  return `dtype '${descr.slice(0, 40)}'${kind === undefined ? '' : `, ${kind}`}`
}

/** Turns the bytes of each element around, in place. */
export function swapBytes(bytes: Buffer, size: number): void {
  if (size === 2) bytes.swap16()
  else if (size === 4) bytes.swap32()
  else if (size === 8) bytes.swap64()
}
