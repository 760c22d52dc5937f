// What a JSON text of unknown origin may cost, checked before JSON.parse builds anything of it.
import { describe } from '../tensor.js'

export interface JsonBounds {
  /** Objects and arrays within each other. */
  depth: number
  /** Commas, colons and opening brackets: no text has more values than these and one. */
  values: number
}

/**
 * Looks for what JSON.parse would swallow: deep nesting, huge numbers of values, and keys that come twice (of which it would keep the last).
 * One pass; whether the text is JSON at all is left to JSON.parse.
 *
 * @returns what is wrong, or undefined
 */
export function beyondBounds(text: string, { depth, values }: JsonBounds): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let count = 0
  let key: string | undefined
  for (let at = 0; at < text.length; ++at) {
    const char = text[at]
    if (char === '"') {
      const end = endOfString(text, at)
      if (end < 0) return undefined
      key = text.slice(at, end + 1)
      at = end
      continue
    }
    if (char === ':') {
      const keys = open.at(-1)
      const name = key === undefined ? undefined : decoded(key)
      if (keys && name !== undefined) {
        if (keys.has(name)) return `the key ${describe(name)} comes twice`
        keys.add(name)
      }
    } else if (char === '{' || char === '[') {
      if (open.length === depth) return `it is nested more than ${depth} deep`
      open.push(char === '{' ? new Set() : undefined)
    } else if (char === '}' || char === ']') {
      open.pop()
    } else if (char !== ',') {
      continue
    }
    key = undefined
    if (char !== '}' && char !== ']' && ++count > values) return `it has more than ${values} values`
  }
  return undefined
}

/** The closing quote of the string that opens at `start`; -1 where there is none. */
function endOfString(text: string, start: number): number {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from)
    if (quote < 0) return -1
    let backslashes = 0
    while (quote - backslashes > from && text[quote - 1 - backslashes] === '\\') ++backslashes
    if (backslashes % 2 === 0) return quote
    from = quote + 1
  }
}

function decoded(lexeme: string): string | undefined {
  if (!lexeme.includes('\\')) return lexeme.slice(1, -1)
  try {
    return JSON.parse(lexeme) as string
  } catch {
    return undefined
  }
}
