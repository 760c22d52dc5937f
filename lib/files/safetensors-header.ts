import { describe } from '../tensor.js'
import { beyondBounds } from './json-bounds.js'

/** Bits of an element of each type that the format knows. */
const bits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const

export type SafetensorsType = keyof typeof bits

export interface HeaderEntry {
  dtype: SafetensorsType
  shape: number[]
  /** Bytes from the start of the data. */
  begin: number
  end: number
}

export interface Header {
  entries: Map<string, HeaderEntry>
  metadata: Record<string, string>
}

type Corrupt = (text: string, cause?: unknown) => Error

/** A header is nested 3 deep and has some 13 values a tensor: room for 300,000 of them. */
const bounds = { depth: 8, values: 4_000_000 }
const mostDimensions = 64

/**
 * Parses and checks a safetensors header: known types, sizes that fit, and every byte of the data in exactly one tensor.
 *
 * @param dataSize - bytes after the header
 * @param corrupt - makes the error that is thrown
 * @param types - those that may come. Default: all
 */
export function parseHeader(
  bytes: Uint8Array,
  dataSize: number,
  corrupt: Corrupt,
  types: readonly SafetensorsType[] = Object.keys(bits) as SafetensorsType[],
): Header {
  const json = parseJson(bytes, corrupt)
  const { __metadata__: given = {}, ...tensors } = json
  const metadata = Object.create(null) as Record<string, string>
  if (!isObject(given)) throw corrupt(`__metadata__ must be an object of strings, got ${describe(given)}`)
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw corrupt(`__metadata__.${key} must be a string, got ${describe(value)}`)
    metadata[key] = value
  }
  const entries = new Map(Object.entries(tensors).map(([name, entry]) => [name, parseEntry(name, entry, corrupt, types)]))
  checkCoverage(entries, dataSize, corrupt)
  return { entries, metadata }
}

function parseJson(bytes: Uint8Array, corrupt: Corrupt): Record<string, unknown> {
  let json: unknown
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const beyond = beyondBounds(text, bounds)
    if (beyond !== undefined) throw new Error(beyond)
    json = JSON.parse(text)
  } catch (cause) {
    throw corrupt(`header JSON: ${(cause as Error).message}`, cause)
  }
  if (text[0] !== '{' || !isObject(json)) throw corrupt('header JSON must be an object')
  if (/[^} ]/.test(text.slice(text.lastIndexOf('}')))) throw corrupt('header JSON may be padded with spaces only')
  return json
}

function parseEntry(name: string, entry: unknown, corrupt: Corrupt, types: readonly SafetensorsType[]): HeaderEntry {
  const fail = (text: string) => corrupt(`tensor ${describe(name)}${text}`)
  if (!isObject(entry)) throw fail(` must be an object, got ${describe(entry)}`)
  const { dtype, shape, data_offsets: offsets, ...others } = entry
  const [other] = Object.keys(others)
  if (other !== undefined) throw fail(` has an unknown field ${describe(other)}`)
  if (!types.includes(dtype as SafetensorsType)) {
    throw fail(`: dtype must be ${types.slice(0, -1).join(', ')} or ${types.at(-1)}, got ${describe(dtype)}`)
  }
  if (!isSizes(shape)) throw fail(`: shape must be an array of non-negative integers, got ${describe(shape)}`)
  if (shape.length > mostDimensions) throw fail(`: shape has ${shape.length} dimensions, ${mostDimensions} are the most`)
  if (!isSizes(offsets) || offsets.length !== 2) throw fail(`: data_offsets must be [begin, end], got ${describe(offsets)}`)
  const [begin, end] = offsets as [number, number]
  const size = bytesOf(dtype as SafetensorsType, shape)
  if (size === undefined) throw fail(`: ${dtype} of shape [${shape.join(', ')}] takes no whole number of bytes below 2^53`)
  if (end - begin !== size) {
    throw fail(`: data_offsets hold ${end - begin} bytes, ${dtype} of shape [${shape.join(', ')}] takes ${size}`)
  }
  return { dtype: dtype as SafetensorsType, shape, begin, end }
}

function bytesOf(dtype: SafetensorsType, shape: readonly number[]): number | undefined {
  let count = 1
  for (const n of shape) {
    count *= n
    if (!Number.isSafeInteger(count)) return undefined
  }
  const size = (count * bits[dtype]) / 8
  return Number.isSafeInteger(size) ? size : undefined
}

function checkCoverage(entries: ReadonlyMap<string, HeaderEntry>, dataSize: number, corrupt: Corrupt): void {
  let covered = 0
  for (const [name, { begin, end }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      throw corrupt(
        `tensor ${describe(name)}: data_offsets begin at ${begin}, which leaves ${begin < covered ? 'an overlap' : 'a hole'} after ${covered}`,
      )
    }
    covered = end
  }
  if (covered !== dataSize) throw corrupt(`the tensors hold ${covered} bytes, but ${dataSize} follow the header`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
}
