import { type FileHandle, open } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { makeFolders, writing } from '../callbacks/file.js'
import { type SummaryValue, summaryEvent, versionEvent } from './events.js'
import { recordOf } from './record.js'

let filesMade = 0

/**
 * A new event file in a folder, made at the first write. Records are written whole, in the order of the calls, before the promise of each resolves: a
 * TensorBoard that is running sees them, and a process that is killed loses at most the one it was writing.
 */
export class EventFile {
  readonly #where: string
  readonly #folder: string
  /** Seconds since 1970: the time that TensorBoard counts from. */
  readonly #begun = Date.now() / 1000
  #path: string
  #file: FileHandle | undefined
  /** Bytes of whole records. */
  #end = 0
  #queue: Promise<unknown> = Promise.resolve()

  constructor(where: string, folder: string) {
    this.#where = where
    this.#folder = folder
    this.#path = folder
  }

  /** One record with these values; none if there are no values. */
  async write(step: number, values: readonly SummaryValue[]): Promise<void> {
    if (values.length === 0) return
    const record = recordOf(summaryEvent(Date.now() / 1000, step, values))
    await this.#next(async () => this.#append(await this.#open(), record))
  }

  /** Makes the file if it is not there, and what was written last through a power cut. */
  flush(): Promise<void> {
    return this.#next(async () => (await this.#open()).datasync())
  }

  close(): Promise<void> {
    return this.#next(async () => {
      const file = this.#file
      this.#file = undefined
      await file?.close()
    })
  }

  #next(work: () => Promise<void>): Promise<void> {
    const job = this.#queue.then(() => writing(this.#where, this.#path, work))
    this.#queue = job.catch(() => {})
    return job
  }

  async #open(): Promise<FileHandle> {
    if (this.#file) return this.#file
    const host = hostname().replace(/[^\w.-]/g, '_')
    do {
      this.#path = join(this.#folder, `events.out.tfevents.${Math.floor(this.#begun)}.${host}.${process.pid}.${filesMade++}`)
      await makeFolders(this.#where, this.#path)
      // another thread of this process may have taken the name
      this.#file = await open(this.#path, 'wx').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return undefined
        throw error
      })
    } while (!this.#file)
    this.#end = 0
    await this.#append(this.#file, recordOf(versionEvent(this.#begun)))
    return this.#file
  }

  async #append(file: FileHandle, record: Buffer): Promise<void> {
    try {
      for (let done = 0; done < record.length; ) {
        const { bytesWritten } = await file.write(record, done, record.length - done, this.#end + done)
        done += bytesWritten
      }
      this.#end += record.length
    } catch (error) {
      // half a record would hide all that follow
      await file.truncate(this.#end).catch(() => {})
      throw error
    }
  }
}
