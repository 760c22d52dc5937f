// Elements of tensors as files hold them, little-endian, as the float32 and int32 that grus computes with.
import type { Tensor } from '../tensor.js'
import { beyondFloat32, bfloat16ToFloat32, float16ToFloat32, int64ToInt32 } from './numbers.js'

/** The types that can be read, by their names in safetensors. */
export type ReadableType = 'F32' | 'F64' | 'F16' | 'BF16' | 'I32' | 'I64'

const sizes: Record<ReadableType, number> = { F32: 4, F64: 8, F16: 2, BF16: 2, I32: 4, I64: 8 }

export function isReadable(type: string): type is ReadableType {
  return Object.hasOwn(sizes, type)
}

export function elementSize(type: ReadableType): number {
  return sizes[type]
}

/** An array of what elements of this type become. */
export function roomFor(type: ReadableType, count: number): Tensor['data'] {
  return type === 'I32' || type === 'I64' ? new Int32Array(count) : new Float32Array(count)
}

/**
 * Converts whole elements into `room`, from index `at` on. Exact, but for F64, which is rounded.
 *
 * @returns what does not fit, or undefined
 */
export function convertInto(room: Tensor['data'], at: number, type: ReadableType, bytes: Uint8Array): string | undefined {
  // typed arrays want their own alignment
  const aligned = bytes.byteOffset % sizes[type] === 0 ? bytes : bytes.slice()
  const { buffer, byteOffset } = aligned
  const count = bytes.length / sizes[type]
  switch (type) {
    case 'F32':
      room.set(new Float32Array(buffer, byteOffset, count), at)
      return undefined
    case 'I32':
      room.set(new Int32Array(buffer, byteOffset, count), at)
      return undefined
    case 'F16':
      room.set(float16ToFloat32(new Uint16Array(buffer, byteOffset, count)), at)
      return undefined
    case 'BF16':
      room.set(bfloat16ToFloat32(new Uint16Array(buffer, byteOffset, count)), at)
      return undefined
    case 'F64': {
      const doubles = new Float64Array(buffer, byteOffset, count)
      room.set(doubles, at)
      const lost = beyondFloat32(doubles)
      return lost < 0 ? undefined : `${doubles[lost]} is beyond what float32 holds`
    }
    case 'I64': {
      const integers = int64ToInt32(new BigInt64Array(buffer, byteOffset, count))
      if (!integers) return 'an integer beyond 32 bits, which int32 does not hold'
      room.set(integers, at)
      return undefined
    }
  }
}
