// Configurations as text.
import { beyondBounds } from '../../files/json-bounds.js'
import type { Reading } from './fields.js'

/** Bytes of a text. */
export const mostText: number = 2 ** 26

/** A configuration is nested some 15 deep and has some 50 values a layer. */
const bounds = { depth: 64, values: 1_000_000 }

/** @throws CORRUPT_FILE for what is no JSON, nested deeply, or has a key twice */
export function parseJson(errors: Reading['errors'], what: string, bytes: Uint8Array | string): unknown {
  try {
    const text = typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const beyond = beyondBounds(text, bounds)
    if (beyond !== undefined) throw new Error(beyond)
    return JSON.parse(text)
  } catch (cause) {
    throw errors.corrupt(`${what}: ${(cause as Error).message}`, cause)
  }
}
