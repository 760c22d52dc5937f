// What a Parquet file says about itself, checked: sizes, places and the tree of its columns.
import type { FileMetaData, RowGroup, SchemaElement } from 'hyparquet'
import { type ColumnChunk, UnsupportedParquet } from './parquet-pages.js'
import { ParquetError } from './thrift.js'

/** A column that holds values, and where its chunk of a row group lies. */
export interface Leaf extends ColumnChunk {
  path: readonly string[]
  start: number
  size: number
}

interface Shape {
  path: readonly string[]
  element: SchemaElement
  maxDefinition: number
  maxRepetition: number
}

/** V8 keeps arrays of more elements as hash tables, and hyparquet makes arrays of a column chunk. */
const mostValues = 2 ** 25
const deepest = 32

/** The columns that hold values, in the order of the chunks. */
export function leavesOf(schema: readonly SchemaElement[]): Shape[] {
  const leaves: Shape[] = []
  let next = 0
  const visit = (path: readonly string[], maxDefinition: number, maxRepetition: number): void => {
    const element = schema[next++]
    if (!element) throw new ParquetError('the schema has fewer columns than it says')
    const { name, type, num_children: children = 0, repetition_type: repetition } = element
    const root = path.length === 0 && next === 1
    const here = root ? [] : [...path, name]
    if (typeof name !== 'string' || here.length > deepest) throw new ParquetError('the schema has a column without a name, or too deep')
    if (root ? repetition === 'REPEATED' : repetition === undefined)
      throw new ParquetError(`column '${here.join('.')}' lacks its repetition`)
    if (element.logical_type?.type === 'VARIANT') throw new UnsupportedParquet(`column '${here.join('.')}' is a VARIANT`)
    const definition = maxDefinition + (root || repetition === 'REQUIRED' ? 0 : 1)
    const repeated = maxRepetition + (!root && repetition === 'REPEATED' ? 1 : 0)
    if (!root && type !== undefined) {
      if (children !== 0) throw new ParquetError(`column '${here.join('.')}' has both values and columns`)
      leaves.push({ path: here, element, maxDefinition: definition, maxRepetition: repeated })
      return
    }
    if (children < 1) throw new ParquetError(`column '${here.join('.')}' has neither values nor columns`)
    const first = next
    const names = new Set<string>()
    for (let i = 0; i < children; i++) {
      const child = schema[next]?.name ?? ''
      if (names.has(child)) throw new ParquetError(`the schema has the column '${[...here, child].join('.')}' twice`)
      names.add(child)
      visit(here, definition, repeated)
    }
    if (next === first) throw new ParquetError('the schema is empty')
  }
  visit([], 0, 0)
  if (next !== schema.length) throw new ParquetError('the schema has more columns than it says')
  return leaves
}

/** @param end - of the row groups in the file: where the metadata begin */
export function checkMetadata({ schema, row_groups: groups, num_rows: total }: FileMetaData, end: number): Leaf[][] {
  const shapes = leavesOf(schema)
  let sum = 0
  const checked = groups.map((group) => {
    const rows = integer(group.num_rows, 'rows of a row group')
    if (rows > mostValues) throw new UnsupportedParquet(`a row group of ${rows} rows, ${mostValues} are the most; write smaller ones`)
    sum += rows
    if (group.columns?.length !== shapes.length) {
      throw new ParquetError(`a row group of ${group.columns?.length} columns where the schema has ${shapes.length}`)
    }
    return shapes.map((shape, i) => leafOf(shape, group.columns[i]!, rows, end))
  })
  if (integer(total, 'rows') !== sum) throw new ParquetError(`${total} rows in row groups of ${sum}`)
  return checked
}

function leafOf(shape: Shape, column: RowGroup['columns'][number], rows: number, end: number): Leaf {
  const { path, element, maxDefinition, maxRepetition } = shape
  const name = path.join('.')
  const data = column.meta_data
  if (column.crypto_metadata !== undefined || column.encrypted_column_metadata !== undefined) {
    throw new UnsupportedParquet(`column '${name}' is encrypted`)
  }
  if (column.file_path) throw new UnsupportedParquet(`column '${name}' lies in another file`)
  if (!data || data.path_in_schema.join('\0') !== path.join('\0') || data.type !== element.type) {
    throw new ParquetError(`the metadata of column '${name}' are not those of the schema`)
  }
  if (data.codec === undefined) throw new ParquetError(`column '${name}' is compressed in an unknown way`)
  const values = integer(data.num_values, `values of column '${name}'`)
  if (values > mostValues) throw new UnsupportedParquet(`a row group of ${values} values in column '${name}', ${mostValues} are the most`)
  if (maxRepetition > 0 ? values < rows : values !== rows) throw new ParquetError(`column '${name}' has ${values} values in ${rows} rows`)
  // there are writers that do not say where the dictionary is, it is before the data then
  const start = integer(data.dictionary_page_offset || data.data_page_offset, `the place of column '${name}'`)
  const size = integer(data.total_compressed_size, `the size of column '${name}'`)
  if (start < 4 || start + size > end) throw new ParquetError(`column '${name}' lies at ${start}, ${size} bytes, outside of the row groups`)
  const { type, type_length: typeLength } = element
  return { name, path, type: type!, typeLength, maxDefinition, maxRepetition, codec: data.codec, values, rows, start, size }
}

function integer(value: unknown, what: string): number {
  const result = typeof value === 'bigint' ? Number(value) : value
  if (!Number.isSafeInteger(result) || (result as number) < 0) throw new ParquetError(`${what}: expected a count, got ${String(value)}`)
  return result as number
}
