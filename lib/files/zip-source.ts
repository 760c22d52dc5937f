import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import yauzl from 'yauzl'

const chunk = 2 ** 18

/**
 * What yauzl reads a file through. Its own reader hands positions to the system as the archive has them, and a damaged one, far beyond the file, throws where
 * nothing can catch it.
 */
export class ZipSource extends yauzl.RandomAccessReader {
  readonly size: number
  readonly #file: FileHandle

  private constructor(file: FileHandle, size: number) {
    super()
    this.#file = file
    this.size = size
  }

  static async open(path: string): Promise<ZipSource> {
    const file = await open(path, 'r')
    try {
      const info = await file.stat()
      if (!info.isFile()) throw Object.assign(new Error('it is no regular file'), { code: 'EINVAL' })
      return new ZipSource(file, info.size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: (error: Error | null) => void): void {
    this.#fill(buffer.subarray(offset, offset + length), position).then(
      () => setImmediate(callback, null),
      (error: Error) => setImmediate(callback, error),
    )
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#chunks(start, end), { objectMode: false })
  }

  override close(callback: (error: Error | null) => void): void {
    this.#file.close().then(() => callback(null), callback)
  }

  async *#chunks(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += chunk) {
      const bytes = Buffer.allocUnsafe(Math.min(chunk, end - at))
      await this.#fill(bytes, at)
      yield bytes
    }
  }

  async #fill(bytes: Buffer, position: number): Promise<void> {
    if (!(position >= 0 && position + bytes.length <= this.size)) throw new Error(`it refers to byte ${position} of ${this.size}`)
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#file.read(bytes, done, bytes.length - done, position + done)
      if (bytesRead === 0) throw new Error('the file became shorter while it was read')
      done += bytesRead
    }
  }
}
