import { describe } from '../tensor.js'

export interface HeaderEntry {
  dtype: 'F32' | 'I32'
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

/**
 * Parses and checks a safetensors header: known types, sizes that fit, and every byte of the data in exactly one tensor.
 *
 * @param dataSize - bytes after the header
 * @param corrupt - makes the error that is thrown
 */
export function parseHeader(bytes: Buffer, dataSize: number, corrupt: Corrupt): Header {
  let text: string
  let json: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    json = JSON.parse(text)
  } catch (cause) {
    throw corrupt(`header JSON: ${(cause as Error).message}`, cause)
  }
  if (text[0] !== '{' || !isObject(json)) throw corrupt('header JSON must be an object')
  const twice = duplicateKey(text)
  if (twice !== undefined) throw corrupt(`header JSON: the key ${describe(twice)} comes twice`)
  const { __metadata__: given = {}, ...tensors } = json
  const metadata = Object.create(null) as Record<string, string>
  if (!isObject(given)) throw corrupt(`__metadata__ must be an object of strings, got ${describe(given)}`)
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw corrupt(`__metadata__.${key} must be a string, got ${describe(value)}`)
    metadata[key] = value
  }
  const entries = new Map(Object.entries(tensors).map(([name, entry]) => [name, parseEntry(name, entry, corrupt)]))
  checkCoverage(entries, dataSize, corrupt)
  return { entries, metadata }
}

function parseEntry(name: string, entry: unknown, corrupt: Corrupt): HeaderEntry {
  if (!isObject(entry)) throw corrupt(`tensor '${name}' must be an object, got ${describe(entry)}`)
  const { dtype, shape, data_offsets: offsets, ...others } = entry
  const [other] = Object.keys(others)
  if (other !== undefined) throw corrupt(`tensor '${name}' has an unknown field '${other}'`)
  if (dtype !== 'F32' && dtype !== 'I32') throw corrupt(`tensor '${name}': dtype must be F32 or I32, got ${describe(dtype)}`)
  if (!isSizes(shape)) throw corrupt(`tensor '${name}': shape must be an array of non-negative integers, got ${describe(shape)}`)
  if (!isSizes(offsets) || offsets.length !== 2)
    throw corrupt(`tensor '${name}': data_offsets must be [begin, end], got ${describe(offsets)}`)
  const [begin, end] = offsets as [number, number]
  const bytes = shape.reduce((n, m) => n * m, 4)
  if (end - begin !== bytes) {
    throw corrupt(`tensor '${name}': data_offsets hold ${end - begin} bytes, ${dtype} of shape [${shape.join(', ')}] takes ${bytes}`)
  }
  return { dtype, shape, begin, end }
}

function checkCoverage(entries: ReadonlyMap<string, HeaderEntry>, dataSize: number, corrupt: Corrupt): void {
  let covered = 0
  for (const [name, { begin, end }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      throw corrupt(
        `tensor '${name}': data_offsets begin at ${begin}, which leaves ${begin < covered ? 'an overlap' : 'a hole'} after ${covered}`,
      )
    }
    covered = end
  }
  if (covered !== dataSize) throw corrupt(`the tensors hold ${covered} bytes, but ${dataSize} follow the header`)
}

/** A key that one of the JSON text's objects has twice; JSON.parse would keep the last and say nothing. The text is valid JSON. */
function duplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [lexeme, colon] = match
    if (lexeme === '{') open.push(new Set())
    else if (lexeme === '[') open.push(undefined)
    else if (lexeme === '}' || lexeme === ']') open.pop()
    else if (colon !== undefined) {
      const key = JSON.parse(lexeme.slice(0, lexeme.length - colon.length)) as string
      const keys = open.at(-1)!
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
}
