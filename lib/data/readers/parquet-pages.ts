// A column chunk, page by page: checked, decompressed, and written anew for hyparquet without compression.
import { crc32 } from 'node:zlib'
import { decompress } from './decompress.js'
import {
  type Cursor,
  checkDeltaBytes,
  checkDeltaLengths,
  checkDeltas,
  checkPlain,
  checkRuns,
  uint32,
  widthOf,
} from './parquet-encodings.js'
import { ParquetError, type PlainStruct, readStruct, type ThriftStruct, writeStruct } from './thrift.js'

/** What the file's metadata say about a column chunk. */
export interface ColumnChunk {
  /** Dotted path, for messages. */
  name: string
  type: string
  typeLength: number | undefined
  maxDefinition: number
  maxRepetition: number
  codec: string
  values: number
  rows: number
}

/** A sound file that says something that cannot be read. */
export class UnsupportedParquet extends Error {}

const encodings = [
  'PLAIN',
  'GROUP_VAR_INT',
  'PLAIN_DICTIONARY',
  'RLE',
  'BIT_PACKED',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'RLE_DICTIONARY',
  'BYTE_STREAM_SPLIT',
]
const rle = encodings.indexOf('RLE')

/** @returns the pages with their heads, uncompressed */
export async function checkedPages(bytes: Uint8Array, chunk: ColumnChunk): Promise<Uint8Array[]> {
  const pages: Uint8Array[] = []
  let [at, values, rows, dictionary] = [0, 0, 0, 0]
  while (values < chunk.values || (chunk.values === 0 && at < bytes.length)) {
    const { struct, end } = readStruct(bytes, at)
    const kind = number(struct, 1)
    const [size, packed] = [count(struct, 2), count(struct, 3)]
    if (packed > bytes.length - end) throw new ParquetError(`a page of ${packed} bytes, ${bytes.length - end} are left of the column`)
    const body = bytes.subarray(end, end + packed)
    at = end + packed
    if (struct.has(4) && crc32(body) !== number(struct, 4) >>> 0) throw new ParquetError("a page's checksum is wrong")
    const inflate = (part: Uint8Array, length: number) => decompress(chunk.codec, part, length)
    if (kind === 2) {
      if (pages.length > 0) throw new ParquetError('a dictionary that is not the first page of its column')
      const head = inner(struct, 7)
      const entries = count(head, 1)
      const page = await inflate(body, size)
      checkPlain({ bytes: page, at: 0 }, chunk.type, chunk.typeLength, entries)
      dictionary = entries
      pages.push(
        pageHead(2, page.length, 7, [
          [1, entries],
          [2, 0],
        ]),
        page,
      )
      continue
    }
    if (kind !== 0 && kind !== 3) throw new UnsupportedParquet(`a page of kind ${kind} in column '${chunk.name}'`)
    const head = inner(struct, kind === 0 ? 5 : 8)
    const here = count(head, 1)
    if (here > chunk.values - values) throw new ParquetError(`pages of more values than the ${chunk.values} of column '${chunk.name}'`)
    const encoding = number(head, kind === 0 ? 2 : 4)
    const page = kind === 0 ? await inflate(body, size) : await inflateBehind(body, size, head, inflate)
    const cursor = { bytes: page, at: 0 }
    const found = kind === 0 ? firstLevels(cursor, head, here, chunk) : secondLevels(cursor, head, here, chunk)
    checkValues(cursor, encodings[encoding] ?? `encoding ${encoding}`, found.full, dictionary, chunk)
    values += here
    rows += found.rows
    pages.push(
      kind === 0
        ? pageHead(0, page.length, 5, [
            [1, here],
            [2, encoding],
            [3, rle],
            [4, rle],
          ])
        : secondHead(page, head),
      page,
    )
  }
  if (at !== bytes.length) throw new ParquetError(`column '${chunk.name}' has ${bytes.length - at} bytes behind its last page`)
  if (rows !== chunk.rows) throw new ParquetError(`column '${chunk.name}' has ${rows} rows where its row group has ${chunk.rows}`)
  return pages
}

function pageHead(kind: number, size: number, id: number, fields: PlainStruct): Uint8Array {
  return Uint8Array.from(
    writeStruct([
      [1, kind],
      [2, size],
      [3, size],
      [id, fields],
    ]),
  )
}

function secondHead(page: Uint8Array, head: ThriftStruct): Uint8Array {
  const fields = [1, 2, 3, 4, 5, 6].map((id) => [id, number(head, id)] as const)
  return pageHead(3, page.length, 8, [...fields, [7, false]])
}

/** Of pages of version 2 the levels are never compressed. */
async function inflateBehind(
  body: Uint8Array,
  size: number,
  head: ThriftStruct,
  inflate: (part: Uint8Array, length: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const levels = count(head, 5) + count(head, 6)
  if (levels > body.length || levels > size) throw new ParquetError(`levels of ${levels} bytes in a page of ${body.length}`)
  if (head.get(7) === false) {
    if (size !== body.length) throw new ParquetError(`a page of ${size} bytes in ${body.length}`)
    return body
  }
  const values = await inflate(body.subarray(levels), size - levels)
  const page = new Uint8Array(size)
  page.set(body.subarray(0, levels))
  page.set(values, levels)
  return page
}

interface Levels {
  /** values that are not null */
  full: number
  rows: number
}

function firstLevels(cursor: Cursor, head: ThriftStruct, values: number, { name, maxDefinition, maxRepetition }: ColumnChunk): Levels {
  const levels = (id: number, most: number): Levels => {
    if (most === 0) return { full: values, rows: values }
    if (number(head, id) !== rle) throw new UnsupportedParquet(`levels of the deprecated encoding BIT_PACKED in column '${name}'`)
    const length = uint32(cursor)
    if (length > cursor.bytes.length - cursor.at) throw new ParquetError('levels end too early')
    cursor.at += length
    return countLevels(cursor.bytes.subarray(cursor.at - length, cursor.at), values, most)
  }
  const { rows } = levels(4, maxRepetition)
  return { full: levels(3, maxDefinition).full, rows }
}

function secondLevels(cursor: Cursor, head: ThriftStruct, values: number, { maxDefinition, maxRepetition }: ColumnChunk): Levels {
  const levels = (id: number, most: number): Levels => {
    const length = count(head, id)
    cursor.at += length
    if (most === 0) return { full: values, rows: values }
    return countLevels(cursor.bytes.subarray(cursor.at - length, cursor.at), values, most)
  }
  const { rows } = levels(6, maxRepetition)
  const { full } = levels(5, maxDefinition)
  if (count(head, 3) !== rows || count(head, 2) !== values - full)
    throw new ParquetError('a page whose rows or nulls are others than it says')
  return { full, rows }
}

function countLevels(bytes: Uint8Array, values: number, most: number): Levels {
  const found = { full: 0, rows: 0 }
  checkRuns({ bytes, at: 0 }, 32 - Math.clz32(most), values, most, (level, times) => {
    if (level === most) found.full += times
    if (level === 0) found.rows += times
  })
  return found
}

/** What values that begin alike may come to. */
const mostBytes = 2 ** 28

function checkValues(cursor: Cursor, encoding: string, values: number, dictionary: number, { name, type, typeLength }: ColumnChunk): void {
  const wrongType = () => new ParquetError(`column '${name}' has ${type} values in the encoding ${encoding}`)
  switch (encoding) {
    case 'PLAIN':
      checkPlain(cursor, type, typeLength, values)
      break
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY': {
      if (type === 'BOOLEAN') throw wrongType()
      const width = cursor.bytes[cursor.at++]
      if (width === undefined && values > 0) throw new ParquetError('a page without its indices')
      checkRuns(cursor, width ?? 0, values, dictionary - 1)
      break
    }
    case 'RLE': {
      if (type !== 'BOOLEAN') throw wrongType()
      const length = uint32(cursor)
      if (length > cursor.bytes.length - cursor.at) throw new ParquetError('truth values end too early')
      checkRuns(cursor, 1, values, 1)
      break
    }
    case 'DELTA_BINARY_PACKED':
      if (type !== 'INT32' && type !== 'INT64') throw wrongType()
      checkDeltas(cursor, values)
      break
    case 'DELTA_LENGTH_BYTE_ARRAY':
      if (type !== 'BYTE_ARRAY') throw wrongType()
      checkDeltaLengths(cursor, values)
      break
    case 'DELTA_BYTE_ARRAY':
      if (type !== 'BYTE_ARRAY' && type !== 'FIXED_LEN_BYTE_ARRAY') throw wrongType()
      checkDeltaBytes(cursor, values, mostBytes)
      break
    case 'BYTE_STREAM_SPLIT': {
      const width = widthOf(type, typeLength)
      if (width === undefined || type === 'INT96') throw wrongType()
      if (values * width > cursor.bytes.length - cursor.at) throw new ParquetError('values end too early')
      return
    }
    default:
      throw new UnsupportedParquet(`column '${name}' has the encoding ${encoding}; it can be written with PLAIN or a dictionary`)
  }
}

function number(struct: ThriftStruct, id: number): number {
  const value = struct.get(id)
  if (typeof value !== 'number') throw new ParquetError(`a page's head lacks the number ${id}`)
  return value
}

function count(struct: ThriftStruct, id: number): number {
  const value = number(struct, id)
  if (value < 0) throw new ParquetError(`a page's head has ${value} where a count is expected`)
  return value
}

function inner(struct: ThriftStruct, id: number): ThriftStruct {
  const value = struct.get(id)
  if (!(value instanceof Map)) throw new ParquetError(`a page's head lacks the part ${id}`)
  return value
}
