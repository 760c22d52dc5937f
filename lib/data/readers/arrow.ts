// Arrow IPC, streams and files (Feather version 2), by apache-arrow: a record batch at a time.
import * as zlib from 'node:zlib'
import type { RecordBatch } from 'apache-arrow'
import { check, GrusError } from '../../errors.js'
import { checkBatch, checkData, checkDictionary } from './arrow-checks.js'
import { type FooterSchema, type Message, messagesOf, UnsupportedArrow } from './arrow-messages.js'
import { headers } from './arrow-shapes.js'
import { getterOf } from './arrow-values.js'
import type { ByteSource } from './byte-source.js'
import { ArrowError, type Table } from './flatbuffer.js'
import { inflateLz4Frame } from './lz4.js'
import { noColumn } from './no-column.js'
import { optionalPackage } from './optional-package.js'
import { rowsOfColumns } from './rows-of-columns.js'
import type { Reading, Rows } from './types.js'

type Arrow = typeof import('apache-arrow')

/** @throws GrusError CORRUPT_FILE; UNSUPPORTED for types and codecs that cannot be read, or without apache-arrow */
export async function* readArrow(source: ByteSource, reading: Reading): AsyncGenerator<Rows, void, undefined> {
  const { where, path, names } = reading
  const arrow = await optionalPackage(where, path, 'apache-arrow', () => import('apache-arrow'))
  const messages = messagesOf(source)
  const next = () => guarded(reading, () => messages.next())
  const first = await next()
  const schema = await guarded(reading, async () => schemaOf(arrow, first.value ?? undefined))
  const { names: there } = schema
  for (const name of names ?? []) check(there.includes(name), where, noColumn(path, name, there))
  // by id, each with what was added to it since
  const dictionaries = new Map<number, Message[]>()
  let rows = 0
  for (let step = await next(); !step.done; step = await next()) {
    const message = step.value
    const batch = await guarded(reading, async () => decode(arrow, schema, dictionaries, message))
    if (!batch) continue
    const columns = new Map((names ?? there).map((name) => [name, getterOf(arrow, batch.data.children[there.indexOf(name)]!)]))
    yield* rowsOfColumns(columns, batch.numRows, rows, reading)
    rows += batch.numRows
  }
}

interface Schema {
  names: readonly string[]
  fields: readonly Table[]
  /** its message */
  parts: readonly Uint8Array[]
}

function schemaOf(arrow: Arrow, first: Message | FooterSchema | undefined): Schema {
  if (!first || ('kind' in first && first.kind !== headers.schema)) throw new ArrowError('the first message is no schema')
  if (first.header.get(0) === 1) throw new UnsupportedArrow('big-endian numbers')
  const parts = 'kind' in first ? first.parts : [schemaMessage(arrow, first)]
  const names = arrow.RecordBatchReader.from(streamOf(parts))
    .open()
    .schema.fields.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new UnsupportedArrow(`two columns with the name '${twice}'`)
  return { names, fields: (first.header.get(1) as Table[] | undefined) ?? [], parts }
}

/** The message that a footer's schema would be: apache-arrow reads it from a file without batches, and writes it. */
function schemaMessage(arrow: Arrow, { footer, blocks }: FooterSchema): Uint8Array {
  const empty = Uint8Array.from(footer)
  const view = new DataView(empty.buffer)
  // counts of blocks
  for (const { byteOffset } of blocks) view.setUint32(byteOffset - footer.byteOffset - 4, 0, true)
  const magic = Buffer.from('ARROW1')
  const file = Buffer.concat([magic, new Uint8Array(2), empty, new Uint8Array(Int32Array.of(empty.length).buffer), magic])
  const { schema } = arrow.RecordBatchReader.from(file).open()
  const stream = arrow.tableToIPC(new arrow.Table(schema), 'stream')
  return stream.subarray(0, 8 + new DataView(stream.buffer, stream.byteOffset).getInt32(4, true))
}

const endMark = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)

/** What apache-arrow is given: a stream of its own for each batch, of bytes that were checked. */
function streamOf(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...parts, endMark])
}

/** A record batch; nothing for a dictionary, which is kept for the batches to come. */
function decode(
  arrow: Arrow,
  schema: Schema,
  dictionaries: Map<number, Message[]>,
  message: Message | FooterSchema,
): RecordBatch | undefined {
  if (!('kind' in message)) throw new ArrowError('a second schema')
  const { kind, header, bodyLength } = message
  if (kind === headers.schema) throw new ArrowError('a second schema')
  const batch = kind === headers.dictionaryBatch ? header.get(1) : header
  if (!(batch instanceof Map)) throw new ArrowError('a dictionary without values')
  if (batch.has(3)) useCodec(arrow, (batch.get(3) as Table).get(0) as number | undefined)
  if (kind === headers.dictionaryBatch) {
    checkDictionary(batch, bodyLength)
    const id = (header.get(0) as number | undefined) ?? 0
    const added = header.get(2) === 1 ? (dictionaries.get(id) ?? []) : []
    dictionaries.set(id, [...added, message])
    return undefined
  }
  checkBatch(batch, schema.fields, bodyLength)
  const parts = [schema, ...[...dictionaries.values()].flat(), message].flatMap((part) => part.parts)
  const [decoded, another] = [...arrow.RecordBatchReader.from(streamOf(parts))]
  if (!decoded || another) throw new ArrowError('a message that is no batch')
  for (const data of decoded.data.children) checkData(data)
  return decoded
}

const [lz4, zstandard] = [0, 1]
/** What a buffer may become. */
const mostInflated = 2 ** 30

/** apache-arrow brings no codecs; those that its registry has stay. */
function useCodec(arrow: Arrow, codec = lz4): void {
  const { compressionRegistry: registry } = arrow as Partial<Arrow>
  if (!registry) throw new UnsupportedArrow('compressed buffers need apache-arrow 21 or newer: npm install apache-arrow')
  if (codec !== lz4 && codec !== zstandard) throw new ArrowError(`buffers compressed by the unknown codec ${codec}`)
  if (registry.get(codec)?.decode) return
  const zstd = (zlib as { zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array }).zstdDecompressSync
  if (codec === lz4) registry.set(codec, { ...registry.get(codec), decode: (bytes) => inflateLz4Frame(bytes, mostInflated) })
  else if (zstd) registry.set(codec, { ...registry.get(codec), decode: (bytes) => zstd(bytes, { maxOutputLength: mostInflated }) })
  else {
    const advice = `needs Node 22.15 or newer, this is ${process.version}; write the file with LZ4, or uncompressed`
    throw new UnsupportedArrow(`buffers compressed by ZSTD: that ${advice}`)
  }
}

/** Whatever is thrown over a file's bytes says that they are damaged. */
async function guarded<Result>({ where, path }: Reading, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof GrusError) throw cause
    const code = cause instanceof UnsupportedArrow ? 'UNSUPPORTED' : 'CORRUPT_FILE'
    throw new GrusError(code, `[${where}] ${path}: Arrow: ${(cause as Error).message}`, { cause })
  }
}
