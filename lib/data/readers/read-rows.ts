import * as z from 'zod'
import { size } from '../../spec/fields.js'
import { parse } from '../../spec/parse.js'
import { checkFormat, columnType, names, shared } from './options.js'
import { rowsOfFile, type Wanted } from './rows.js'
import type { DataRow, RowOptions } from './types.js'

const schema = z.strictObject({
  ...shared,
  columns: z.union([names, z.record(z.string(), columnType)], { error: 'an array of names, or an object of names and types' }).optional(),
  batchSize: size.default(1024),
})

/**
 * Reads a data set a batch of rows at a time: CSV, TSV, JSON Lines, Parquet (needs the package hyparquet) or Arrow IPC (needs apache-arrow). Memory holds a batch, of
 * Parquet the wanted columns of a row group, of Arrow a record batch. The file is closed when the loop over it ends in any way.
 *
 * Values are as the format has them: text in CSV unless `columns` says types; in binary formats 64-bit integers and decimals are numbers, dates and times of day with a date
 * are Dates, lists are arrays, and null is null.
 *
 * @throws GrusError INVALID_ARGUMENT for wrong options (at once), a file that cannot be opened, a column that is not there, a value that is not of its column's type (naming line or
 *   row, and column); CORRUPT_FILE for a damaged file, of text with the line; UNSUPPORTED for what a sound file has and grus cannot read; ABORTED
 */
export function readRows(path: string, options: RowOptions = {}): AsyncGenerator<DataRow[], void, undefined> {
  const where = 'readRows'
  const { columns, batchSize, ...rest } = parse(where, schema, options)
  const checked = checkFormat(where, path, rest as RowOptions)
  const wanted: Wanted = columns && new Map(Array.isArray(columns) ? columns.map((name) => [name, undefined]) : Object.entries(columns))
  return batches(rowsOfFile(where, path, wanted, checked), batchSize)
}

async function* batches(chunks: ReturnType<typeof rowsOfFile>, batchSize: number): AsyncGenerator<DataRow[], void, undefined> {
  let batch: DataRow[] = []
  for await (const { rows } of chunks) {
    for (let at = 0; at < rows.length; ) {
      const more = rows.slice(at, at + batchSize - batch.length)
      at += more.length
      batch = batch.length === 0 ? more : batch.concat(more)
      if (batch.length === batchSize) {
        yield batch
        batch = []
      }
    }
  }
  if (batch.length > 0) yield batch
}
