import * as arrow from 'apache-arrow'
import { expect, test } from 'vitest'
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
