import * as zlib from 'node:zlib'
import * as arrow from 'apache-arrow'
import { expect, test } from 'vitest'
import { rejected } from '../support/errors.js'
import { readCutOff, readDamaged, rowsIn } from './support.js'

const n = 20
const all = <Value>(make: (i: number) => Value): Value[] => Array.from({ length: n }, (_, i) => make(i))
const { vectorFromArray: vector } = arrow
const item = <T extends arrow.DataType>(type: T) => new arrow.Field('item', type, true)

/** Each with the values that come back, where they are others. */
const columns: Record<string, { vector: arrow.Vector; values: unknown[] }> = {
  double: {
    vector: vector(
      all((i) => i / 4),
      new arrow.Float64(),
    ),
    values: all((i) => i / 4),
  },
  float: {
    vector: vector(
      all((i) => (i % 5 ? i : null)),
      new arrow.Float32(),
    ),
    values: all((i) => (i % 5 ? i : null)),
  },
  half: {
    vector: vector(
      all((i) => i / 2),
      new arrow.Float16(),
    ),
    values: all((i) => i / 2),
  },
  byte: {
    vector: vector(
      all((i) => i),
      new arrow.Uint8(),
    ),
    values: all((i) => i),
  },
  int: {
    vector: vector(
      all((i) => i - 9),
      new arrow.Int32(),
    ),
    values: all((i) => i - 9),
  },
  long: {
    vector: vector(
      all((i) => BigInt(i) - 3n),
      new arrow.Int64(),
    ),
    values: all((i) => i - 3),
  },
  yes: {
    vector: vector(
      all((i) => i % 3 === 0),
      new arrow.Bool(),
    ),
    values: all((i) => i % 3 === 0),
  },
  text: {
    vector: vector(
      all((i) => (i % 4 ? `täxt ${i}` : null)),
      new arrow.Utf8(),
    ),
    values: all((i) => (i % 4 ? `täxt ${i}` : null)),
  },
  label: {
    vector: vector(
      all((i) => (i % 7 ? `label ${i % 3}` : null)),
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 7),
    ),
    values: all((i) => (i % 7 ? `label ${i % 3}` : null)),
  },
  bytes: {
    vector: vector(
      all((i) => Uint8Array.of(i, 1)),
      new arrow.Binary(),
    ),
    values: all((i) => Uint8Array.of(i, 1)),
  },
  list: {
    vector: vector(
      all((i) => Array.from({ length: i % 4 }, (_, j) => i + j)),
      new arrow.List(item(new arrow.Float32())),
    ),
    values: all((i) => Array.from({ length: i % 4 }, (_, j) => i + j)),
  },
  pair: {
    vector: vector(
      all((i) => [i, 1 - i]),
      new arrow.FixedSizeList(2, item(new arrow.Int32())),
    ),
    values: all((i) => [i, 1 - i]),
  },
  struct: {
    vector: vector(
      all((i) => ({ a: i, b: `b${i}` })),
      new arrow.Struct([new arrow.Field('a', new arrow.Float64()), new arrow.Field('b', new arrow.Utf8())]),
    ),
    values: all((i) => ({ a: i, b: `b${i}` })),
  },
  when: {
    vector: vector(
      all((i) => new Date(1000 * i)),
      new arrow.TimestampMillisecond(),
    ),
    values: all((i) => new Date(1000 * i)),
  },
  day: {
    vector: vector(
      all((i) => new Date(86400000 * i)),
      new arrow.DateDay(),
    ),
    values: all((i) => new Date(86400000 * i)),
  },
}
const table = new arrow.Table(Object.fromEntries(Object.entries(columns).map(([name, { vector }]) => [name, vector])))
const read = (bytes: Uint8Array) => rowsIn(bytes, 'arrow')

/** What is read of a damaged file has every row. */
const whole = async (bytes: Uint8Array) => {
  const rows = await read(bytes)
  expect(rows.length).toBe(n)
  return rows
}

test.each(['stream', 'file'] as const)('a %s gives every type back', async (kind) => {
  const rows = await read(arrow.tableToIPC(table, kind))
  expect(rows.length).toBe(n)
  for (const [name, { values }] of Object.entries(columns))
    expect(
      rows.map((row) => row[name]),
      name,
    ).toEqual(values)
})

test.each(['stream', 'file'] as const)('a damaged %s is read whole or refused, one that is cut off is refused', async (kind) => {
  const bytes = arrow.tableToIPC(table, kind)
  const came = await readDamaged(bytes, whole, ['CORRUPT_FILE', 'UNSUPPORTED'], 2)
  for (const outcome of ['whole', 'CORRUPT_FILE']) expect(came.get(outcome), outcome).toBeGreaterThan(100)
  await readCutOff(bytes, read)
})

/** LZ4 frames of one stored block each. */
const storing: { encode: (bytes: Uint8Array) => Uint8Array } = {
  encode: (bytes) => {
    const size = new Uint8Array(Uint32Array.of(bytes.length + 2 ** 31).buffer)
    return Buffer.concat([Uint8Array.of(4, 0x22, 0x4d, 0x18, 0x60, 0x70, 0), size, bytes, new Uint8Array(4)])
  },
}
/** The magic number is all that the writer looks at. */
const zstandard = { encode: (bytes: Uint8Array) => Buffer.concat([Uint8Array.of(40, 181, 47, 253), bytes]) }

function compressed(codec: arrow.CompressionType): Uint8Array {
  const writer = new arrow.RecordBatchStreamWriter({ compressionType: codec })
  for (const batch of new arrow.Table({ x: columns.double!.vector, s: columns.text!.vector }).batches) writer.write(batch)
  return writer.finish().toUint8Array(true)
}

test('buffers compressed by LZ4 are read; damaged ones too, or refused', async () => {
  arrow.compressionRegistry.set(arrow.CompressionType.LZ4_FRAME, storing)
  const bytes = compressed(arrow.CompressionType.LZ4_FRAME)
  expect(await read(bytes)).toEqual(all((i) => ({ x: columns.double!.values[i], s: columns.text!.values[i] })))
  const came = await readDamaged(bytes, whole, ['CORRUPT_FILE', 'UNSUPPORTED'], 7)
  for (const outcome of ['whole', 'CORRUPT_FILE']) expect(came.get(outcome), outcome).toBeGreaterThan(100)
  await readCutOff(bytes, read)
})

test.skipIf('zstdDecompressSync' in zlib)('buffers compressed by ZSTD are named where this Node cannot read them', async () => {
  arrow.compressionRegistry.set(arrow.CompressionType.ZSTD, zstandard)
  const bytes = compressed(arrow.CompressionType.ZSTD)
  expect(await rejected(read(bytes), 'UNSUPPORTED')).toContain('ZSTD: that needs Node 22.15 or newer')
})

test('each batch has the dictionary as it is then: deltas add to it, another replaces it in a stream', async () => {
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 1)
  const part = (words: string[]) => new arrow.Table({ word: arrow.vectorFromArray(words, type) })
  const writer = new arrow.RecordBatchStreamWriter()
  for (const words of [['a', 'b', 'a'], ['c', 'a', 'c'], ['d']]) for (const batch of part(words).batches) writer.write(batch)
  const rows = await read(writer.finish().toUint8Array(true))
  expect(rows.map(({ word }) => word)).toEqual(['a', 'b', 'a', 'c', 'a', 'c', 'd'])
})

test('null is null, and where types are declared refused or NaN', async () => {
  const bytes = arrow.tableToIPC(table, 'file')
  expect((await read(bytes))[0]).toMatchObject({ float: null, text: null })
  expect(await rejected(rowsIn(bytes, 'arrow', new Map([['float', 'number']])))).toContain(
    "row 0, column 'float': expected a number, got a missing value",
  )
  const rows = await rowsIn(bytes, 'arrow', new Map([['float', 'number']]), { missing: 'nan' })
  expect(rows[0]).toEqual({ float: Number.NaN })
  expect(await rejected(rowsIn(bytes, 'arrow', new Map([['text', 'string']])))).toContain("row 0, column 'text'")
})

test('decimals are the nearest numbers', async () => {
  const data = arrow.makeData({
    type: new arrow.Decimal(2, 10, 128),
    length: 2,
    data: Uint32Array.of(12345, 0, 0, 0, 2 ** 32 - 50, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1),
  })
  const rows = await read(arrow.tableToIPC(new arrow.Table({ price: new arrow.Vector([data]) }), 'stream'))
  expect(rows).toEqual([{ price: 123.45 }, { price: -0.5 }])
})

test('what cannot be read is named', async () => {
  const interval = arrow.makeData({ type: new arrow.IntervalYearMonth(), length: 1, data: Int32Array.of(1) })
  const bytes = arrow.tableToIPC(new arrow.Table({ x: new arrow.Vector([interval]) }), 'stream')
  expect(await rejected(read(bytes), 'UNSUPPORTED')).toContain('Interval')
  expect(await rejected(read(Buffer.from('FEA1 and more')), 'UNSUPPORTED')).toContain('Feather file of version 1')
  expect(await rejected(rowsIn(arrow.tableToIPC(table, 'file'), 'arrow', new Map([['flaot', undefined]])))).toContain(
    "did you mean 'float'?",
  )
})
