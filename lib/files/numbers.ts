// Numbers of other widths as the float32 and int32 that tensors hold.

/** IEEE half precision, exactly. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  const [f32, u32] = scratch()
  return Float32Array.from(bits, (half) => {
    const sign = (half & 0x8000) << 16
    const exponent = (half >> 10) & 31
    const fraction = half & 1023
    if (exponent === 0) return (sign ? -1 : 1) * fraction * 2 ** -24
    u32[0] = exponent === 31 ? sign | 0x7f800000 | (fraction << 13) : sign | ((exponent + 112) << 23) | (fraction << 13)
    return f32[0]!
  })
}

/** The upper half of a float32, exactly. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const result = new Float32Array(bits.length)
  const words = new Uint32Array(result.buffer)
  for (let i = 0; i < bits.length; ++i) words[i] = bits[i]! << 16
  return result
}

/** The index of the first finite number that would become infinite as float32; -1 where there is none. */
export function beyondFloat32(values: Float64Array): number {
  return values.findIndex((value) => Number.isFinite(value) && !Number.isFinite(Math.fround(value)))
}

/** @returns undefined if one of them does not fit */
export function int64ToInt32(values: BigInt64Array): Int32Array | undefined {
  const result = new Int32Array(values.length)
  for (let i = 0; i < values.length; ++i) {
    const value = values[i]!
    if (value < -2147483648n || value > 2147483647n) return undefined
    result[i] = Number(value)
  }
  return result
}

function scratch(): [Float32Array, Uint32Array] {
  const f32 = new Float32Array(1)
  return [f32, new Uint32Array(f32.buffer)]
}
