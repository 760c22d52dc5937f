import type { ReadableType } from '../../files/elements.js'

const names: Partial<Record<ReadableType, string>> = {
  F16: 'float16, exactly as float32',
  BF16: 'bfloat16, exactly as float32',
  F64: 'float64, rounded to float32',
  I64: 'int64, as int32',
}

/** A line for each type that was converted. */
export function numberNotes(types: readonly string[]): string[] {
  return Object.entries(names).flatMap(([type, text]) => {
    const count = types.filter((other) => other === type).length
    return count === 0 ? [] : [`numbers: ${count} ${count === 1 ? 'tensor' : 'tensors'} of ${text}`]
  })
}
