// CSV, TSV and JSON Lines.
import { describe, expect, test } from 'vitest'
import type { ColumnType, DataOptions, DataRow } from '../../lib/data/readers/types.js'
import { rejected } from '../support/errors.js'
import { readDamaged, rowsIn } from './support.js'

type Types = Record<string, ColumnType>
const csv = (text: string | Uint8Array, types?: Types, options?: DataOptions): Promise<DataRow[]> =>
  rowsIn(Buffer.from(text), 'csv', types && new Map(Object.entries(types)), options)
const jsonl = (text: string | Uint8Array, types?: Types, options?: DataOptions): Promise<DataRow[]> =>
  rowsIn(Buffer.from(text), 'jsonl', types && new Map(Object.entries(types)), options)

describe('CSV', () => {
  test('cells are text: quotes, doubled quotes, line breaks of every kind, a byte order mark', async () => {
    expect(await csv('\ufeffa,"b ""c"""\r\n1,"x,\r\ny"\n"say ""hi""",\r\n')).toEqual([
      { a: '1', 'b "c"': 'x,\r\ny' },
      { a: 'say "hi"', 'b "c"': '' },
    ])
    expect(await csv('a,b\r1,2\r3,4')).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ])
    expect(await csv('__proto__,constructor\n1,2\n')).toEqual([
      Object.fromEntries([
        ['__proto__', '1'],
        ['constructor', '2'],
      ]),
    ])
  })

  test('columns with types hold numbers, integers, truth values and lists', async () => {
    const text = 'n,i,b,s,l,unused\n 1.5e3 ,-7,TRUE,007,"[1, 2.5]",x\n+.5,12,0,,[],y\n'
    const types: Types = { n: 'number', i: 'integer', b: 'boolean', s: 'string', l: 'number[]' }
    expect(await csv(text, types)).toEqual([
      { n: 1500, i: -7, b: true, s: '007', l: [1, 2.5] },
      { n: 0.5, i: 12, b: false, s: '', l: [] },
    ])
  })

  test.each([
    ['number', 'abc'],
    ['number', '1,5'],
    ['number', '0x10'],
    ['number', '1e999'],
    ['number', 'Infinity'],
    ['integer', '1.5'],
    ['integer', '9007199254740993'],
    ['boolean', 'yes'],
    ['number[]', '1 2'],
    ['number[]', '[1'],
    ['integer[]', '[1.5]'],
    ['number[]', '["1"]'],
  ] as const)('a cell that is no %s is refused with its place: %s', async (type, cell) => {
    const message = await rejected(csv(`a,b\n1,"${cell.replaceAll('"', '""')}"\n`, { b: type }))
    expect(message).toMatch(/line 2, column 'b': expected .*, got '/)
  })

  test('a missing number is refused, or NaN; other missing values are refused always', async () => {
    for (const cell of ['', 'NA', 'NaN', 'null', ' ']) {
      const text = `a,b\n1,2\n3,"${cell}"\n`
      expect(await rejected(csv(text, { b: 'number' }))).toMatch(/line 3, column 'b': expected a number, got .* missing: 'nan'/)
      expect(await csv(text, { b: 'number' }, { missing: 'nan' })).toEqual([{ b: 2 }, { b: Number.NaN }])
      expect(await rejected(csv(text, { b: 'integer' }, { missing: 'nan' }))).toContain('missing value')
    }
  })

  test('empty lines are skipped, but are cells of a single column', async () => {
    expect(await csv('a,b\n\n1,2\n\n\n')).toEqual([{ a: '1', b: '2' }])
    expect(await csv('a\n1\n\n2\n')).toEqual([{ a: '1' }, { a: '' }, { a: '2' }])
  })

  test('delimiter, quote and header are options', async () => {
    expect(await csv("1;'a;b'\n", undefined, { delimiter: ';', quote: "'", header: ['n', 's'] })).toEqual([{ n: '1', s: 'a;b' }])
    expect(await csv('a|b\n"1|2"\n', undefined, { delimiter: '|', quote: false })).toEqual([{ a: '"1', b: '2"' }])
    expect(await rowsIn(Buffer.from('a\tb\n1\t2,3\n'), 'tsv')).toEqual([{ a: '1', b: '2,3' }])
  })

  test.each([
    ['ragged rows', 'a,b\n"x\r\ny",2\n1\n', 'line 4: expected 2 cells, as there are names, got 1'],
    ['too many cells', 'a,b\n1,2\n1,2,3\n', 'line 3: expected 2 cells'],
    ['a quote that nobody closed', 'a,b\n1,2\n3,"4\n5,6\n', 'line 3: the file ends within a quoted cell'],
    ['a quote within a cell', 'a,b\n1,x"y\n', 'line 2: a quote within a cell'],
    ['text behind a quote', 'a,b\n1,"x"y\n', 'line 2: expected a delimiter'],
    ['a name twice', 'a,a\n1,2\n', "line 1: the header has the name 'a' twice"],
    ['nothing', '', 'the file is empty'],
    ['other bytes than UTF-8', Buffer.from('a,b\n1,2\n3,\xff\n', 'latin1'), 'line 3: expected text in UTF-8'],
    ['half a character at the end', Buffer.from('a,b\n1,\xc3', 'latin1'), 'expected text in UTF-8'],
  ])('%s: CORRUPT_FILE with the line', async (_, text, message) => {
    expect(await rejected(csv(text), 'CORRUPT_FILE')).toContain(message)
  })

  test('a cell without an end does not fill the memory', async () => {
    const message = await rejected(csv(`a,b\n1,"${'x'.repeat(2 ** 24 + 10)}"\n`), 'CORRUPT_FILE')
    expect(message).toContain('line 2: expected a row of at most 16777216 characters')
  })

  test('a column that is not there is named, with the one that was meant', async () => {
    expect(await rejected(csv('open,close\n1,2\n', { opne: 'number' }))).toContain(
      "no column 'opne' (did you mean 'open'?); it has open, close",
    )
  })

  test('rows across chunks of the file are whole', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: String(i), text: `ä"${i % 7}"\r\n${'x'.repeat(i % 13)}` }))
    const text = rows.map(({ id, text }) => `${id},"${text.replaceAll('"', '""')}"`).join('\r\n')
    expect(await csv(`id,text\r\n${text}`)).toEqual(rows)
  })

  test('damaged files: any text is a table unless it breaks the rules above; then CORRUPT_FILE, or INVALID_ARGUMENT for what is not as declared', async () => {
    const text = Buffer.from(`n,s,q\n${Array.from({ length: 30 }, (_, i) => `${i / 4},"s""${i}",ü${i}`).join('\r\n')}\n`)
    const read = async (bytes: Uint8Array) => {
      const rows = await csv(bytes, { n: 'number', s: 'string' })
      for (const { n, s } of rows) expect([typeof n, typeof s]).toEqual(['number', 'string'])
      return rows
    }
    const came = await readDamaged(text, read, ['CORRUPT_FILE', 'INVALID_ARGUMENT'], 3)
    for (const outcome of ['whole', 'CORRUPT_FILE', 'INVALID_ARGUMENT']) expect(came.get(outcome), outcome).toBeGreaterThan(100)
  })
})

describe('JSON Lines', () => {
  test('an object a line; fields that are left out are null where columns are named', async () => {
    const text = '\ufeff{"a":1,"b":[1,2]}\r\n\n{"b":null,"c":{"d":"x"}}'
    expect(await jsonl(text)).toEqual([
      { a: 1, b: [1, 2] },
      { b: null, c: { d: 'x' } },
    ])
    const rows = await rowsIn(
      Buffer.from(text),
      'jsonl',
      new Map([
        ['a', undefined],
        ['b', undefined],
      ]),
    )
    expect(rows).toEqual([
      { a: 1, b: [1, 2] },
      { a: null, b: null },
    ])
  })

  test('values have the types that were declared', async () => {
    const text = '{"n":1.5,"i":2,"b":true,"s":"x","l":[1,2]}\n'
    expect(await jsonl(text, { n: 'number', i: 'integer', b: 'boolean', s: 'string', l: 'integer[]' })).toEqual([
      { n: 1.5, i: 2, b: true, s: 'x', l: [1, 2] },
    ])
    expect(await rejected(jsonl('{"n":1}\n\n{"n":"1"}\n', { n: 'number' }))).toContain("line 3, column 'n': expected a number, got '1'")
    expect(await jsonl('{"n":1}\n{}\n', { n: 'number' }, { missing: 'nan' })).toEqual([{ n: 1 }, { n: Number.NaN }])
    expect(await rejected(jsonl('{}\n', { n: 'number' }))).toContain('line 1')
  })

  test.each([
    ['no JSON', '{"a":1}\n{"a":}\n', 'line 2: expected a JSON object'],
    ['no object', '{"a":1}\n\n[1]\n', 'line 3: expected a JSON object, got [1]'],
    ['a file that ends within an object', '{"a":1}\n{"a"', 'line 2: expected a JSON object'],
    ['other bytes than UTF-8', Buffer.from('{"a":1}\n{"a":"\xff"}\n', 'latin1'), 'line 2: expected text in UTF-8'],
  ])('%s: CORRUPT_FILE with the line', async (_, text, message) => {
    expect(await rejected(jsonl(text), 'CORRUPT_FILE')).toContain(message)
  })

  test('a line without an end does not fill the memory', async () => {
    const text = `{"a":1}\n{"a":"${'x'.repeat(2 ** 24 + 2 ** 17)}"}\n`
    expect(await rejected(jsonl(text), 'CORRUPT_FILE')).toContain('line 2: expected a line of at most')
  })

  test('damaged files are read whole, or refused', async () => {
    const text = Buffer.from(Array.from({ length: 30 }, (_, i) => JSON.stringify({ n: i / 4, s: `ü${i}`, l: [i, i + 1] })).join('\n'))
    const came = await readDamaged(text, (bytes) => jsonl(bytes, { n: 'number', l: 'number[]' }), ['CORRUPT_FILE', 'INVALID_ARGUMENT'], 4)
    for (const outcome of ['whole', 'CORRUPT_FILE', 'INVALID_ARGUMENT']) expect(came.get(outcome), outcome).toBeGreaterThan(100)
  })
})
