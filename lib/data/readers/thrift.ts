// Thrift's compact protocol, as far as Parquet's metadata use it: read here before hyparquet does, which makes arrays of whatever sizes are claimed.

export type ThriftValue = number | boolean | Uint8Array | ThriftValue[] | ThriftStruct
/** Fields by their number. */
export type ThriftStruct = Map<number, ThriftValue>

/** What a check of Parquet's bytes throws; the reader makes a GrusError of it. */
export class ParquetError extends Error {}

const deepest = 32

/** @throws ParquetError for anything that does not end where it should. Numbers of 64 bits may be rounded. */
export function readStruct(bytes: Uint8Array, start: number): { struct: ThriftStruct; end: number } {
  let at = start
  const byte = (): number => {
    if (at >= bytes.length) throw new ParquetError('the metadata end too early')
    return bytes[at++]!
  }
  const varint = (longest: number): number => {
    let value = 0
    for (let i = 0; i < longest; i++) {
      const next = byte()
      value += (next & 127) * 2 ** (7 * i)
      if (next < 128) return value
    }
    throw new ParquetError(`a number in the metadata is longer than ${longest} bytes`)
  }
  const zigzag = (longest: number, most: number): number => {
    const value = varint(longest)
    if (value >= most) throw new ParquetError('a number in the metadata is too large for its type')
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  const count = (): number => {
    const value = varint(5)
    if (value > bytes.length - at)
      throw new ParquetError(`the metadata claim ${value} more bytes or entries, ${bytes.length - at} are left`)
    return value
  }
  const element = (type: number, depth: number): ThriftValue => {
    switch (type) {
      case 1:
      case 2:
        return type === 1
      case 3:
        return (byte() << 24) >> 24
      case 4:
        return zigzag(3, 2 ** 16)
      case 5:
        return zigzag(5, 2 ** 32)
      case 6:
        return zigzag(10, 2 ** 64)
      case 7:
        at += 8
        if (at > bytes.length) throw new ParquetError('the metadata end too early')
        return new DataView(bytes.buffer, bytes.byteOffset + at - 8, 8).getFloat64(0, true)
      case 8: {
        const length = count()
        at += length
        return bytes.subarray(at - length, at)
      }
      case 9: {
        const head = byte()
        const size = head >> 4 === 15 ? count() : head >> 4
        const of = head & 15
        const items: ThriftValue[] = []
        // in lists a truth value takes a byte
        for (let i = 0; i < size; i++) items.push(of === 1 || of === 2 ? byte() === 1 : element(of, depth))
        return items
      }
      case 12:
        return fields(depth + 1)
      default:
        throw new ParquetError(`the metadata have a value of the unknown kind ${type}`)
    }
  }
  const fields = (depth: number): ThriftStruct => {
    if (depth > deepest) throw new ParquetError(`the metadata are nested deeper than ${deepest}`)
    const found: ThriftStruct = new Map()
    let id = 0
    for (;;) {
      const head = byte()
      if ((head & 15) === 0) return found
      id = head >> 4 ? id + (head >> 4) : zigzag(3, 2 ** 16)
      if (id < 1 || found.has(id)) throw new ParquetError(`the metadata have the field ${id} twice`)
      found.set(id, element(head & 15, depth))
    }
  }
  const struct = fields(0)
  return { struct, end: at }
}

/** A struct of 32-bit numbers, truth values and such structs. */
export type PlainStruct = readonly (readonly [id: number, value: number | boolean | PlainStruct])[]

export function writeStruct(struct: PlainStruct): number[] {
  const bytes: number[] = []
  let last = 0
  for (const [id, value] of struct) {
    const kind = typeof value === 'number' ? 5 : typeof value === 'boolean' ? (value ? 1 : 2) : 12
    bytes.push(((id - last) << 4) | kind)
    last = id
    if (typeof value === 'number') {
      let rest = ((value << 1) ^ (value >> 31)) >>> 0
      for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
      bytes.push(rest)
    } else if (typeof value !== 'boolean') bytes.push(...writeStruct(value))
  }
  bytes.push(0)
  return bytes
}
