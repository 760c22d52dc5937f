// readRows and readColumns over files on disk, and how much of a file they hold.
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as arrow from 'apache-arrow'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ByteSource, bytesSource } from '../../lib/data/readers/byte-source.js'
import { checkFormat } from '../../lib/data/readers/options.js'
import { rowsOf } from '../../lib/data/readers/rows.js'
import { type DataFormat, type DataRow, readColumns, readRows } from '../../lib/index.js'
import { rejected, thrown } from '../support/errors.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grus-readers-'))
})
afterAll(() => rm(folder, { recursive: true }))

const save = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

const ids = Array.from({ length: 10 }, (_, i) => i)
const rows = ids.map((id) => ({ id, x: id / 2, name: `n${id}`, list: [id, 1] }))
const contents: Record<string, () => string | Uint8Array> = {
  'a.csv': () => `id,x,name,list\n${rows.map(({ id, x, name, list }) => `${id},${x},${name},"[${list}]"\n`).join('')}`,
  'a.tsv': () => `id\tx\tname\tlist\n${rows.map(({ id, x, name, list }) => `${id}\t${x}\t${name}\t[${list}]\n`).join('')}`,
  'a.jsonl': () => rows.map((row) => JSON.stringify(row)).join('\n'),
  'a.ndjson': () => rows.map((row) => JSON.stringify(row)).join('\n'),
  'a.parquet': () =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'id', data: ids, type: 'INT32' },
          { name: 'x', data: ids.map((i) => i / 2), type: 'DOUBLE' },
          { name: 'name', data: ids.map((i) => `n${i}`) },
          { name: 'list', data: ids.map((i) => [i, 1]) },
        ],
        rowGroupSize: 4,
      }),
    ),
  'a.arrow': () => arrow.tableToIPC(arrowTable(), 'file'),
  'a.arrows': () => arrow.tableToIPC(arrowTable(), 'stream'),
  'a.feather': () => arrow.tableToIPC(arrowTable(), 'file'),
}

function arrowTable(): arrow.Table {
  const { vectorFromArray: vector, Float64, Int32, Utf8, List, Field } = arrow
  return new arrow.Table({
    id: vector(ids, new Int32()),
    x: vector(
      ids.map((i) => i / 2),
      new Float64(),
    ),
    name: vector(
      ids.map((i) => `n${i}`),
      new Utf8(),
    ),
    list: vector(
      ids.map((i) => [i, 1]),
      new List(new Field('item', new Int32())),
    ),
  })
}

const collect = async (batches: AsyncIterable<DataRow[]>): Promise<DataRow[][]> => {
  const all: DataRow[][] = []
  for await (const batch of batches) all.push(batch)
  return all
}

describe.each(Object.keys(contents))('%s', (name) => {
  const columns = { id: 'integer', x: 'number', name: 'string', list: 'integer[]' } as const

  test('rows come in batches of one size, with the types that were declared', async () => {
    const path = await save(name, contents[name]!())
    const batches = await collect(readRows(path, { columns, batchSize: 3 }))
    expect(batches.map(({ length }) => length)).toEqual([3, 3, 3, 1])
    expect(batches.flat()).toEqual(rows)
    const [some] = await collect(readRows(path, { columns: ['name'] }))
    expect(some).toEqual(rows.map(({ name }) => ({ name })))
  })

  test('columns come as tensors, strings and lists', async () => {
    const path = await save(name, contents[name]!())
    const read = await readColumns(path, {
      columns: {
        ...columns,
        table: { type: 'number', from: ['x', 'x'] },
        pairs: { type: 'integer[]', from: 'list', length: 2 },
      },
    })
    expect(read.id).toEqual({ data: Int32Array.from(ids), shape: [10] })
    expect(read.x).toEqual({ data: Float32Array.from(ids, (i) => i / 2), shape: [10] })
    expect(read.name).toEqual(ids.map((i) => `n${i}`))
    expect(read.list).toEqual(ids.map((i) => Int32Array.of(i, 1)))
    expect(read.table).toEqual({ data: Float32Array.from(ids.flatMap((i) => [i / 2, i / 2])), shape: [10, 2] })
    expect(read.pairs).toEqual({ data: Int32Array.from(ids.flatMap((i) => [i, 1])), shape: [10, 2] })
  })

  test('what does not fit is refused with its place', async () => {
    const path = await save(name, contents[name]!())
    const place = /\.(csv|tsv|jsonl|ndjson), line \d+|row \d+/
    expect(await rejected(readColumns(path, { columns: { name: 'number' } }))).toMatch(place)
    const wrong = await rejected(readColumns(path, { columns: { list: { type: 'number[]', length: 3 } } }))
    expect(wrong).toMatch(place)
    expect(wrong).toContain("column 'list': expected a list of 3, got 2")
    expect(await rejected(collect(readRows(path, { columns: ['nmae'] })))).toMatch(/did you mean 'name'|no row has a field 'nmae'/)
  })

  test.skipIf(!existsSync('/proc/self/fd'))('leaving the loop, and an error, close the file', async () => {
    const path = await save(name, contents[name]!())
    const open = async () => (await readdir('/proc/self/fd')).length
    const before = await open()
    for await (const [row] of readRows(path, { batchSize: 1 })) {
      expect(row).toBeDefined()
      break
    }
    await rejected(readColumns(path, { columns: { name: 'number' } }))
    expect(await open()).toBe(before)
  })

  test('a signal ends the reading', async () => {
    const path = await save(name, contents[name]!())
    await rejected(collect(readRows(path, { signal: AbortSignal.abort() })), 'ABORTED')
    await rejected(readColumns(path, { columns: { id: 'integer' }, signal: AbortSignal.abort() }), 'ABORTED')
  })
})

test('a signal ends the reading between two batches', async () => {
  const path = await save('long.csv', `x\n${'1\n'.repeat(100_000)}`)
  const controller = new AbortController()
  let batches = 0
  const reading = (async () => {
    for await (const _ of readRows(path, { signal: controller.signal })) if (++batches === 2) controller.abort()
  })()
  await rejected(reading, 'ABORTED')
  expect(batches).toBeLessThan(5)
})

describe('options', () => {
  test('wrong ones are refused', async () => {
    expect(thrown(() => readRows('a.csv', { batchSize: 0 }))).toContain('batchSize must be a positive integer')
    expect(thrown(() => readRows('a.csv', { batchsize: 1 } as object))).toContain("did you mean 'batchSize'")
    expect(thrown(() => readRows('a.txt'))).toContain('the ending says no format')
    expect(thrown(() => readRows('a.jsonl', { delimiter: ';' }))).toContain('delimiter is an option of CSV and TSV')
    expect(thrown(() => readRows('a.csv', { delimiter: ';;' }))).toContain('delimiter must be one character')
    expect(thrown(() => readRows('a.csv', { quote: ',' }))).toContain('two characters')
    expect(thrown(() => readRows('a.csv', { header: ['a', 'a'] }))).toContain("'a' twice")
    expect(thrown(() => readRows('a.csv', { columns: { x: 'float' } } as object))).toContain('columns')
    expect(thrown(() => readRows('', {}))).toContain('path')
    expect(await rejected(readColumns('a.csv', { columns: {} }))).toContain('one name or more')
    expect(await rejected(readColumns('a.csv', { columns: { x: { type: 'string', from: ['a', 'b'] } } }))).toContain(
      'from must be one name',
    )
    expect(await rejected(readColumns('a.csv', { columns: { x: { type: 'number', length: 2 } } }))).toContain('length is of lists')
    expect(await rejected(readColumns('a.csv', { columns: { x: 'number', y: { type: 'string', from: 'x' } } }))).toContain(
      "wanted as 'number'",
    )
    expect(await rejected(collect(readRows(join(folder, 'none.csv'))))).toContain('cannot read')
    expect(await rejected(collect(readRows(folder, { format: 'csv' })))).toContain('cannot read')
  })

  test('the format is an option where the ending says none', async () => {
    const path = await save('data.txt', 'a\n1\n')
    expect(await collect(readRows(path, { format: 'csv' }))).toEqual([[{ a: '1' }]])
  })

  test('numbers that a tensor cannot hold are refused', async () => {
    const path = await save('big.csv', 'x\n1\n1e39\n')
    expect(await rejected(readColumns(path, { columns: { x: 'number' } }))).toContain(
      "line 3, column 'x': expected a number that float32 holds, got 1e+39",
    )
    const whole = await save('whole.csv', 'x\n1\n3000000000\n')
    expect(await rejected(readColumns(whole, { columns: { x: 'integer' } }))).toContain(
      "line 3, column 'x': expected an integer that int32 holds",
    )
    expect((await readColumns(whole, { columns: { x: 'number' } })).x.data).toEqual(Float32Array.of(1, 3e9))
  })

  test('dates are milliseconds where numbers are wanted', async () => {
    const data = [new Date(0), new Date(1500)]
    const path = await save('dates.parquet', new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'when', data }] })))
    expect(await collect(readRows(path))).toEqual([[{ when: data[0] }, { when: data[1] }]])
    expect((await readColumns(path, { columns: { when: 'number' } })).when.data).toEqual(Float32Array.of(0, 1500))
  })

  test('integers beyond 2^53 are refused with their place rather than rounded', async () => {
    const data = [1n, 2n ** 53n + 1n]
    const path = await save('long.parquet', new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'id', data }] })))
    expect(await rejected(collect(readRows(path)), 'UNSUPPORTED')).toContain("row 1, column 'id': the integer 9007199254740993")
  })
})

describe('a file much larger than a batch', () => {
  const count = 200_000
  const big: Record<string, { format: DataFormat; bytes: () => Uint8Array; parts: number; most: number }> = {
    // reads of 64 KiB: one in the parser, one decoded, one under way
    csv: { format: 'csv', bytes: () => Buffer.from(`x,y\n${'123.25,abcdefghijkl\n'.repeat(count)}`), parts: 4e6 / 2 ** 16, most: 4 },
    'JSON Lines': {
      format: 'jsonl',
      bytes: () => Buffer.from('{"x":123.25,"y":"abcdefghijkl"}\n'.repeat(count)),
      parts: 6.4e6 / 2 ** 16,
      most: 2,
    },
    // the footer and a row group
    Parquet: {
      format: 'parquet',
      bytes: () => {
        const data = Array.from({ length: count }, (_, i) => i / 7)
        return new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'x', data, type: 'DOUBLE' }], rowGroupSize: count / 50 }))
      },
      parts: 50,
      most: 2,
    },
    Arrow: {
      format: 'arrow',
      bytes: () => {
        const part = new arrow.Table({
          x: arrow.vectorFromArray(
            Array.from({ length: count / 50 }, (_, i) => i / 7),
            new arrow.Float64(),
          ),
        })
        return arrow.tableToIPC(part.concat(...Array.from({ length: 49 }, () => part)), 'file')
      },
      parts: 50,
      most: 2,
    },
  }

  test.each(Object.entries(big))('%s: no more is read than the rows at hand need', async (_, { format, bytes, parts, most }) => {
    const file = bytes()
    const inner = bytesSource(file)
    let [ahead, given, delivered] = [0, 0, 0]
    const source: ByteSource = {
      ...inner,
      read: (position, length) => {
        given += length
        return inner.read(position, length)
      },
    }
    const reading = { where: 'readRows', path: 'big', names: undefined }
    for await (const { rows } of rowsOf(source, reading, undefined, checkFormat('readRows', 'big', { format }))) {
      // of what was read, the part that no row came of yet
      ahead = Math.max(ahead, given - (delivered / count) * file.length)
      delivered += rows.length
    }
    expect(delivered).toBe(count)
    expect(given).toBeGreaterThanOrEqual(file.length * 0.9)
    expect(ahead).toBeLessThan((most * file.length) / parts)
  })
})
