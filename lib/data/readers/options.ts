import { extname } from 'node:path'
import * as z from 'zod'
import { check } from '../../errors.js'
import { checkPath } from '../../files/paths.js'
import { listOf } from '../../spec/fields.js'
import type { CsvOptions } from './csv.js'
import type { ColumnType, DataFormat, DataOptions } from './types.js'

const formats = ['csv', 'tsv', 'jsonl', 'parquet', 'arrow'] as const
const endings: Readonly<Record<string, DataFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.parquet': 'parquet',
  '.arrow': 'arrow',
  '.arrows': 'arrow',
  '.feather': 'arrow',
  '.ipc': 'arrow',
}

const columnTypes = ['number', 'integer', 'boolean', 'string', 'number[]', 'integer[]'] as const satisfies readonly ColumnType[]
export const columnType: z.ZodType<ColumnType> = z.enum(columnTypes, { error: listOf(columnTypes) })
export const names: z.ZodType<string[]> = z
  .array(z.string({ error: 'a name' }), { error: 'an array of names' })
  .min(1, { error: 'one name or more' })

const character = z.string({ error: 'one character' }).regex(/^[^\r\n]$/, { error: 'one character, and no line break' })
/** Fields that both functions take. */
export const shared: {
  format: z.ZodOptional<z.ZodType<DataFormat>>
  missing: z.ZodDefault<z.ZodType<'refuse' | 'nan'>>
  signal: z.ZodOptional<z.ZodType<AbortSignal>>
  delimiter: z.ZodOptional<z.ZodType<string>>
  quote: z.ZodOptional<z.ZodType<string | false>>
  header: z.ZodOptional<z.ZodType<true | string[]>>
} = {
  format: z.enum(formats, { error: listOf(formats) }).optional(),
  missing: z.enum(['refuse', 'nan'], { error: listOf(['refuse', 'nan']) }).default('refuse'),
  signal: z.instanceof(AbortSignal, { error: 'an AbortSignal' }).optional(),
  delimiter: character.optional(),
  quote: z.union([character, z.literal(false)], { error: 'one character, or false' }).optional(),
  header: z.union([z.literal(true), names], { error: 'true, or an array of names' }).optional(),
}

export interface Checked {
  format: DataFormat
  missing: 'refuse' | 'nan'
  signal: AbortSignal | undefined
  csv: CsvOptions
}

/** @throws GrusError INVALID_ARGUMENT for an ending that says no format, and options of another format */
export function checkFormat(where: string, path: string, given: DataOptions): Checked {
  checkPath(where, path)
  const ending = extname(path).toLowerCase()
  const format = given.format ?? endings[ending]
  check(
    format,
    where,
    `${path}: the ending says no format: give format, ${listOf(formats)}, or an ending of ${Object.keys(endings).join(', ')}`,
  )
  const textual = format === 'csv' || format === 'tsv'
  for (const name of ['delimiter', 'quote', 'header'] as const) {
    check(textual || given[name] === undefined, where, `${name} is an option of CSV and TSV, ${path} is read as ${format}`)
  }
  const { delimiter = format === 'tsv' ? '\t' : ',', quote = '"', header = true } = given
  check(delimiter !== quote, where, `delimiter and quote must be two characters, got '${delimiter}' for both`)
  if (header !== true) {
    const twice = header.find((name, i) => header.indexOf(name) !== i)
    check(twice === undefined, where, `header has the name '${twice}' twice`)
  }
  return { format, missing: given.missing ?? 'refuse', signal: given.signal, csv: { delimiter, quote, header } }
}
