// From a cell of a file to the type that a column was declared with.
import type { ColumnType, DataValue } from './types.js'

const missingText = new Set(['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL', 'None'])
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** A cell of text as the value it stands for; what stands for none stays text. */
export function fromText(text: string, type: ColumnType): DataValue {
  if (type === 'string') return text
  const given = text.trim()
  if (missingText.has(given)) return null
  switch (type) {
    case 'boolean':
      if (/^(true|1)$/i.test(given)) return true
      return /^(false|0)$/i.test(given) ? false : text
    case 'number':
    case 'integer':
      return decimal.test(given) ? Number(given) : text
    default:
      try {
        return given.startsWith('[') ? (JSON.parse(given) as DataValue) : text
      } catch {
        return text
      }
  }
}

const expected: Record<ColumnType, string> = {
  number: 'a number',
  integer: 'an integer',
  boolean: 'true or false',
  string: 'text',
  'number[]': 'a list of numbers',
  'integer[]': 'a list of integers',
}

export class Unfit extends Error {}

/**
 * The value as the type has it: dates become milliseconds since 1970 where numbers are wanted.
 *
 * @param missing - what a missing number is
 * @param text - the cell came as text
 * @throws Unfit with `expected ..., got ...` for any other value
 */
export function asType(given: DataValue, type: ColumnType, missing: 'refuse' | 'nan', text: boolean): DataValue {
  const value = text && typeof given === 'string' ? fromText(given, type) : given
  if (value === null) {
    if (type === 'number' && missing === 'nan') return Number.NaN
    const hint = type === 'number' ? "; missing: 'nan' makes it NaN" : ''
    throw new Unfit(`expected ${expected[type]}, got ${text ? `'${given}', which is a missing value` : 'a missing value'}${hint}`)
  }
  const fit = fitting(value, type, text)
  if (fit === undefined) throw new Unfit(`expected ${expected[type]}, got ${show(given)}`)
  return fit
}

function fitting(value: DataValue, type: ColumnType, text: boolean): DataValue | undefined {
  switch (type) {
    case 'number': {
      const number = value instanceof Date ? value.getTime() : value
      // digits that no number can hold, such as 1e999
      return typeof number === 'number' && !(text && !Number.isFinite(number)) ? number : undefined
    }
    case 'integer': {
      const number = value instanceof Date ? value.getTime() : value
      return Number.isSafeInteger(number) ? number : undefined
    }
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'string':
      return typeof value === 'string' ? value : undefined
    case 'number[]':
      return Array.isArray(value) && value.every((item) => typeof item === 'number') ? value : undefined
    case 'integer[]':
      return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item)) ? value : undefined
  }
}

function show(value: DataValue): string {
  if (value instanceof Date) return 'a date'
  if (value instanceof Uint8Array) return 'bytes'
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  const text = JSON.stringify(value)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
