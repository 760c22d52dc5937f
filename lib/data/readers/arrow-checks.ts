// Checks of a record batch: of its metadata before apache-arrow makes vectors of it, and of the vectors' memory before values are taken from it.
import { isUtf8 } from 'node:buffer'
import type { Data, DataType } from 'apache-arrow'
import { UnsupportedArrow } from './arrow-messages.js'
import { ArrowError, type Table } from './flatbuffer.js'

/** Numbers of `Type` in apache-arrow. */
export const kinds = {
  dictionary: -1,
  null: 1,
  int: 2,
  float: 3,
  binary: 4,
  utf8: 5,
  bool: 6,
  decimal: 7,
  date: 8,
  time: 9,
  timestamp: 10,
  list: 12,
  struct: 13,
  fixedSizeBinary: 15,
  fixedSizeList: 16,
  map: 17,
  duration: 18,
  largeBinary: 19,
  largeUtf8: 20,
  largeList: 21,
  binaryView: 23,
  utf8View: 24,
} as const

/** Field nodes that a field of the schema has in a batch: of a dictionary's the indices alone. */
function nodesOf(field: Table): number {
  const children = field.has(4) ? [] : ((field.get(5) as Table[] | undefined) ?? [])
  return children.reduce((sum, child) => sum + nodesOf(child), 1)
}

/** apache-arrow fills columns up to a batch's length, with memory for them. */
export function checkBatch(batch: Table, fields: readonly Table[], bodyLength: number): void {
  const length = (batch.get(0) as number | undefined) ?? 0
  const nodes = checkParts(batch, bodyLength)
  let next = 0
  for (const field of fields) {
    if (nodes[next] !== length) throw new ArrowError(`a column of ${nodes[next]} rows in a batch of ${length}`)
    next += nodesOf(field)
  }
  if (next !== nodes.length) throw new ArrowError(`a batch of ${nodes.length} columns and parts of columns where the schema has ${next}`)
}

/** apache-arrow makes an array of a dictionary's length. */
export function checkDictionary(batch: Table, bodyLength: number): void {
  const [length = 0] = checkParts(batch, bodyLength)
  // a bit a value, and no codec makes more than some hundred bytes of one
  if (length > bodyLength * 8 * 256) throw new ArrowError(`a dictionary of ${length} values in ${bodyLength} bytes`)
}

/** @returns the lengths of the columns and of their parts */
function checkParts(batch: Table, bodyLength: number): number[] {
  const nodes = pairs(batch.get(1) as DataView | undefined)
  for (const [rows, nulls] of nodes) {
    if (rows < 0 || rows >= 2 ** 31 || nulls < 0 || nulls > rows) throw new ArrowError(`${nulls} nulls in ${rows} values`)
  }
  for (const [offset, size] of pairs(batch.get(2) as DataView | undefined)) {
    if (offset < 0 || size < 0 || offset + size > bodyLength) throw new ArrowError(`${size} bytes at ${offset} of a body of ${bodyLength}`)
  }
  return nodes.map(([rows]) => rows)
}

function pairs(structs: DataView | undefined): [number, number][] {
  const at = (i: number) => Number(structs!.getBigInt64(8 * i, true))
  return Array.from({ length: (structs?.byteLength ?? 0) / 16 }, (_, i) => [at(2 * i), at(2 * i + 1)])
}

/** That everything `data` may be asked for is there, and what it refers to. */
export function checkData(data: Data): void {
  const { length, type, children } = data
  const kind = type.typeId as number
  if (kind === kinds.null) return
  if (kind !== kinds.utf8View && kind !== kinds.binaryView) checkNulls(data, data.nullCount)
  switch (kind) {
    case kinds.utf8:
    case kinds.largeUtf8:
    case kinds.binary:
    case kinds.largeBinary:
      checkBytes(data, kind === kinds.utf8 || kind === kinds.largeUtf8)
      break
    case kinds.list:
    case kinds.largeList:
    case kinds.map:
      checkOffsets(data, children[0]!.length)
      break
    case kinds.fixedSizeList:
      // a size of 0 is a list of nothing
      if (data.stride < 0 || length * data.stride > children[0]!.length) throw short(type)
      break
    case kinds.struct:
      if (children.some((child) => child.length < length)) throw short(type)
      break
    case kinds.dictionary:
      for (const part of data.dictionary?.data ?? []) checkData(part)
      checkIndices(data)
      break
    case kinds.utf8View:
    case kinds.binaryView:
      checkViews(data, kind === kinds.utf8View)
      break
    case kinds.bool:
      if (sizeOf(data) * 8 < length) throw short(type)
      break
    case kinds.decimal:
    case kinds.fixedSizeBinary:
      if (!(data.stride >= 1)) throw new ArrowError(`${type} has values of no bytes`)
      if (data.values === undefined ? length > 0 : data.values.length < length * data.stride) throw short(type)
      break
    case kinds.int:
    case kinds.float:
    case kinds.date:
    case kinds.time:
    case kinds.timestamp:
    case kinds.duration:
      if ((data.values?.length ?? 0) < length) throw short(type)
      break
    default:
      throw new UnsupportedArrow(`values of type ${type}`)
  }
  for (const child of children) checkData(child)
}

function short(type: DataType): ArrowError {
  return new ArrowError(`values of type ${type} end too early`)
}

function sizeOf(data: Data): number {
  return (data.values as Uint8Array | undefined)?.byteLength ?? 0
}

function checkNulls({ nullBitmap, length, type }: Data, nulls: number): void {
  if (nulls === 0) return
  if (!nullBitmap || nullBitmap.length * 8 < length) throw short(type)
  let valid = 0
  for (let i = 0; i < length; i++) valid += (nullBitmap[i >> 3]! >> (i & 7)) & 1
  if (length - valid !== nulls) throw new ArrowError(`${length - valid} nulls in values of type ${type} that should have ${nulls}`)
}

/** Offsets rise and end within `most`. An array of no rows may lack them. */
function checkOffsets({ valueOffsets, length, type }: Data, most: number): { first: number; last: number } {
  const offsets = valueOffsets as Int32Array | BigInt64Array | undefined
  if (length === 0) return { first: 0, last: 0 }
  if (!offsets || offsets.length <= length) throw short(type)
  const first = Number(offsets[0])
  let last = first
  for (let i = 0; i <= length; i++) {
    const next = Number(offsets[i])
    if (next < last || next < 0 || next > most) throw new ArrowError(`values of type ${type} that lie outside of their memory`)
    last = next
  }
  return { first, last }
}

function checkBytes(data: Data, text: boolean): void {
  const { first, last } = checkOffsets(data, sizeOf(data))
  if (!text || data.length === 0) return
  const values = (data.values as Uint8Array | undefined) ?? new Uint8Array(0)
  if (!isUtf8(values.subarray(first, last))) throw new ArrowError('text that is not UTF-8')
  const offsets = data.valueOffsets as Int32Array | BigInt64Array
  for (let i = 0; i < data.length; i++) {
    const at = Number(offsets[i])
    if (at < last && (values[at]! & 0xc0) === 0x80) throw new ArrowError('text that begins within a character')
  }
}

function checkViews(data: Data, text: boolean): void {
  const { length, type } = data
  const bytes = (data.values as Uint8Array | undefined) ?? new Uint8Array(0)
  if (bytes.length < 16 * length) throw short(type)
  checkNulls(data, data.nullCount)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < length; i++) {
    if (!data.getValid(i)) continue
    const size = view.getInt32(16 * i, true)
    if (size < 0) throw new ArrowError(`a value of ${size} bytes`)
    const buffer = size <= 12 ? bytes : data.variadicBuffers[view.getInt32(16 * i + 8, true)]
    const start = size <= 12 ? 16 * i + 4 : view.getInt32(16 * i + 12, true)
    if (!buffer || start < 0 || start + size > buffer.length) throw short(type)
    if (text && !isUtf8(buffer.subarray(start, start + size))) throw new ArrowError('text that is not UTF-8')
  }
}

function checkIndices(data: Data): void {
  const { values, length, dictionary } = data
  if (!dictionary) throw new ArrowError('a column whose dictionary is missing')
  const indices = values as ArrayLike<number | bigint> | undefined
  if ((indices?.length ?? 0) < length) throw short(data.type)
  for (let i = 0; i < length; i++) {
    const index = Number(indices![i])
    if (data.getValid(i) && (index < 0 || index >= dictionary.length)) {
      throw new ArrowError(`index ${index} into a dictionary of ${dictionary.length}`)
    }
  }
}
