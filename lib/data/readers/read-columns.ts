import * as z from 'zod'
import { check, GrusError } from '../../errors.js'
import { size } from '../../spec/fields.js'
import { parse } from '../../spec/parse.js'
import { type Builder, builderOf } from './builders.js'
import { checkFormat, columnType, names, shared } from './options.js'
import { rowsOfFile } from './rows.js'
import type { ColumnData, ColumnOptions, ColumnSource, ColumnType, DataOptions } from './types.js'

const source = z.strictObject({
  type: columnType,
  from: z.union([z.string({ error: 'a name' }), names], { error: 'a name, or an array of names' }).optional(),
  length: size.optional(),
})
const schema = z.strictObject({
  ...shared,
  columns: z.record(z.string(), z.union([columnType, source], { error: 'a type, or { type, from, length }' }), {
    error: 'an object of names and types',
  }),
})

/**
 * Reads whole columns into what `trainer.fit` takes; memory grows with the columns asked for alone. Of N rows:
 *
 * | type | result |
 * |---|---|
 * | `'number'` | float32 [N]; [N, K] `from` K columns |
 * | `'integer'`, `'boolean'` (1 and 0) | int32, as above |
 * | `'string'` | an array of N strings |
 * | `'number[]'`, `'integer[]'` | an array of N Float32Arrays or Int32Arrays, for `padSequences`; with `length` a tensor [N, length] |
 *
 * @throws GrusError as {@link readRows}; INVALID_ARGUMENT too for a number that float32 or int32 cannot hold, and a list of another length, naming the place
 */
export async function readColumns<const Columns extends Readonly<Record<string, ColumnType | ColumnSource>>>(
  path: string,
  options: ColumnOptions<Columns>,
): Promise<{ -readonly [Name in keyof Columns]: ColumnData<Columns[Name]> }> {
  const where = 'readColumns'
  const { columns, ...rest } = parse(where, schema, options)
  const checked = checkFormat(where, path, rest as DataOptions)
  check(Object.keys(columns).length > 0, where, 'columns must have one name or more')
  const wanted = new Map<string, ColumnType>()
  const builders: [string, Builder][] = Object.entries(columns).map(([name, given]) => {
    const { type, from = name, length } = typeof given === 'string' ? { type: given as ColumnType } : (given as ColumnSource)
    const sources = typeof from === 'string' ? [from] : [...from]
    const lists = type.endsWith('[]')
    check(!Array.isArray(from) || !(lists || type === 'string'), where, `columns.${name}: from must be one name for type '${type}'`)
    check(lists || length === undefined, where, `columns.${name}: length is of lists, type is '${type}'`)
    for (const column of sources) {
      const other = wanted.get(column)
      check(other === undefined || other === type, where, `columns.${name}: '${column}' is wanted as '${other}' and as '${type}'`)
      wanted.set(column, type)
    }
    return [name, builderOf(type, sources, Array.isArray(from), length)]
  })
  for await (const { rows, place } of rowsOfFile(where, path, wanted, checked)) {
    for (const [, builder] of builders) {
      rows.forEach((row, i) => {
        const wrong = builder.add(row)
        if (wrong !== undefined) throw new GrusError('INVALID_ARGUMENT', `[${where}] ${path}, ${place(i)}, column ${wrong}`)
      })
    }
  }
  return Object.fromEntries(builders.map(([name, builder]) => [name, builder.finish()])) as never
}
