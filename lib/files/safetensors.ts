// The safetensors format: u64 header length, a JSON header, the tensors' bytes without holes. Little-endian, as every machine that Node runs on here.
import type { FileHandle } from 'node:fs/promises'
import { GrusError } from '../errors.js'
import { sizeOf, type Tensor } from '../tensor.js'
import { convertInto, elementSize, isReadable, roomFor } from './elements.js'
import { fill, openFile, readAt } from './open-file.js'
import { cannot, checkPath } from './paths.js'
import { replaceFile } from './replace-file.js'
import { type Header, type HeaderEntry, parseHeader, type SafetensorsType } from './safetensors-header.js'

export interface TensorFile {
  tensors: Map<string, Tensor>
  metadata: Record<string, string>
}

/** An open file, of which only the header has been read. */
export interface SafetensorsReader {
  /** Types, shapes and places by name, in the header's order. */
  readonly entries: ReadonlyMap<string, HeaderEntry>
  readonly metadata: Readonly<Record<string, string>>
  /**
   * Reads one tensor: F32, F16, BF16 and F64 (rounded) as float32, I32 and I64 as int32.
   *
   * @throws GrusError UNSUPPORTED for another type, or a value that float32 or int32 cannot hold
   */
  read(name: string): Promise<Tensor>
  close(): Promise<void>
}

/** The format's own limit. */
const maxHeader = 100_000_000
/** Bytes read at once where they are converted. */
const chunk = 2 ** 22

/**
 * Reads a whole file of float32 and int32 tensors, the types that grus itself writes. Memory is bounded by the file's size, whatever its header claims.
 *
 * @throws GrusError INVALID_ARGUMENT if the file cannot be read, CORRUPT_FILE naming what is wrong in it
 */
export async function readSafetensors(path: string, where = 'readSafetensors'): Promise<TensorFile> {
  const file = await openSafetensors(where, path, ['F32', 'I32'])
  try {
    const tensors = new Map<string, Tensor>()
    for (const name of file.entries.keys()) tensors.set(name, await file.read(name))
    return { tensors, metadata: file.metadata }
  } finally {
    await file.close()
  }
}

/**
 * Opens a file for reading one tensor after the other.
 *
 * @param types - those that may be in it. Default: all that the format knows, whether they can be read or not
 * @throws GrusError INVALID_ARGUMENT if the file cannot be read, CORRUPT_FILE naming what is wrong in its header
 */
export async function openSafetensors(where: string, path: string, types?: readonly SafetensorsType[]): Promise<SafetensorsReader> {
  const { file, size } = await openFile(where, path)
  const failed = (cause: unknown) => (cause instanceof GrusError ? cause : cannot(where, 'read', path, cause))
  try {
    return await readerOf(file, size, where, path, types, failed)
  } catch (cause) {
    await file.close()
    throw failed(cause)
  }
}

async function readerOf(
  file: FileHandle,
  size: number,
  where: string,
  path: string,
  types: readonly SafetensorsType[] | undefined,
  failed: (cause: unknown) => GrusError,
): Promise<SafetensorsReader> {
  const { header, start } = await readHeader(file, size, where, path, types)
  return {
    entries: header.entries,
    metadata: header.metadata,
    read: async (name) => {
      const entry = header.entries.get(name)
      if (!entry) throw new GrusError('INVALID_ARGUMENT', `[${where}] ${path}: there is no tensor '${name}' in it`)
      const unsupported = (text: string) => new GrusError('UNSUPPORTED', `[${where}] ${path}: tensor '${name}' ${text}`)
      try {
        return await readTensor(file, start, entry, unsupported)
      } catch (cause) {
        throw failed(cause)
      }
    },
    close: () => file.close(),
  }
}

async function readHeader(
  file: FileHandle,
  size: number,
  where: string,
  path: string,
  types: readonly SafetensorsType[] | undefined,
): Promise<{ header: Header; start: number }> {
  const corrupt = (text: string, cause?: unknown) => new GrusError('CORRUPT_FILE', `[${where}] ${path}: ${text}`, { cause })
  if (size < 10) throw corrupt(`header length: the file has ${size} bytes, a safetensors file has 10 or more`)
  const claimed = (await readAt(file, 0, 8)).readBigUInt64LE()
  const length = Number(claimed)
  if (length < 2 || length > maxHeader || length > size - 8) {
    throw corrupt(`header length must be from 2 to ${Math.min(maxHeader, size - 8)} in a file of ${size} bytes, got ${claimed}`)
  }
  const start = 8 + length
  return { header: parseHeader(await readAt(file, 8, length), size - start, corrupt, types), start }
}

async function readTensor(
  file: FileHandle,
  start: number,
  { dtype, shape, begin, end }: HeaderEntry,
  unsupported: (text: string) => GrusError,
): Promise<Tensor> {
  if (!isReadable(dtype)) throw unsupported(`is ${dtype}; F32, F16, BF16, F64, I32 and I64 can be read`)
  const size = elementSize(dtype)
  const data = roomFor(dtype, (end - begin) / size)
  if (dtype === 'F32' || dtype === 'I32') {
    await fill(file, new Uint8Array(data.buffer), start + begin)
    return { data, shape }
  }
  const scratch = new Uint8Array(Math.min(chunk, end - begin))
  for (let at = begin; at < end; at += chunk) {
    const part = scratch.subarray(0, Math.min(chunk, end - at))
    await fill(file, part, start + at)
    const problem = convertInto(data, (at - begin) / size, dtype, part)
    if (problem !== undefined) throw unsupported(`(${dtype}) holds ${problem}`)
  }
  return { data, shape }
}

/**
 * Writes tensors and metadata: into a file beside the target first, which is synced and renamed, so that a failure leaves an old file as it was.
 *
 * @throws GrusError INVALID_ARGUMENT if it cannot be written
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
  where = 'writeSafetensors',
): Promise<void> {
  checkPath(where, path)
  // as the reference implementation: by alignment, which is 4 for all of ours, then by the names' bytes
  const names = [...tensors.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const header: Record<string, unknown> = Object.create(null)
  header.__metadata__ = metadata
  let offset = 0
  for (const name of names) {
    const { data, shape } = tensors.get(name)!
    if (name === '__metadata__' || !isText(name) || sizeOf(shape) !== data.length) {
      throw new GrusError('INVALID_ARGUMENT', `[${where}] '${name}' is no tensor that can be written`)
    }
    header[name] = { dtype: data instanceof Int32Array ? 'I32' : 'F32', shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  const bad = Object.entries(metadata).find(([key, value]) => !isText(key) || !isText(value))
  if (bad) throw new GrusError('INVALID_ARGUMENT', `[${where}] the metadata '${bad[0]}' is no text that UTF-8 can hold`)
  const json = Buffer.from(JSON.stringify(header))
  const text = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ')
  json.copy(text)
  if (text.length > maxHeader) throw new GrusError('INVALID_ARGUMENT', `[${where}] the metadata is larger than ${maxHeader} bytes`)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const parts = names.map((name) => tensors.get(name)!.data)
  try {
    await replaceFile(path, [length, text, ...parts.map((data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))])
  } catch (cause) {
    throw cannot(where, 'write', path, cause)
  }
}

/** Half a surrogate pair is no UTF-8, and readers of the format refuse it. */
function isText(value: unknown): boolean {
  return typeof value === 'string' && !/\p{Surrogate}/u.test(value)
}
