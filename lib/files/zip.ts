// Zip archives as .keras, .npz and torch.save have them: by yauzl and yazl, with the checks that hostile files call for.
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import yauzl from 'yauzl'
import yazl from 'yazl'
import { GrusError } from '../errors.js'
import { cannot, checkPath } from './paths.js'
import { replaceFile } from './replace-file.js'
import { ZipSource } from './zip-source.js'

/** What one deflated entry may become: a few bytes can stand for gigabytes. Stored ones are bounded by the file. */
const mostInflated = 2 ** 31
/** Bytes that one byte can stand for: 258 in two bits. */
const mostDeflated = 1032

export interface ZipReader {
  /** In the order of the directory; folders are left out. */
  readonly names: readonly string[]
  has(name: string): boolean
  /**
   * @throws GrusError CORRUPT_FILE for a name that is not there, a wrong checksum or size, or more than `most` bytes
   */
  read(name: string, most?: number): Promise<Buffer>
  /**
   * An entry in pieces, for those that need not be in memory whole. The checksum is known after the last one.
   *
   * @param most - of its bytes; default: 2 GiB if it is compressed, any number if it is stored
   * @throws GrusError CORRUPT_FILE as read does, while the pieces come
   */
  stream(name: string, most?: number): { size: number; chunks: AsyncIterable<Uint8Array> }
  close(): void
}

/**
 * Opens an archive for reading; only its directory is read.
 *
 * @param bytes - the file's, where they are in memory already; then path is only its name
 * @throws GrusError INVALID_ARGUMENT if the file cannot be read; CORRUPT_FILE if it is no zip archive, or has an entry twice, encrypted, or by another
 *   method than stored and deflate
 */
export async function openZip(where: string, path: string, bytes?: Buffer): Promise<ZipReader> {
  checkPath(where, path)
  const corrupt = (text: string, cause?: unknown) => new GrusError('CORRUPT_FILE', `[${where}] ${path}: ${text}`, { cause })
  const opened = await open(bytes ?? (await ZipSource.open(where, path))).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === undefined ? corrupt(`zip archive: ${cause.message}`, cause) : cannot(where, 'read', path, cause)
  })
  let entries: Map<string, yauzl.Entry>
  try {
    entries = await directory(opened, corrupt)
  } catch (error) {
    opened.close()
    throw error
  }
  const find = (name: string, most: number): yauzl.Entry => {
    const entry = entries.get(name)
    if (!entry) throw corrupt(`zip archive: '${name}' is not in it`)
    if (entry.uncompressedSize > most) {
      throw corrupt(`zip archive: '${name}' holds ${entry.uncompressedSize} bytes, ${most} is the most`)
    }
    return entry
  }
  async function* chunks(entry: yauzl.Entry): AsyncGenerator<Buffer> {
    try {
      yield* contents(opened, entry)
    } catch (cause) {
      throw corrupt(`zip archive: '${entry.fileName}': ${(cause as Error).message}`, cause)
    }
  }
  return {
    names: [...entries.keys()],
    has: (name) => entries.has(name),
    read: async (name, most = mostInflated) => joined(chunks(find(name, most))),
    stream: (name, most) => {
      const entry = find(name, most ?? (entries.get(name)?.compressionMethod === 0 ? Number.POSITIVE_INFINITY : mostInflated))
      return { size: entry.uncompressedSize, chunks: chunks(entry) }
    },
    close: () => opened.close(),
  }
}

function open(source: ZipSource | Buffer): Promise<yauzl.ZipFile> {
  // strictFileNames: a backslash is no separator, and no name leaves the archive
  const options = { lazyEntries: true, autoClose: false, strictFileNames: true }
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, opened: yauzl.ZipFile) => {
      if (!error) return resolve(opened)
      if (source instanceof ZipSource) source.close(() => reject(error))
      else reject(error)
    }
    if (source instanceof ZipSource) yauzl.fromRandomAccessReader(source, source.size, options, done)
    else yauzl.fromBuffer(source, options, done)
  })
}

function directory(file: yauzl.ZipFile, corrupt: (text: string, cause?: unknown) => Error): Promise<Map<string, yauzl.Entry>> {
  const entries = new Map<string, yauzl.Entry>()
  return new Promise((resolve, reject) => {
    const refuse = (entry: yauzl.Entry): string | undefined => {
      if (entries.has(entry.fileName)) return `'${entry.fileName}' comes twice`
      if (entry.isEncrypted()) return `'${entry.fileName}' is encrypted`
      if (entry.compressionMethod === 0) {
        if (entry.compressedSize !== entry.uncompressedSize) return `'${entry.fileName}' is stored with two sizes`
      } else if (entry.compressionMethod !== 8) {
        return `'${entry.fileName}' is compressed by method ${entry.compressionMethod}, stored (0) and deflate (8) can be read`
      } else if (entry.uncompressedSize > mostDeflated * entry.compressedSize) {
        return `'${entry.fileName}' claims ${entry.uncompressedSize} bytes, more than ${entry.compressedSize} can stand for`
      }
      return undefined
    }
    file.on('entry', (entry: yauzl.Entry) => {
      const reason = refuse(entry)
      if (reason !== undefined) return reject(corrupt(`zip archive: ${reason}`))
      if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry)
      file.readEntry()
    })
    file.on('end', () => resolve(entries))
    file.on('error', (cause: Error) => reject(corrupt(`zip archive: ${cause.message}`, cause)))
    file.readEntry()
  })
}

async function* contents(file: yauzl.ZipFile, entry: yauzl.Entry): AsyncGenerator<Buffer> {
  const stream = await new Promise<Readable>((resolve, reject) => {
    file.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened)))
  })
  let sum = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (sum !== entry.crc32) throw new Error('its checksum is wrong')
}

/** In memory of its own, from its start: typed arrays can be laid over it. */
async function joined(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const chunk of chunks) parts.push(chunk)
  const whole = Buffer.from(new ArrayBuffer(parts.reduce((n, { length }) => n + length, 0)))
  let at = 0
  for (const part of parts) at += part.copy(whole, at)
  return whole
}

export interface ZipEntry {
  name: string
  /** The bytes, or pieces of them. */
  data: Uint8Array | readonly Uint8Array[]
  /** Deflate it. Default false. */
  compress?: boolean
}

/**
 * Writes an archive, whole or not at all. The same entries give the same bytes.
 *
 * @throws GrusError INVALID_ARGUMENT if it cannot be written
 */
export async function writeZip(where: string, path: string, entries: readonly ZipEntry[]): Promise<void> {
  checkPath(where, path)
  const zip = new yazl.ZipFile()
  const options = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true }
  try {
    for (const { name, data, compress = false } of entries) {
      if (data instanceof Uint8Array) {
        zip.addBuffer(Buffer.from(data.buffer, data.byteOffset, data.byteLength), name, { ...options, compress })
      } else {
        const size = data.reduce((n, { length }) => n + length, 0)
        zip.addReadStreamLazy(name, { ...options, compress, size }, (give) => give(null, Readable.from(pieces(data))))
      }
    }
    zip.end()
    await replaceFile(path, zip.outputStream as unknown as AsyncIterable<Uint8Array>)
  } catch (cause) {
    throw cannot(where, 'write', path, cause)
  }
}

/** As Buffers of a size that a stream may hold. */
function* pieces(data: readonly Uint8Array[]): Generator<Buffer> {
  for (const { buffer, byteOffset, byteLength } of data) {
    for (let at = 0; at < byteLength; at += 2 ** 20) {
      yield Buffer.from(buffer, byteOffset + at, Math.min(2 ** 20, byteLength - at))
    }
  }
}
