// Zip archives as .keras, .npz and torch.save have them: by yauzl and yazl, with the checks that hostile files call for.
import { crc32 } from 'node:zlib'
import yauzl from 'yauzl'
import yazl from 'yazl'
import { GrusError } from '../errors.js'
import { cannot, checkPath } from './paths.js'
import { replaceFile } from './replace-file.js'

/** What one deflated entry may become: a few bytes can stand for gigabytes. Stored ones are bounded by the file. */
const mostInflated = 2 ** 31

export interface ZipReader {
  /** In the order of the directory; folders are left out. */
  readonly names: readonly string[]
  has(name: string): boolean
  /**
   * @throws GrusError CORRUPT_FILE for a name that is not there, a wrong checksum or size, or more than `most` bytes
   */
  read(name: string, most?: number): Promise<Buffer>
  close(): void
}

/**
 * Opens an archive for reading; only its directory is read.
 *
 * @throws GrusError INVALID_ARGUMENT if the file cannot be read; CORRUPT_FILE if it is no zip archive, or has an entry twice, encrypted, or by another
 *   method than stored and deflate
 */
export async function openZip(where: string, path: string): Promise<ZipReader> {
  checkPath(where, path)
  const corrupt = (text: string, cause?: unknown) => new GrusError('CORRUPT_FILE', `[${where}] ${path}: ${text}`, { cause })
  const opened = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === undefined ? corrupt(`zip archive: ${cause.message}`, cause) : cannot(where, 'read', path, cause)
  })
  let entries: Map<string, yauzl.Entry>
  try {
    entries = await directory(opened, corrupt)
  } catch (error) {
    opened.close()
    throw error
  }
  return {
    names: [...entries.keys()],
    has: (name) => entries.has(name),
    read: async (name, most = mostInflated) => {
      const entry = entries.get(name)
      if (!entry) throw corrupt(`zip archive: '${name}' is not in it`)
      if (entry.uncompressedSize > most) {
        throw corrupt(`zip archive: '${name}' holds ${entry.uncompressedSize} bytes, ${most} is the most`)
      }
      try {
        return await contents(opened, entry)
      } catch (cause) {
        throw corrupt(`zip archive: '${name}': ${(cause as Error).message}`, cause)
      }
    },
    close: () => opened.close(),
  }
}

function open(path: string): Promise<yauzl.ZipFile> {
  return new Promise((resolve, reject) => {
    // strictFileNames: a backslash is no separator, and no name leaves the archive
    yauzl.open(path, { lazyEntries: true, autoClose: false, strictFileNames: true }, (error, file) =>
      error ? reject(error) : resolve(file),
    )
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

function contents(file: yauzl.ZipFile, entry: yauzl.Entry): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    file.openReadStream(entry, (error, stream) => {
      if (error) return reject(error)
      const chunks: Buffer[] = []
      let sum = 0
      stream.on('error', reject)
      stream.on('data', (chunk: Buffer) => {
        sum = crc32(chunk, sum)
        chunks.push(chunk)
      })
      stream.on('end', () => {
        if (sum !== entry.crc32) return reject(new Error('its checksum is wrong'))
        // memory of its own, at its start: typed arrays can be laid over it
        const size = chunks.reduce((n, { length }) => n + length, 0)
        const whole = Buffer.from(new ArrayBuffer(size))
        let at = 0
        for (const chunk of chunks) at += chunk.copy(whole, at)
        resolve(whole)
      })
    })
  })
}

export interface ZipEntry {
  name: string
  data: Uint8Array
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
  for (const { name, data, compress = false } of entries) {
    zip.addBuffer(Buffer.from(data.buffer, data.byteOffset, data.byteLength), name, { ...options, compress })
  }
  zip.end()
  try {
    await replaceFile(path, zip.outputStream as unknown as AsyncIterable<Uint8Array>)
  } catch (cause) {
    throw cannot(where, 'write', path, cause)
  }
}
