// What packages decode, as the values of rows.
import type { DataValue } from './types.js'

/** A value that no row can hold, such as an integer beyond 2^53. */
export class Unholdable extends Error {}

/** bigints become numbers, typed arrays lists; bytes are copied out of the memory they were decoded in. */
export function plain(value: unknown): DataValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value
    case 'bigint': {
      const number = Number(value)
      if (Number.isSafeInteger(number)) return number
      throw new Unholdable(`the integer ${value} is beyond what a number holds exactly (2^53); write it as text or as a float`)
    }
    case 'undefined':
      return null
    default:
      return plainObject(value as object | null)
  }
}

function plainObject(value: object | null): DataValue {
  if (value === null) return null
  if (value instanceof Date) {
    if (!Number.isNaN(value.getTime())) return value
    throw new Unholdable('a date that JavaScript cannot hold')
  }
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}
