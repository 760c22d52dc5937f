// Weights of a TensorFlow.js model: lists of tensors, laid one after the other over files beside model.json.
import { beyondFloat32, float16ToFloat32 } from '../../files/numbers.js'
import { describe, type FloatTensor } from '../../tensor.js'
import type { Reading } from '../keras/fields.js'
import { isObject } from '../keras/fields.js'

/** Reads one of the files beside model.json, of at most this many bytes; undefined if it is not there or larger. */
export type ReadShard = (name: string, most: number) => Promise<Uint8Array | undefined>

interface Stored {
  name: string
  shape: number[]
  count: number
  /** As it lies in the files. */
  dtype: 'float32' | 'float16' | 'uint8' | 'uint16'
  scale: number
  min: number
}

const widths = { float32: 4, float16: 2, uint8: 1, uint16: 2 } as const

/**
 * @returns tensors by name, in the manifest's order
 * @throws GrusError CORRUPT_FILE; UNSUPPORTED for tensors that are no floats
 */
export async function readManifest({ errors, notes }: Reading, value: unknown, shard: ReadShard): Promise<Map<string, FloatTensor>> {
  const { corrupt } = errors
  if (!Array.isArray(value)) throw corrupt(`weightsManifest must be an array, got ${describe(value)}`)
  const tensors = new Map<string, FloatTensor>()
  const quantised = new Set<string>()
  for (const [i, group] of value.entries()) {
    const place = `weightsManifest[${i}]`
    if (!isObject(group) || !Array.isArray(group.paths) || !Array.isArray(group.weights)) {
      throw corrupt(`${place} must have paths and weights, got ${describe(group)}`)
    }
    const stored = group.weights.map((weight: unknown, j) => storedOf(errors, `${place}.weights[${j}]`, weight))
    const size = stored.reduce((sum, { count, dtype }) => sum + count * widths[dtype], 0)
    const bytes = await joined(errors, place, group.paths, size, shard)
    let at = 0
    for (const tensor of stored) {
      if (tensors.has(tensor.name)) throw corrupt(`${place}: the tensor ${describe(tensor.name)} comes twice`)
      const end = at + tensor.count * widths[tensor.dtype]
      tensors.set(tensor.name, { data: floatsOf(errors, bytes.slice(at, end), tensor), shape: tensor.shape })
      if (tensor.dtype !== 'float32') quantised.add(tensor.dtype)
      at = end
    }
  }
  if (quantised.size > 0) notes.push(`weights: quantised as ${[...quantised].join(', ')} -> float32`)
  return tensors
}

function storedOf({ corrupt, unsupported }: Reading['errors'], place: string, value: unknown): Stored {
  if (!isObject(value) || typeof value.name !== 'string') throw corrupt(`${place} must have a name, got ${describe(value)}`)
  const { name, shape, dtype, quantization } = value
  const of = `${place} (${describe(name)})`
  if (!Array.isArray(shape) || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw corrupt(`${of}: shape must be an array of sizes, got ${describe(shape)}`)
  }
  const count = (shape as number[]).reduce((n, m) => n * m, 1)
  if (!(count < 2 ** 31)) throw corrupt(`${of}: the shape has ${count} elements`)
  if (dtype !== 'float32') throw unsupported(`${of}: dtype must be 'float32', got ${describe(dtype)}`)
  if (quantization === undefined || quantization === null) return { name, shape, count, dtype, scale: 1, min: 0 }
  const { dtype: kind, scale = 1, min = 0 } = isObject(quantization) ? quantization : {}
  if (kind !== 'uint8' && kind !== 'uint16' && kind !== 'float16') {
    throw unsupported(`${of}: quantization must be to uint8, uint16 or float16, got ${describe(kind)}`)
  }
  if (!isFinite32(scale) || !isFinite32(min))
    throw corrupt(`${of}: quantization needs a scale and a min, got ${describe(scale)} and ${describe(min)}`)
  return { name, shape, count, dtype: kind, scale, min }
}

function isFinite32(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(Math.fround(value))
}

/** The files of a group as one; they must hold just what the tensors take, and are read only as far as that. */
async function joined(
  { corrupt }: Reading['errors'],
  place: string,
  paths: readonly unknown[],
  size: number,
  shard: ReadShard,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let left = size
  for (const path of paths) {
    if (typeof path !== 'string' || !isInside(path)) throw corrupt(`${place}.paths must be files beside model.json, got ${describe(path)}`)
    const part = await shard(path, left)
    if (!part) throw corrupt(`${place}: '${path}' is missing, or holds more than the ${left} bytes that the tensors still take`)
    parts.push(part)
    left -= part.length
  }
  if (left > 0) throw corrupt(`${place}: the files end ${left} bytes before the tensors`)
  return Buffer.concat(parts)
}

function isInside(path: string): boolean {
  return /^[^\0:\\]+$/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

function floatsOf({ unsupported }: Reading['errors'], bytes: Uint8Array, { name, dtype, scale, min }: Stored): Float32Array {
  const { buffer } = Uint8Array.from(bytes)
  if (dtype === 'float32') return new Float32Array(buffer)
  if (dtype === 'float16') return float16ToFloat32(new Uint16Array(buffer))
  const numbers = Float64Array.from(dtype === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer), (level) => level * scale + min)
  const lost = beyondFloat32(numbers)
  if (lost >= 0) throw unsupported(`the tensor ${describe(name)} holds ${numbers[lost]}, which is beyond float32`)
  return Float32Array.from(numbers)
}
