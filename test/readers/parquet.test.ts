import { parquetWriteBuffer } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import { readCutOff, readDamaged, rowsIn } from './support.js'

const n = 40
const all = (make: (i: number) => unknown) => Array.from({ length: n }, (_, i) => make(i))
const columnData = [
  { name: 'double', data: all((i) => i / 4) as number[], type: 'DOUBLE' as const },
  { name: 'float', data: all((i) => (i % 5 ? i : null)), type: 'FLOAT' as const },
  { name: 'int', data: all((i) => i - 7), type: 'INT32' as const, encoding: 'DELTA_BINARY_PACKED' as const },
  { name: 'long', data: all((i) => BigInt(i % 3)), type: 'INT64' as const },
  { name: 'text', data: all((i) => (i % 7 ? `t${i % 4}` : null)), type: 'STRING' as const },
  { name: 'label', data: all((i) => `label ${i}`), type: 'STRING' as const, encoding: 'DELTA_BYTE_ARRAY' as const },
  { name: 'name', data: all((i) => `name ${i}`), type: 'STRING' as const, encoding: 'DELTA_LENGTH_BYTE_ARRAY' as const },
  { name: 'split', data: all((i) => i * 1.5), type: 'FLOAT' as const, encoding: 'BYTE_STREAM_SPLIT' as const },
  { name: 'yes', data: all((i) => i % 2 === 0), type: 'BOOLEAN' as const },
  { name: 'list', data: all((i) => Array.from({ length: i % 4 }, (_, j) => i + j)) },
  { name: 'struct', data: all((i) => ({ a: i, b: `b${i}` })) },
  { name: 'when', data: all((i) => new Date(1000 * i)), type: 'TIMESTAMP' as const },
]
const write = (options = {}) =>
  new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 25, ...options } as Parameters<typeof parquetWriteBuffer>[0]))
const read = (bytes: Uint8Array) => rowsIn(bytes, 'parquet')

/** What is read of a damaged file has every row. */
const whole = async (bytes: Uint8Array) => {
  const rows = await read(bytes)
  expect(rows.length).toBe(n)
  return rows
}

test('every encoding that the writer has comes back', async () => {
  const rows = await read(write())
  expect(rows.length).toBe(n)
  for (const { name, data } of columnData) {
    const expected = data.map((value) => (typeof value === 'bigint' ? Number(value) : value))
    expect(
      rows.map((row) => row[name]),
      name,
    ).toEqual(expected)
  }
})

test.each(['SNAPPY', 'UNCOMPRESSED'])('%s: a damaged file is read whole or refused, a file that is cut off is refused', async (codec) => {
  const bytes = write({ codec })
  const came = await readDamaged(bytes, whole, ['CORRUPT_FILE', 'UNSUPPORTED'], 1)
  for (const outcome of ['whole', 'CORRUPT_FILE']) expect(came.get(outcome), outcome).toBeGreaterThan(100)
  await readCutOff(bytes, read)
})
