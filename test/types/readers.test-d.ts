import { expectTypeOf, test } from 'vitest'
import { type DataRow, readColumns, readRows, type Tensor } from '../../lib/index.js'

test('rows', () => {
  expectTypeOf(readRows('a.csv')).toExtend<AsyncIterable<DataRow[]>>()
  readRows('a.csv', { columns: ['a'], batchSize: 5, missing: 'nan', delimiter: ';', quote: false, header: ['a'] })
  readRows('a.csv', { columns: { a: 'number', b: 'integer[]' }, format: 'tsv', signal: AbortSignal.abort() })
  // @ts-expect-error there is no such type
  readRows('a.csv', { columns: { a: 'float' } })
  // @ts-expect-error nor such a format
  readRows('a.csv', { format: 'xlsx' })
})

test('columns have the types that were asked for', () => {
  const read = readColumns('a.parquet', {
    columns: {
      x: 'number',
      id: 'integer',
      yes: 'boolean',
      name: 'string',
      ragged: 'number[]',
      ids: 'integer[]',
      table: { type: 'number', from: ['a', 'b'] },
      fixed: { type: 'integer[]', length: 3 },
      other: { type: 'string', from: 'label' },
    },
  })
  expectTypeOf(read).resolves.toEqualTypeOf<{
    x: Tensor<Float32Array>
    id: Tensor<Int32Array>
    yes: Tensor<Int32Array>
    name: string[]
    ragged: Float32Array[]
    ids: Int32Array[]
    table: Tensor<Float32Array>
    fixed: Tensor<Int32Array>
    other: string[]
  }>()
  // @ts-expect-error columns are required
  readColumns('a.csv', {})
})
