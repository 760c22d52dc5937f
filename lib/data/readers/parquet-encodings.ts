// Checks of a page's contents before hyparquet decodes them: it takes counts, lengths and indices as they come, and would allocate by them, read beyond
// a page or leave holes.
import { ParquetError } from './thrift.js'

/** Bytes and the place in them. */
export interface Cursor {
  bytes: Uint8Array
  at: number
}

function varint(cursor: Cursor): number {
  let value = 0
  for (let i = 0; i < 5; i++) {
    const byte = cursor.bytes[cursor.at++]
    if (byte === undefined) break
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128 && value < 2 ** 32) return value
  }
  throw new ParquetError('a run of values ends too early')
}

export function uint32(cursor: Cursor): number {
  if (cursor.at + 4 > cursor.bytes.length) throw new ParquetError('a length ends too early')
  cursor.at += 4
  return new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + cursor.at - 4, 4).getUint32(0, true)
}

/**
 * Runs of repeated or bit-packed numbers: `count` of them, none above `most`.
 *
 * @param see - is told each number and how often it comes in a row
 */
export function checkRuns(
  cursor: Cursor,
  width: number,
  count: number,
  most: number,
  see: (value: number, times: number) => void = () => {},
): void {
  const { bytes } = cursor
  // hyparquet shifts in 32 bits: wider numbers would come out wrong
  if (width > 24) throw new ParquetError(`numbers of ${width} bits, 24 are the most`)
  const checked = (value: number, times: number) => {
    if (value > most) throw new ParquetError(`the number ${value} where ${most} is the most`)
    see(value, times)
  }
  for (let seen = 0; seen < count; ) {
    const head = varint(cursor)
    const left = count - seen
    const length = head % 2 === 1 ? ((head - 1) / 2) * 8 : head / 2
    const size = head % 2 === 1 ? (length / 8) * width : (width + 7) >> 3
    if (length === 0 || length >= left + (head % 2 === 1 ? 8 : 1))
      throw new ParquetError(`a run of ${length} where ${left} values are left`)
    if (size > bytes.length - cursor.at) throw new ParquetError('a run of values ends too early')
    if (head % 2 === 0) {
      let value = 0
      for (let i = 0; i < size; i++) value += bytes[cursor.at + i]! * 2 ** (8 * i)
      checked(value, length)
    } else {
      const values = Math.min(length, left)
      let [bits, held, from] = [0, 0, cursor.at]
      for (let i = 0; i < values; i++) {
        for (; held < width; held += 8) bits |= bytes[from++]! << held
        checked(bits & (2 ** width - 1), 1)
        bits >>>= width
        held -= width
      }
    }
    cursor.at += size
    seen += length
  }
}

/** Bytes of a value of fixed width; of BOOLEAN and BYTE_ARRAY undefined. */
export function widthOf(type: string, typeLength: number | undefined): number | undefined {
  switch (type) {
    case 'INT32':
    case 'FLOAT':
      return 4
    case 'INT64':
    case 'DOUBLE':
      return 8
    case 'INT96':
      return 12
    case 'FIXED_LEN_BYTE_ARRAY':
      if (typeLength === undefined || typeLength < 1) throw new ParquetError(`values of a fixed length of ${typeLength} bytes`)
      return typeLength
    default:
      return undefined
  }
}

export function checkPlain(cursor: Cursor, type: string, typeLength: number | undefined, count: number): void {
  const { bytes, at } = cursor
  const width = type === 'BOOLEAN' ? 1 / 8 : (widthOf(type, typeLength) ?? 4)
  if (count * width > bytes.length - at) throw new ParquetError(`${count} values of ${width} bytes or more in ${bytes.length - at} bytes`)
  if (type !== 'BYTE_ARRAY') return
  for (let i = 0; i < count; i++) {
    const length = uint32(cursor)
    cursor.at += length
    if (cursor.at > bytes.length) throw new ParquetError(`value ${i} of a page is longer than the page`)
  }
}

/** The head of a delta-encoded run: what its loops and arrays go by. */
function deltaHead(cursor: Cursor, count: number): { perMiniblock: number; miniblocks: number; first: number } {
  const block = varint(cursor)
  const miniblocks = varint(cursor)
  const total = varint(cursor)
  const perMiniblock = block / miniblocks
  if (miniblocks < 1 || miniblocks > 512 || block > 2 ** 16 || perMiniblock % 32 !== 0 || block === 0 || total !== count) {
    throw new ParquetError(`deltas in blocks of ${block} in ${miniblocks}, ${total} values where there are ${count}`)
  }
  return { perMiniblock, miniblocks, first: wideZigzag(cursor) }
}

/** 64 bits, rounded: lengths are looked at where they matter. */
function wideZigzag(cursor: Cursor): number {
  let value = 0
  for (let i = 0; i < 10; i++) {
    const byte = cursor.bytes[cursor.at++]
    if (byte === undefined) break
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  throw new ParquetError('a delta ends too early')
}

export function checkDeltas(cursor: Cursor, count: number): void {
  deltaHead(cursor, count)
}

/** Lengths that are delta-encoded, none negative. */
function deltaLengths(cursor: Cursor, count: number): Int32Array {
  const { bytes } = cursor
  const { perMiniblock, miniblocks, first } = deltaHead(cursor, count)
  const lengths = new Int32Array(count)
  let [value, used] = [first, 0]
  const put = () => {
    if (value < 0 || value > 2 ** 31 - 1) throw new ParquetError(`a length of ${value}`)
    lengths[used++] = value
  }
  if (count > 0) put()
  while (used < count) {
    const least = wideZigzag(cursor)
    const widths = bytes.subarray(cursor.at, cursor.at + miniblocks)
    cursor.at += miniblocks
    for (let i = 0; i < miniblocks && used < count; i++) {
      const width = widths[i] ?? 33
      const size = (width * perMiniblock) / 8
      if (width > 32 || size > bytes.length - cursor.at) throw new ParquetError('deltas end too early')
      for (let j = 0, bit = cursor.at * 8; j < perMiniblock && used < count; j++) {
        let delta = 0
        for (let b = 0; b < width; b++, bit++) delta += ((bytes[bit >> 3]! >> (bit & 7)) & 1) * 2 ** b
        value += least + delta
        put()
      }
      cursor.at += size
    }
  }
  return lengths
}

/** Text or bytes whose lengths come first. */
export function checkDeltaLengths(cursor: Cursor, count: number): void {
  for (const length of deltaLengths(cursor, count)) cursor.at += length
  if (cursor.at > cursor.bytes.length) throw new ParquetError('a value is longer than its page')
}

/** Text or bytes of which each begins as the one before. A page of 1 KiB can stand for gigabytes: `most` bytes are too many. */
export function checkDeltaBytes(cursor: Cursor, count: number, most: number): void {
  const prefixes = deltaLengths(cursor, count)
  const suffixes = deltaLengths(cursor, count)
  let [last, sum] = [0, 0]
  for (let i = 0; i < count; i++) {
    if (prefixes[i]! > last) throw new ParquetError(`a value that begins with ${prefixes[i]} bytes of one of ${last}`)
    last = prefixes[i]! + suffixes[i]!
    cursor.at += suffixes[i]!
    sum += last
    if (cursor.at > cursor.bytes.length || sum > most) throw new ParquetError('values that are longer than their page can make them')
  }
}
