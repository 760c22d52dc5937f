// HDF5 files as Keras writes them. The format is read by HDF5's own library in WebAssembly (h5wasm, an optional dependency), in a thread of its own: a
// damaged file may trap it, send it in circles or ask for memory, and a thread can be ended. It sees the file's bytes alone, no file system.
import { Worker } from 'node:worker_threads'
import { GrusError } from '../errors.js'
import type { FloatTensor } from '../tensor.js'
import { type Hdf5Reply, type Hdf5Request, type RawContents, type RawDataset, serveHdf5 } from './hdf5-worker.js'
import { beyondFloat32, bfloat16ToFloat32, float16ToFloat32 } from './numbers.js'

export interface Hdf5Dataset {
  shape: number[]
  /** Floats of any width as float32; undefined for what is no float, and for numbers beyond float32. */
  data: Float32Array | undefined
  /** In words: `float16`; where there is no data, why. */
  dtype: string
}

export interface Hdf5Contents {
  /** By path: `layers/gru/cell/vars/0`. */
  datasets: Map<string, Hdf5Dataset>
  /** Those asked for, by their group's or dataset's path; the file's own are under ''. */
  attributes: Map<string, Readonly<Record<string, string | string[]>>>
}

/** Seconds for any file, and more for every megabyte: a file that takes longer goes in circles. */
const [baseSeconds, secondsPerMegabyte] = [30, 1]

/** The library's own needs, and a file's bytes a few times over. */
const memoryFor = (bytes: number) => 2 ** 28 + 4 * bytes

/** Reads and writes files one after the other: a call comes after the one before it has settled. */
export class Hdf5 {
  readonly #where: string
  readonly #seconds: number
  readonly #library: string
  #worker: Worker | undefined

  /**
   * @param seconds - the limit of one file, for tests
   * @param library - its package, for tests
   */
  constructor(where: string, seconds: number = baseSeconds, library = 'h5wasm') {
    this.#where = where
    this.#library = library
    this.#seconds = seconds
  }

  /**
   * Reads a whole file.
   *
   * @param bytes - taken over: where they fill their buffer, they are moved to the thread and gone here
   * @param skip - groups at the top that are left out
   * @param attributes - names of those that are read, where they are text. None that nobody needs: a damaged text can hold the library up until the time is over
   * @throws GrusError CORRUPT_FILE; UNSUPPORTED for links, compressed datasets and a missing h5wasm
   */
  async read(path: string, bytes: Uint8Array, skip: readonly string[] = [], attributes: readonly string[] = []): Promise<Hdf5Contents> {
    const { length } = bytes
    const whole = bytes.byteLength === bytes.buffer.byteLength ? [bytes.buffer as ArrayBuffer] : []
    const reply = await this.#ask({ read: bytes, skip, attributes, memory: memoryFor(length) }, whole, length)
    if ('contents' in reply) return contentsOf(reply.contents)
    if ('unsupported' in reply) throw new GrusError('UNSUPPORTED', `[${this.#where}] ${path}: HDF5: ${reply.unsupported}`)
    throw new GrusError('CORRUPT_FILE', `[${this.#where}] ${path}: HDF5: ${'damaged' in reply ? reply.damaged : textOf(reply)}`)
  }

  /** Makes a file of float32 datasets, with the groups that their paths name. */
  async write(datasets: ReadonlyMap<string, FloatTensor>): Promise<Uint8Array> {
    const parts = [...datasets].map(([path, { data, shape }]) => ({ path, shape, data }))
    const bytes = parts.reduce((sum, { data }) => sum + data.byteLength, 0)
    const reply = await this.#ask({ write: parts, memory: memoryFor(bytes) }, [], bytes)
    if ('file' in reply) return reply.file
    throw new GrusError('OUT_OF_MEMORY', `[${this.#where}] HDF5 could not write ${bytes} bytes of weights: ${textOf(reply)}`)
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  async #ask(request: Hdf5Request, transfer: ArrayBuffer[], bytes: number): Promise<Hdf5Reply> {
    this.#worker ??= startWorker(this.#where, this.#library)
    const worker = this.#worker
    const limit = 1000 * (this.#seconds + (secondsPerMegabyte * bytes) / 2 ** 20)
    const reply = await new Promise<Hdf5Reply>((resolve, reject) => {
      const done = (settle: () => void) => {
        clearTimeout(timer)
        worker.removeAllListeners('message').removeAllListeners('error').removeAllListeners('exit')
        settle()
      }
      const failed = (text: string) => done(() => resolve({ failed: text }))
      const timer = setTimeout(() => failed('reading it does not come to an end'), Math.min(limit, 2 ** 31 - 1))
      worker.once('message', (answer: Hdf5Reply) => done(() => resolve(answer)))
      worker.once('error', (cause) => {
        const missing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
        if (missing) done(() => reject(missingLibrary(this.#where, cause)))
        else failed(cause.message)
      })
      worker.once('exit', () => failed('the library gave up on it'))
      worker.postMessage(request, transfer)
    })
    // whatever state it is in, the next file gets a new one
    if ('failed' in reply) await this.close()
    return reply
  }
}

function textOf(reply: Hdf5Reply): string {
  return Object.values(reply).join()
}

function startWorker(where: string, library: string): Worker {
  // the browser's build of h5wasm: it keeps files in memory, while the one for Node would open any file that an HDF5 file names
  const code = `console.log = console.warn = console.error = () => undefined // it reports what goes wrong inside
const { parentPort } = require('node:worker_threads')
const serve = ${serveHdf5.toString()}
import(${JSON.stringify(libraryUrl(where, library))}).then((library) => serve(library, parentPort)).catch((error) => { setImmediate(() => { throw error }) })`
  const worker = new Worker(code, { eval: true, stdout: true, stderr: true })
  worker.setMaxListeners(0)
  return worker
}

function libraryUrl(where: string, library: string): string {
  try {
    return import.meta.resolve(library)
  } catch (cause) {
    throw missingLibrary(where, cause)
  }
}

function missingLibrary(where: string, cause: unknown): GrusError {
  return new GrusError('UNSUPPORTED', `[${where}] HDF5 files need the package h5wasm: npm install h5wasm`, { cause })
}

function contentsOf({ datasets, attributes }: RawContents): Hdf5Contents {
  return {
    datasets: new Map(datasets.map((dataset) => [dataset.path, floatsOf(dataset)])),
    attributes: new Map(attributes.map(({ path, values }) => [path.replace(/^\//, ''), values])),
  }
}

function floatsOf({ shape, kind, size, bytes }: RawDataset): Hdf5Dataset {
  const { buffer, byteOffset, byteLength } = bytes
  const words = () => new Uint16Array(buffer, byteOffset, byteLength / 2)
  if (kind === 'float' && size === 4) return { shape, dtype: 'float32', data: new Float32Array(buffer, byteOffset, byteLength / 4) }
  if (kind === 'float' && size === 8) {
    const doubles = new Float64Array(buffer, byteOffset, byteLength / 8)
    const lost = beyondFloat32(doubles)
    if (lost >= 0) return { shape, dtype: `float64, of which ${doubles[lost]} is beyond float32`, data: undefined }
    return { shape, dtype: 'float64', data: Float32Array.from(doubles) }
  }
  if (kind === 'float' && size === 2) return { shape, dtype: 'float16', data: float16ToFloat32(words()) }
  // h5py has no bfloat16: Keras stores two opaque bytes
  if (kind === 'opaque' && size === 2) return { shape, dtype: 'bfloat16', data: bfloat16ToFloat32(words()) }
  return { shape, dtype: `${8 * size} bits of kind '${kind}'`, data: undefined }
}
