// The bytes of a .npy file, as they come, to a tensor.
import { GrusError } from '../errors.js'
import { showShape, sizeOf, type Tensor } from '../tensor.js'
import { checkSize, type Fail, type NpyHeader, parseNpyHeader, parsePrefix } from './npy-header.js'
import { NpyValueError, swapBytes } from './npy-types.js'

/** Elements are converted in stretches of this many bytes. */
const stretch = 2 ** 20

/**
 * @param size - bytes of the whole file, which is what memory is bounded by: it must be known, not claimed
 * @param chunks - the file, in pieces of any size
 */
export async function decodeNpy(
  where: string,
  path: string,
  size: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Tensor> {
  const make = (code: 'CORRUPT_FILE' | 'UNSUPPORTED') => (text: string, cause?: unknown) =>
    new GrusError(code, `[${where}] ${path}: ${text}`, { cause })
  const fail: Fail = { corrupt: make('CORRUPT_FILE'), unsupported: make('UNSUPPORTED') }
  const source = new Source(chunks)
  try {
    const first = await source.take(10)
    const major = first[6] ?? 0
    const { begin, length, utf8 } = parsePrefix(major > 1 ? Buffer.concat([first, await source.take(2)]) : first, fail)
    if (begin + length > size) throw fail.corrupt(`a header of ${length} bytes in a file of ${size}`)
    const header = parseNpyHeader(await source.take(length), utf8, fail)
    checkSize(header, size - begin - length, fail)
    const tensor = await elements(where, path, header, source, fail)
    // to the very end: an archive's checksum comes after the last byte
    if ((await source.take(1)).length > 0) throw fail.corrupt('it became longer while it was read')
    return tensor
  } finally {
    await source.close()
  }
}

async function elements(where: string, path: string, header: NpyHeader, source: Source, fail: Fail): Promise<Tensor> {
  const { type, bigEndian, fortran, shape } = header
  const count = shape.includes(0) ? 0 : sizeOf(shape)
  const data = allocate(where, path, header, count)
  const place = fortran && shape.length > 1 ? placer(data, shape) : (values: Tensor['data'], at: number) => data.set(values, at)
  for (let at = 0; at < count; ) {
    const bytes = await source.take(Math.min(stretch, (count - at) * type.size))
    if (bytes.length === 0 || bytes.length % type.size !== 0) throw fail.corrupt('it became shorter while it was read')
    if (bigEndian) swapBytes(bytes, type.size)
    let values: Tensor['data']
    try {
      values = type.decode(bytes.buffer as ArrayBuffer)
    } catch (cause) {
      if (!(cause instanceof NpyValueError)) throw cause
      const element = `element ${showShape(indexOf(at + cause.index, shape, fortran))}: ${cause.message}`
      throw cause.corrupt ? fail.corrupt(element, cause) : fail.unsupported(element, cause)
    }
    place(values, at)
    at += values.length
  }
  return { data, shape }
}

function allocate(where: string, path: string, { type, shape }: NpyHeader, count: number): Tensor['data'] {
  try {
    return new type.Data(count)
  } catch (cause) {
    throw new GrusError('OUT_OF_MEMORY', `[${where}] ${path}: no memory for ${showShape(shape)}`, { cause })
  }
}

/** Puts stretches of an array whose first index runs fastest where they lie with the last one running fastest. */
function placer(data: Tensor['data'], shape: readonly number[]): (values: Tensor['data'], at: number) => void {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))
  const index = shape.map(() => 0)
  let to = 0
  return (values) => {
    for (let i = 0; i < values.length; ++i) {
      data[to] = values[i]!
      for (let axis = 0; axis < shape.length; ++axis) {
        to += strides[axis]!
        if (++index[axis]! < shape[axis]!) break
        to -= strides[axis]! * shape[axis]!
        index[axis] = 0
      }
    }
  }
}

/** The indices of the element that is the nth in the file. */
function indexOf(n: number, shape: readonly number[], fortran: boolean): number[] {
  const axes = fortran ? [...shape.keys()] : [...shape.keys()].reverse()
  const index = shape.map(() => 0)
  let rest = n
  for (const axis of axes) {
    index[axis] = rest % shape[axis]!
    rest = Math.floor(rest / shape[axis]!)
  }
  return index
}

/** Pieces of any size as stretches of the sizes that are asked for. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)

  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#chunks = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  }

  /** A copy in a buffer of its own, shorter only where the file ends. */
  async take(length: number): Promise<Buffer> {
    const bytes = Buffer.from(new ArrayBuffer(length))
    let done = 0
    while (done < length) {
      if (this.#rest.length === 0) {
        const { value, done: over } = await this.#chunks.next()
        if (over) return Buffer.from(bytes.buffer.slice(0, done))
        this.#rest = value as Uint8Array
      }
      const piece = this.#rest.subarray(0, length - done)
      bytes.set(piece, done)
      this.#rest = this.#rest.subarray(piece.length)
      done += piece.length
    }
    return bytes
  }

  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
