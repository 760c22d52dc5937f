// The messages of an Arrow stream or file, one after the other, with their metadata checked.
import { footer as footerShape, headers, message as messageShape } from './arrow-shapes.js'
import type { ByteSource } from './byte-source.js'
import { ArrowError, readTable, type Table } from './flatbuffer.js'

export interface Message {
  kind: number
  header: Table
  /** As they are in the file: the length, the metadata, the body. */
  parts: readonly Uint8Array[]
  bodyLength: number
}

/** A file need not have its schema in a message: then this is the footer's, with the footer's bytes. */
export interface FooterSchema {
  header: Table
  footer: Uint8Array
  blocks: readonly DataView[]
}

/** A sound file that says something that cannot be read. */
export class UnsupportedArrow extends Error {}

const magic = 'ARROW1'

/**
 * The schema first, then the batches.
 *
 * @throws ArrowError also where the end of a stream is missing: it cannot be told from a file that was cut off
 */
export async function* messagesOf(source: ByteSource): AsyncGenerator<Message | FooterSchema, void, undefined> {
  const head = latin1(await source.read(0, Math.min(source.size, 8)))
  if (head.startsWith('FEA1')) throw new UnsupportedArrow('a Feather file of version 1; write version 2, which is Arrow IPC')
  if (!head.startsWith(magic)) {
    yield* messagesBetween(source, 0, source.size)
    return
  }
  const footer = await readFooter(source)
  let [batches, dictionaries, first] = [0, 0, true]
  for await (const message of messagesBetween(source, 8, footer.start)) {
    if (first && message.kind !== headers.schema) yield footer.schema
    first = false
    if (message.kind === headers.recordBatch && footer.batches[batches++] !== message.begin) {
      throw new ArrowError(`record batch ${batches - 1} is not where the footer has it`)
    }
    if (message.kind === headers.dictionaryBatch) dictionaries++
    yield message
  }
  if (first) yield footer.schema
  if (footer.batches.length !== batches || footer.dictionaries !== dictionaries) {
    const has = `the footer has ${footer.batches.length} and ${footer.dictionaries}`
    throw new ArrowError(`${batches} record batches and ${dictionaries} dictionaries, ${has}`)
  }
}

async function* messagesBetween(
  source: ByteSource,
  start: number,
  end: number,
): AsyncGenerator<Message & { begin: number }, void, undefined> {
  for (let at = start; ; ) {
    const begin = at
    const next = async (length: number): Promise<Uint8Array<ArrayBuffer>> => {
      if (length < 0 || length > end - at) throw new ArrowError(`${length} bytes of a message or of the end mark, ${end - at} are left`)
      at += length
      return source.read(at - length, length)
    }
    const mark = int32(await next(4))
    // before version 0.15 there was no mark of -1
    const length = mark === -1 ? int32(await next(4)) : mark
    if (length === 0) {
      if (at !== end) throw new ArrowError(`${end - at} bytes behind the end mark`)
      return
    }
    const metadata = await next(length)
    const { kind, header, bodyLength } = parse(metadata)
    yield { kind, header, bodyLength, begin, parts: [new Uint8Array(Int32Array.of(-1, length).buffer), metadata, await next(bodyLength)] }
  }
}

function parse(bytes: Uint8Array): { kind: number; header: Table; bodyLength: number } {
  const table = readTable(bytes, messageShape)
  const [version = 0, kind = 0, header, bodyLength = 0] = [0, 1, 2, 3].map((slot) => table.get(slot))
  if (!(header instanceof Map)) throw new ArrowError('a message without content')
  if ((version as number) < 3)
    throw new UnsupportedArrow(`version ${(version as number) + 1} of the format's metadata; 4 and 5 can be read`)
  return { kind: kind as number, header, bodyLength: bodyLength as number }
}

interface Footer {
  /** where it begins */
  start: number
  schema: FooterSchema
  /** where they begin */
  batches: number[]
  dictionaries: number
}

async function readFooter(source: ByteSource): Promise<Footer> {
  const { size } = source
  // magic and padding, length of the footer, magic
  if (size < 8 + 4 + magic.length) throw new ArrowError(`an Arrow file has 18 bytes or more, this one ${size}`)
  const tail = await source.read(size - 10, 10)
  if (latin1(tail.subarray(4)) !== magic) throw new ArrowError(`an Arrow file ends with ${magic}`)
  const length = int32(tail)
  const start = size - 10 - length
  if (length < 4 || start < 8) throw new ArrowError(`a footer of ${length} bytes in a file of ${size}`)
  const footer = await source.read(start, length)
  const table = readTable(footer, footerShape)
  const header = table.get(1)
  if (!(header instanceof Map)) throw new ArrowError('a footer without a schema')
  const [dictionaries, blocks] = [2, 3].map((slot) => table.get(slot) as DataView | undefined)
  const batches = Array.from({ length: (blocks?.byteLength ?? 0) / 24 }, (_, i) => Number(blocks!.getBigInt64(24 * i, true)))
  const schema = { header, footer, blocks: [dictionaries, blocks].filter((view) => view !== undefined) }
  return { start, schema, batches, dictionaries: (dictionaries?.byteLength ?? 0) / 24 }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

function int32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true)
}
