// FlatBuffers as Arrow's messages have them, read strictly before apache-arrow reads them: it follows offsets and believes counts wherever they lead.

/** What a check of Arrow's bytes throws; the reader makes a GrusError of it. */
export class ArrowError extends Error {}

/** What a slot of a table holds: a number of so many bytes, text, a table, or a vector of numbers or structs of so many bytes, or of tables. */
export type Slot =
  | { number: 1 | 2 | 4 | 8 }
  | 'text'
  | { table: TableShape }
  | { tables: TableShape }
  | { structs: number }
  /** a table whose shape the slot before names by its number */
  | { union: Readonly<Record<number, TableShape>> }

/** A function, as a field's children are fields. */
export type TableShape = () => readonly Slot[]

/** Slots that are there, by their place in the shape. Numbers of 64 bits may be rounded; text is only checked. */
export type Table = Map<number, number | string | Table | Table[] | DataView>

const deepest = 64

/** @throws ArrowError for anything that lies outside of the bytes, is nested too deep, or is read more often than bytes could say */
export function readTable(bytes: Uint8Array, shape: TableShape): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let reads = 0

  const need = (at: number, size: number): void => {
    if (at < 0 || at + size > bytes.length) throw new ArrowError(`a message of ${bytes.length} bytes points to ${size} bytes at ${at}`)
    // offsets may meet in one place, and what is there then counts each time
    if (++reads > 16 * bytes.length) throw new ArrowError('a message whose parts contain each other')
  }
  const follow = (at: number): number => {
    need(at, 4)
    const to = at + view.getUint32(at, true)
    need(to, 4)
    return to
  }
  const vector = (at: number, size: number): { at: number; count: number } => {
    const start = follow(at)
    const count = view.getUint32(start, true)
    need(start + 4, count * size)
    return { at: start + 4, count }
  }
  const table = (at: number, of: TableShape, depth: number): Table => {
    if (depth > deepest) throw new ArrowError(`a message is nested deeper than ${deepest}`)
    need(at, 4)
    const offsets = at - view.getInt32(at, true)
    need(offsets, 4)
    const [size, held] = [view.getUint16(offsets, true), view.getUint16(offsets + 2, true)]
    if (size < 4 || size % 2 !== 0 || held < 4) throw new ArrowError('a table without its sizes')
    need(offsets, size)
    need(at, held)
    const found: Table = new Map()
    for (const [i, slot] of of().entries()) {
      const offset = 4 + 2 * i < size ? view.getUint16(offsets + 4 + 2 * i, true) : 0
      if (offset === 0) continue
      const width = typeof slot === 'object' && 'number' in slot ? slot.number : 4
      if (offset < 4 || offset + width > held) throw new ArrowError('a table reaches beyond its size')
      found.set(i, value(at + offset, slot, found.get(i - 1), depth))
    }
    return found
  }
  const value = (at: number, slot: Slot, before: unknown, depth: number): number | string | Table | Table[] | DataView => {
    if (slot === 'text') {
      const text = vector(at, 1)
      return Buffer.from(bytes.buffer, bytes.byteOffset + text.at, text.count).toString('utf8')
    }
    if ('number' in slot) return numberAt(view, at, slot.number)
    if ('table' in slot) return table(follow(at), slot.table, depth + 1)
    if ('structs' in slot) {
      const structs = vector(at, slot.structs)
      return new DataView(bytes.buffer, bytes.byteOffset + structs.at, structs.count * slot.structs)
    }
    if ('tables' in slot) {
      const list = vector(at, 4)
      return Array.from({ length: list.count }, (_, i) => table(follow(list.at + 4 * i), slot.tables, depth + 1))
    }
    const shapeOf = typeof before === 'number' ? slot.union[before] : undefined
    if (!shapeOf) throw new ArrowError(`a part of the unknown kind ${before}`)
    return table(follow(at), shapeOf, depth + 1)
  }

  return table(follow(0), shape, 0)
}

function numberAt(view: DataView, at: number, size: 1 | 2 | 4 | 8): number {
  if (size === 1) return view.getUint8(at)
  if (size === 2) return view.getInt16(at, true)
  return size === 4 ? view.getInt32(at, true) : Number(view.getBigInt64(at, true))
}
