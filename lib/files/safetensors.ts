// The safetensors format: u64 header length, a JSON header, the tensors' bytes without holes. Little-endian, as every machine that Node runs on here.
import { type FileHandle, open } from 'node:fs/promises'
import { GrusError } from '../errors.js'
import { sizeOf, type Tensor } from '../tensor.js'
import { cannot, checkPath } from './paths.js'
import { replaceFile } from './replace-file.js'
import { type HeaderEntry, parseHeader } from './safetensors-header.js'

export interface TensorFile {
  tensors: Map<string, Tensor>
  metadata: Record<string, string>
}

/** The format's own limit. */
const maxHeader = 100_000_000

/**
 * Reads a whole file of float32 and int32 tensors. Memory is bounded by the file's size, whatever its header claims.
 *
 * @throws GrusError INVALID_ARGUMENT if the file cannot be read, CORRUPT_FILE naming what is wrong in it
 */
export async function readSafetensors(path: string, where = 'readSafetensors'): Promise<TensorFile> {
  checkPath(where, path)
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    throw cannot(where, 'read', path, cause)
  }
  try {
    return await readFrom(file, path, where)
  } catch (cause) {
    throw cause instanceof GrusError ? cause : cannot(where, 'read', path, cause)
  } finally {
    await file.close()
  }
}

async function readFrom(file: FileHandle, path: string, where: string): Promise<TensorFile> {
  const corrupt = (text: string, cause?: unknown) => new GrusError('CORRUPT_FILE', `[${where}] ${path}: ${text}`, { cause })
  const { size } = await file.stat()
  if (size < 10) throw corrupt(`header length: the file has ${size} bytes, a safetensors file has 10 or more`)
  const claimed = (await read(file, 0, 8)).readBigUInt64LE()
  const length = Number(claimed)
  if (length < 2 || length > maxHeader || length > size - 8) {
    throw corrupt(`header length must be from 2 to ${Math.min(maxHeader, size - 8)} in a file of ${size} bytes, got ${claimed}`)
  }
  const dataSize = size - 8 - length
  const { entries, metadata } = parseHeader(await read(file, 8, length), dataSize, corrupt)
  const tensors = new Map<string, Tensor>()
  for (const [name, entry] of entries) tensors.set(name, await readTensor(file, 8 + length, entry))
  return { tensors, metadata }
}

async function readTensor(file: FileHandle, start: number, { dtype, shape, begin, end }: HeaderEntry): Promise<Tensor> {
  const bytes = await read(file, start + begin, end - begin)
  const data = new (dtype === 'I32' ? Int32Array : Float32Array)(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4)
  return { data, shape }
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.from(new ArrayBuffer(length))
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(buffer, done, Math.min(length - done, 2 ** 30), position + done)
    if (bytesRead === 0) throw new Error('the file became shorter while it was read')
    done += bytesRead
  }
  return buffer
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
  const names = [...tensors.keys()].sort()
  const header: Record<string, unknown> = Object.create(null)
  header.__metadata__ = metadata
  let offset = 0
  for (const name of names) {
    const { data, shape } = tensors.get(name)!
    if (name === '__metadata__' || sizeOf(shape) !== data.length) {
      throw new GrusError('INVALID_ARGUMENT', `[${where}] '${name}' is no tensor that can be written`)
    }
    header[name] = { dtype: data instanceof Int32Array ? 'I32' : 'F32', shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
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
