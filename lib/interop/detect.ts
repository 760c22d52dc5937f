// What a file is, by what lies in it: extensions lie.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GrusError } from '../errors.js'
import { readBeginning } from '../files/open-file.js'
import { cannot, checkPath } from '../files/paths.js'
import { openZip } from '../files/zip.js'

/** hdf5: a whole model of Keras, or weights alone. */
export type FileFormat = 'grus' | 'pytorch' | 'keras' | 'hdf5' | 'onnx' | 'tfjs' | 'npy' | 'npz'

/** Enough for every signature, and for the metadata at the start of a safetensors header. */
const headBytes = 64 * 1024

/**
 * A folder stands for the model.json in it.
 *
 * @throws GrusError INVALID_ARGUMENT if it cannot be read, CORRUPT_FILE if it is none of the formats
 */
export async function detectFormat(where: string, path: string): Promise<{ format: FileFormat; path: string }> {
  checkPath(where, path)
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (cause: unknown) => {
      throw cannot(where, 'read', path, cause)
    },
  )
  const file = isFolder ? join(path, 'model.json') : path
  const format = formatOf(await readBeginning(where, file, headBytes)) ?? (await archiveFormat(where, file))
  return { format, path: file }
}

/** undefined: a zip archive, or nothing that is known by its first bytes. */
function formatOf(bytes: Buffer): FileFormat | undefined {
  const starts = (signature: string) => bytes.subarray(0, signature.length).equals(Buffer.from(signature, 'latin1'))
  if (starts('PK')) return undefined
  if (starts('\x89HDF\r\n\x1a\n')) return 'hdf5'
  if (starts('\x93NUMPY')) return 'npy'
  // a safetensors header: its length in 8 bytes, then JSON
  if (bytes[8] === 0x7b && bytes.readUInt32LE(4) === 0) {
    return /"format"\s*:\s*"grus"/.test(bytes.toString('latin1', 8)) ? 'grus' : 'pytorch'
  }
  // a pickle of protocol 2 or later, which is how torch.save wrote before version 1.6
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5) return 'pytorch'
  if (/^\s*\{/.test(bytes.toString('latin1', 0, 1000))) return 'tfjs'
  // ModelProto begins with ir_version, a small number, as every exporter writes it
  if (bytes[0] === 0x08 && bytes[1]! > 0 && bytes[1]! < 64) return 'onnx'
  return undefined
}

async function archiveFormat(where: string, path: string): Promise<FileFormat> {
  const unknown = 'a model of grus, PyTorch, Keras, ONNX or TensorFlow.js, or an .npy or .npz file'
  const zip = await openZip(where, path).catch((cause: GrusError) => {
    throw new GrusError('CORRUPT_FILE', `[${where}] ${path}: expected ${unknown}; its content is none of them`, { cause })
  })
  zip.close()
  if (zip.has('config.json') && zip.has('metadata.json')) return 'keras'
  if (zip.names.some((name) => name.endsWith('/data.pkl') || name === 'data.pkl')) return 'pytorch'
  if (zip.names.every((name) => name.endsWith('.npy'))) return 'npz'
  const some = zip.names.slice(0, 3).join(', ')
  throw new GrusError('CORRUPT_FILE', `[${where}] ${path}: expected ${unknown}; it is a zip archive of ${some || 'nothing'}`)
}
