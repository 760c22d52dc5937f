import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import yauzl from 'yauzl'
import { chunksOf, fill, openFile } from './open-file.js'

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

  /** @throws GrusError as openFile does */
  static async open(where: string, path: string): Promise<ZipSource> {
    const { file, size } = await openFile(where, path)
    return new ZipSource(file, size)
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
    this.#check(start, end)
    yield* chunksOf(this.#file, start, end)
  }

  async #fill(bytes: Buffer, position: number): Promise<void> {
    this.#check(position, position + bytes.length)
    await fill(this.#file, bytes, position)
  }

  #check(start: number, end: number): void {
    if (!(start >= 0 && end <= this.size)) throw new Error(`it refers to byte ${start} of ${this.size}`)
  }
}
