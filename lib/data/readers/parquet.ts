// Parquet, by hyparquet: the wanted columns of one row group at a time.
import type { FileMetaData, RowGroup } from 'hyparquet'
import { check, GrusError } from '../../errors.js'
import type { ByteSource } from './byte-source.js'
import { MissingCodec } from './decompress.js'
import { noColumn } from './no-column.js'
import { optionalPackage } from './optional-package.js'
import { checkMetadata, type Leaf } from './parquet-metadata.js'
import { checkedPages, UnsupportedParquet } from './parquet-pages.js'
import { rowsOfColumns } from './rows-of-columns.js'
import { ParquetError, readStruct } from './thrift.js'
import type { Reading, Rows } from './types.js'

type Hyparquet = typeof import('hyparquet')

/** @throws GrusError CORRUPT_FILE; UNSUPPORTED for encryption, codecs and encodings that cannot be read, or without hyparquet */
export async function* readParquet(source: ByteSource, reading: Reading): AsyncGenerator<Rows, void, undefined> {
  const { where, path, names } = reading
  const hyparquet = await optionalPackage(where, path, 'hyparquet', () => import('hyparquet'))
  const { metadata, end } = await guarded(reading, () => readMetadata(hyparquet, source))
  const groups = await guarded(reading, async () => checkMetadata(metadata, end))
  const there = topLevel(metadata)
  for (const name of names ?? []) check(there.includes(name), where, noColumn(path, name, there))
  let first = 0
  for (const [g, leaves] of groups.entries()) {
    const rows = Number(metadata.row_groups[g]!.num_rows)
    if (rows === 0) continue
    const columns = new Map<string, (i: number) => unknown>()
    for (const name of names ?? there) {
      const values = await guarded(reading, () => readColumn(hyparquet, source, metadata, g, leaves, name))
      columns.set(name, (i) => values[i])
    }
    yield* rowsOfColumns(columns, rows, first, reading)
    first += rows
  }
}

const [magic, encrypted] = ['PAR1', 'PARE']

async function readMetadata(hyparquet: Hyparquet, source: ByteSource): Promise<{ metadata: FileMetaData; end: number }> {
  const { size } = source
  if (size < 12) throw new ParquetError(`a Parquet file has 12 bytes or more, this one ${size}`)
  const [head, tail] = [await source.read(0, 4), await source.read(size - 8, 8)]
  const ends = [head, tail.subarray(4)].map((bytes) => Buffer.from(bytes).toString('latin1'))
  if (ends[1] === encrypted) throw new UnsupportedParquet('the file is encrypted')
  if (ends[0] !== magic || ends[1] !== magic) throw new ParquetError(`a Parquet file begins and ends with ${magic}`)
  const length = new DataView(tail.buffer).getUint32(0, true)
  if (length > size - 12) throw new ParquetError(`metadata of ${length} bytes in a file of ${size}`)
  const footer = await source.read(size - 8 - length, length + 8)
  const { end } = readStruct(footer.subarray(0, length), 0)
  if (end !== length) throw new ParquetError(`the metadata end after ${end} of ${length} bytes`)
  return { metadata: hyparquet.parquetMetadata(footer.buffer, { geoparquet: false }), end: size - 8 - length }
}

/** Only columns that hold something: a name, or all that lies under it. */
function topLevel({ schema }: FileMetaData): string[] {
  const names: string[] = []
  let next = 0
  const skip = (): void => {
    for (let children = schema[next++]!.num_children ?? 0; children > 0; children--) skip()
  }
  const count = schema[next++]!.num_children ?? 0
  while (names.length < count) {
    names.push(schema[next]!.name)
    skip()
  }
  return names
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const parsers = {
  stringFromBytes: (bytes: Uint8Array) => bytes && decoder.decode(bytes),
  geometryFromBytes: (bytes: Uint8Array) => bytes,
  geographyFromBytes: (bytes: Uint8Array) => bytes,
}

/** hyparquet sees a file in memory that holds one column, uncompressed, of pages that were checked. */
async function readColumn(
  hyparquet: Hyparquet,
  source: ByteSource,
  metadata: FileMetaData,
  g: number,
  leaves: readonly Leaf[],
  name: string,
): Promise<unknown[]> {
  const group = metadata.row_groups[g]!
  const columns: RowGroup['columns'] = []
  // no chunk may lie at 0: hyparquet takes that for none
  const parts: Uint8Array[] = [new Uint8Array(4)]
  let size = 4
  for (const [i, leaf] of leaves.entries()) {
    if (leaf.path[0] !== name) continue
    const pages = await checkedPages(await source.read(leaf.start, leaf.size), leaf)
    const bytes = pages.reduce((sum, { length }) => sum + length, 0)
    const { type, encodings, path_in_schema } = group.columns[i]!.meta_data!
    const places = { total_uncompressed_size: BigInt(bytes), total_compressed_size: BigInt(bytes), data_page_offset: BigInt(size) }
    const num_values = BigInt(leaf.values)
    columns.push({ file_offset: 0n, meta_data: { type, encodings, path_in_schema, codec: 'UNCOMPRESSED', num_values, ...places } })
    parts.push(...pages)
    size += bytes
  }
  const { buffer } = concatenated(parts, size)
  const rows = Number(group.num_rows)
  const values: unknown[] = []
  await hyparquet.parquetRead({
    file: { byteLength: size, slice: (start, end) => buffer.slice(start, end) },
    metadata: { ...metadata, num_rows: group.num_rows, row_groups: [{ columns, total_byte_size: BigInt(size), num_rows: group.num_rows }] },
    columns: [name],
    rowEnd: rows,
    utf8: false,
    parsers,
    onChunk: ({ columnData }) => {
      for (let i = 0; i < columnData.length; i++) values.push(columnData[i])
    },
  })
  if (values.length !== rows) throw new ParquetError(`column '${name}' has ${values.length} rows where its row group has ${rows}`)
  return values
}

function concatenated(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Whatever is thrown over a file's bytes says that they are damaged. */
async function guarded<Result>({ where, path }: Reading, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof GrusError) throw cause
    if (cause instanceof MissingCodec) {
      const codec = cause.message
      const text = `compressed by ${codec}: run npm install hyparquet-compressors, or write it with SNAPPY, GZIP or no compression`
      throw new GrusError('UNSUPPORTED', `[${where}] ${path}: ${text}`, { cause })
    }
    const { message } = cause as Error
    if (cause instanceof UnsupportedParquet) throw new GrusError('UNSUPPORTED', `[${where}] ${path}: ${message}`, { cause })
    throw new GrusError('CORRUPT_FILE', `[${where}] ${path}: Parquet: ${message}`, { cause })
  }
}
