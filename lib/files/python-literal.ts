// The Python literals that headers of .npy files are made of: text, integers, True, False, None, tuples, lists and dicts.

export type PythonLiteral = string | number | boolean | null | PythonLiteral[] | Map<string, PythonLiteral>

/** What the reader throws; whoever opened the file makes a GrusError of it. */
export class LiteralError extends Error {}

/** Nesting of what is no attack: numpy's own dtypes nest a few levels. */
const deepest = 32

/**
 * One literal and nothing after it but white space. Tuples and lists both become arrays.
 *
 * @throws LiteralError for anything else: a key that is no text or comes twice, an integer beyond 2^53
 */
export function parseLiteral(text: string): PythonLiteral {
  let at = 0
  const fail = (wanted: string): never => {
    const came = at < text.length ? `'${text.slice(at, at + 20)}'` : 'its end'
    throw new LiteralError(`${wanted} expected at character ${at}, got ${came}`)
  }
  const space = (): void => {
    while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++
  }
  const take = (token: string): boolean => {
    space()
    if (!text.startsWith(token, at)) return false
    at += token.length
    return true
  }
  const match = (pattern: RegExp): string | undefined => {
    space()
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }

  /** Items up to the bracket, with or without a comma after the last; tells whether there was one. */
  const items = (close: string, item: () => void): boolean => {
    for (;;) {
      if (take(close)) return true
      item()
      if (take(close)) return false
      if (!take(',')) fail(`',' or '${close}'`)
    }
  }

  const value = (depth: number): PythonLiteral => {
    if (depth > deepest) throw new LiteralError(`more than ${deepest} levels`)
    if (take('{')) {
      const dict = new Map<string, PythonLiteral>()
      items('}', () => {
        const key = value(depth + 1)
        if (typeof key !== 'string') throw new LiteralError('a key that is no text')
        if (dict.has(key)) throw new LiteralError(`the key '${key}' comes twice`)
        if (!take(':')) fail("':'")
        dict.set(key, value(depth + 1))
      })
      return dict
    }
    for (const [open, close] of ['()', '[]']) {
      if (!take(open!)) continue
      const list: PythonLiteral[] = []
      const comma = items(close!, () => void list.push(value(depth + 1)))
      // (7) is 7, (7,) a tuple
      return open === '(' && !comma && list.length === 1 ? list[0]! : list
    }
    const quoted = match(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/y)
    if (quoted !== undefined) return quoted.slice(1, -1).replace(/\\(.)/g, '$1')
    // Python 2 wrote long integers with an L
    const digits = match(/-?(?:0|[1-9][0-9]*)L?(?![0-9A-Za-z_.])/y)
    if (digits !== undefined) {
      const number = Number(digits.replace('L', ''))
      if (!Number.isSafeInteger(number)) throw new LiteralError(`the integer ${digits} is beyond 2^53`)
      return number
    }
    const word = match(/(?:True|False|None)(?![0-9A-Za-z_])/y)
    if (word === undefined) return fail('a literal')
    return word === 'None' ? null : word === 'True'
  }

  const whole = value(0)
  space()
  if (at < text.length) fail('the end')
  return whole
}
