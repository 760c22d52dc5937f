import type { Tensor } from '../../tensor.js'

export type DataFormat = 'csv' | 'tsv' | 'jsonl' | 'parquet' | 'arrow'

/** What a cell holds: text, a number, a truth value, a date, bytes, a list, named fields, or nothing. */
export type DataValue =
  | string
  | number
  | boolean
  | Date
  | Uint8Array
  | null
  | readonly DataValue[]
  | { readonly [field: string]: DataValue }

/** One row: a value for each column. */
export type DataRow = Record<string, DataValue>

/**
 * `'number'`: a finite number (of binary formats also NaN and the infinities), `'integer'`: a whole one, `'boolean'`, `'string'`, or lists of numbers.
 */
export type ColumnType = 'number' | 'integer' | 'boolean' | 'string' | 'number[]' | 'integer[]'

/** Options that {@link readRows} and {@link readColumns} share. */
export interface DataOptions {
  /** Default: what the ending of the path says: .csv; .tsv; .jsonl, .ndjson; .parquet; .arrow, .arrows, .feather, .ipc. */
  format?: DataFormat
  /**
   * What a missing value of a 'number' column is: `'refuse'` (default) is an error that names its place, `'nan'` is NaN. Missing is null, and in CSV also
   * an empty cell and NA, N/A, NaN, nan, null, NULL, None. In columns of other declared types a missing value is always an error.
   */
  missing?: 'refuse' | 'nan'
  /** Ends the reading between two batches with ABORTED. */
  signal?: AbortSignal
  /** CSV and TSV: one character between cells. Default `','`, of TSV a tab. */
  delimiter?: string
  /** CSV and TSV: the character around cells that hold delimiters, quotes (doubled) or line breaks. Default `'"'`; false: there is none. */
  quote?: string | false
  /** CSV and TSV: true (default) if the first line has the names of the columns, else the names. */
  header?: true | readonly string[]
}

/** Options of {@link readRows}. */
export interface RowOptions extends DataOptions {
  /** Names of the columns to read, or names with types; default: all, as they are in the file (in CSV that is text). */
  columns?: readonly string[] | Readonly<Record<string, ColumnType>>
  /** Rows of a batch; the last one may be smaller. Default 1024. */
  batchSize?: number
}

/** A column of {@link readColumns} whose name in the result is another than in the file, or that several columns of the file make up. */
export interface ColumnSource {
  type: ColumnType
  /** Its name in the file; default: the key. Several names, of 'number', 'integer' or 'boolean', are put side by side as [N, K]. */
  from?: string | readonly string[]
  /** Of lists: each has this many numbers, and the result is a tensor [N, length]. */
  length?: number
}

/** Options of {@link readColumns}. */
export interface ColumnOptions<Columns extends Readonly<Record<string, ColumnType | ColumnSource>>> extends DataOptions {
  /** What to read: the names of the result, each with a type or with a {@link ColumnSource}. */
  columns: Columns
}

type PlainColumn<Type> = Type extends 'number'
  ? Tensor<Float32Array>
  : Type extends 'integer' | 'boolean'
    ? Tensor<Int32Array>
    : Type extends 'string'
      ? string[]
      : Type extends 'number[]'
        ? Float32Array[]
        : Type extends 'integer[]'
          ? Int32Array[]
          : never

/** What {@link readColumns} makes of a column; N rows. */
export type ColumnData<Column> = Column extends ColumnType
  ? PlainColumn<Column>
  : Column extends { type: infer Type; length: number }
    ? Tensor<Type extends 'number[]' ? Float32Array : Int32Array>
    : Column extends { type: infer Type }
      ? PlainColumn<Type>
      : never

/** Some rows of a file, from a reader of a format. */
export interface Rows {
  rows: DataRow[]
  /** `line 7` or `row 5`, of the i-th of them. */
  place: (i: number) => string
}

/** What a reader of a format is told. */
export interface Reading {
  where: string
  path: string
  /** Only these columns are wanted; undefined: all. */
  names: readonly string[] | undefined
}
