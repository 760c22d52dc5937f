// The tables of Arrow's Message.fbs, Schema.fbs and File.fbs, slot by slot.
import type { Slot, TableShape } from './flatbuffer.js'

const [byte, short, int, long]: Slot[] = [{ number: 1 }, { number: 2 }, { number: 4 }, { number: 8 }]
const shape =
  (...slots: (Slot | undefined)[]): TableShape =>
  () =>
    slots as Slot[]

const metadata: Slot = { tables: shape('text', 'text') }
const nothing = shape()
const intType = shape(int, byte)

/** By the number of the type. 22, 25 and 26 (run ends, list views) are not known to apache-arrow. */
const types: Readonly<Record<number, TableShape>> = {
  1: nothing,
  2: intType,
  3: shape(short),
  4: nothing,
  5: nothing,
  6: nothing,
  7: shape(int, int, int),
  8: shape(short),
  9: shape(short, int),
  10: shape(short, 'text'),
  11: shape(short),
  12: nothing,
  13: nothing,
  14: shape(short, { structs: 4 }),
  15: shape(int),
  16: shape(int),
  17: shape(byte),
  18: shape(short),
  19: nothing,
  20: nothing,
  21: nothing,
  22: nothing,
  23: nothing,
  24: nothing,
  25: nothing,
  26: nothing,
}

/** name, nullable, kind of type, type, dictionary { id, index type, ordered, kind }, children */
const field: TableShape = () => [
  'text',
  byte!,
  byte!,
  { union: types },
  { table: shape(long, { table: intType }, byte, short) },
  { tables: field },
  metadata,
]
/** endianness, fields */
const schema: TableShape = shape(short, { tables: field }, metadata, { structs: 8 })
/** length, nodes { length, nulls }, buffers { offset, length }, compression { codec, method }, counts of variadic buffers */
const recordBatch: TableShape = shape(long, { structs: 16 }, { structs: 16 }, { table: shape(byte, byte) }, { structs: 8 })
/** id, batch, is delta */
const dictionaryBatch: TableShape = shape(long, { table: recordBatch }, byte)

export const headers = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const
/** version, kind of header, header, length of the body */
export const message: TableShape = shape(
  short,
  byte,
  { union: { [headers.schema]: schema, [headers.dictionaryBatch]: dictionaryBatch, [headers.recordBatch]: recordBatch } },
  long,
  metadata,
)
/** version, schema, blocks of dictionaries, blocks of record batches { offset, length of metadata, padding, length of body } */
export const footer: TableShape = shape(short, { table: schema }, { structs: 24 }, { structs: 24 }, metadata)
