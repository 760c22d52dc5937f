// The way that both public functions share: a file's rows, checked against the types that were asked for.
import { check, GrusError } from '../../errors.js'
import { type ByteSource, openSource } from './byte-source.js'
import { readJsonLines } from './json-lines.js'
import type { Checked } from './options.js'
import type { ColumnType, DataValue, Reading, Rows } from './types.js'
import { asType, Unfit } from './values.js'

/** What is wanted of a file: some columns with types, or without; undefined: all of them as they are. */
export type Wanted = ReadonlyMap<string, ColumnType | undefined> | undefined

/** The rows of a file. It is closed at the end, after an error, and when the loop is left. */
export async function* rowsOfFile(where: string, path: string, wanted: Wanted, options: Checked): AsyncGenerator<Rows, void, undefined> {
  checkSignal(where, options.signal)
  const source = await openSource(where, path)
  try {
    yield* rowsOf(source, { where, path, names: wanted && [...wanted.keys()] }, wanted, options)
  } finally {
    await source.close()
  }
}

/** Values of columns with types have those types. */
export async function* rowsOf(
  source: ByteSource,
  reading: Reading,
  wanted: Wanted,
  options: Checked,
): AsyncGenerator<Rows, void, undefined> {
  const { where, path } = reading
  const { format, missing, signal } = options
  const typed = [...(wanted ?? [])].filter((entry): entry is [string, ColumnType] => entry[1] !== undefined)
  const text = format === 'csv' || format === 'tsv'
  for await (const batch of await readerOf(source, reading, options)) {
    checkSignal(where, signal)
    for (const [name, type] of typed) {
      batch.rows.forEach((row, i) => {
        row[name] = convert(row[name]!, type, i, name, batch)
      })
    }
    if (batch.rows.length > 0) yield batch
  }
  checkSignal(where, signal)

  function convert(value: DataValue, type: ColumnType, i: number, name: string, { place }: Rows): DataValue {
    try {
      return asType(value, type, missing, text)
    } catch (cause) {
      check(cause instanceof Unfit, where, String(cause))
      throw new GrusError('INVALID_ARGUMENT', `[${where}] ${path}, ${place(i)}, column '${name}': ${cause.message}`)
    }
  }
}

/** Readers, and the packages they bring with them, are loaded when a file needs them. */
async function readerOf(source: ByteSource, reading: Reading, { format, csv }: Checked): Promise<AsyncIterable<Rows>> {
  switch (format) {
    case 'csv':
    case 'tsv':
      return (await import('./csv.js')).readCsv(source, reading, csv)
    case 'jsonl':
      return readJsonLines(source, reading)
    case 'parquet':
      return (await import('./parquet.js')).readParquet(source, reading)
    case 'arrow':
      return (await import('./arrow.js')).readArrow(source, reading)
  }
}

function checkSignal(where: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new GrusError('ABORTED', `[${where}] the signal ended it`, { cause: signal.reason })
}
