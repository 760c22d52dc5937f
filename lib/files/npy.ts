// numpy's file of one array.
import { GrusError } from '../errors.js'
import { type Tensor, type TensorLike, toTensor } from '../tensor.js'
import { decodeNpy } from './npy-decode.js'
import { npyPrefix } from './npy-header.js'
import { chunksOf, openFile } from './open-file.js'
import { cannot, checkPath } from './paths.js'
import { replaceFile } from './replace-file.js'

/**
 * Reads an array that `numpy.save` wrote, in any byte order: floats (f2, f4, f8) become float32, rounded; integers of 8 to 64 bits and booleans become
 * int32. An array in Fortran's order is transposed, so that data is row-major always.
 *
 * @throws GrusError INVALID_ARGUMENT if the file cannot be read; CORRUPT_FILE if it is damaged; UNSUPPORTED for pickled objects, structured and other
 *   dtypes, and for a number, named by its indices, that int32 or float32 cannot hold
 */
export async function readNpy(path: string): Promise<Tensor> {
  const where = 'readNpy'
  const { file, size } = await openFile(where, path)
  try {
    return await decodeNpy(where, path, size, chunksOf(file, 0, size))
  } catch (cause) {
    throw cause instanceof GrusError ? cause : cannot(where, 'read', path, cause)
  } finally {
    await file.close()
  }
}

/**
 * Writes an array as `numpy.save` would, byte for byte: float32 as `<f4`, int32 as `<i4`. An old file stays until the new one is whole.
 *
 * @throws GrusError INVALID_ARGUMENT if it cannot be written or `value` is no tensor, SHAPE_MISMATCH if its shape does not fit its data
 */
export async function writeNpy(path: string, value: TensorLike): Promise<void> {
  const where = 'writeNpy'
  checkPath(where, path)
  const parts = npyParts(where, 'tensor', value)
  try {
    await replaceFile(path, parts)
  } catch (cause) {
    throw cannot(where, 'write', path, cause)
  }
}

/** A .npy file in two pieces. */
export function npyParts(where: string, name: string, value: TensorLike): [Uint8Array, Uint8Array] {
  const { data, shape } = toTensor(where, name, value)
  if (shape.length > 64) throw new GrusError('INVALID_ARGUMENT', `[${where}] ${name} has ${shape.length} axes, numpy takes at most 64`)
  return [npyPrefix(shape, data instanceof Int32Array ? '<i4' : '<f4'), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]
}
