// JSON Lines: an object a line.
import { check, GrusError } from '../../errors.js'
import { describe } from '../../tensor.js'
import type { ByteSource } from './byte-source.js'
import { rowMaker } from './row-maker.js'
import { decoded, longest } from './text.js'
import type { DataRow, Reading, Rows } from './types.js'

/** @throws GrusError CORRUPT_FILE naming the line that is no JSON object; at the end INVALID_ARGUMENT for a column that no row had */
export async function* readJsonLines(source: ByteSource, reading: Reading): AsyncGenerator<Rows, void, undefined> {
  const { where, path, names } = reading
  const corrupt = (line: number, text: string, cause?: unknown) =>
    new GrusError('CORRUPT_FILE', `[${where}] ${path}, line ${line}: ${text}`, { cause })
  const rowOf = (text: string, line: number): DataRow | undefined => {
    if (text.trim() === '') return undefined
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw corrupt(line, `expected a JSON object, got ${describe(text)}`, cause)
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw corrupt(line, `expected a JSON object, got ${describe(value)}`)
    }
    const row = value as DataRow
    if (!names) return row
    for (const name of unseen) if (Object.hasOwn(row, name)) unseen.delete(name)
    // fields may be left out in any row: null stands for them
    return pick((i) => (Object.hasOwn(row, names[i]!) ? row[names[i]!]! : null))
  }
  const unseen = new Set(names)
  const pick = rowMaker(names ?? [])
  let line = 0
  let count = 0
  let rest = ''
  const batch = (texts: readonly string[]): Rows => {
    const rows: DataRow[] = []
    const lines: number[] = []
    for (const text of texts) {
      const row = rowOf(text, ++line)
      if (row) lines[rows.push(row) - 1] = line
    }
    count += rows.length
    return { rows, place: (i) => `line ${lines[i]}` }
  }
  for await (const chunk of decoded(source, reading)) {
    const texts = chunk.split('\n')
    texts[0] = rest + texts[0]!
    rest = texts.pop()!
    if (rest.length > longest) throw corrupt(line + texts.length + 1, `expected a line of at most ${longest} characters`)
    if (texts.length > 0) yield batch(texts)
  }
  yield batch([rest])
  const [never] = unseen
  check(never === undefined || count === 0, where, `${path}: no row has a field '${never}'`)
}
