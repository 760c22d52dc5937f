import { GrusError } from '../../errors.js'
import { plain, Unholdable } from './plain.js'
import { rowMaker } from './row-maker.js'
import type { DataRow, Reading, Rows } from './types.js'

/** Rows of one yield: the columns are in memory, rows are only made as they are taken. */
const atOnce = 1024

/**
 * Rows of decoded columns, which give the i-th value.
 *
 * @param first - number of the first row in the file
 */
export function* rowsOfColumns(
  columns: ReadonlyMap<string, (i: number) => unknown>,
  count: number,
  first: number,
  { where, path }: Reading,
): Generator<Rows, void, undefined> {
  const cell = (name: string, get: (i: number) => unknown, i: number) => {
    try {
      return plain(get(i))
    } catch (cause) {
      if (!(cause instanceof Unholdable)) throw cause
      throw new GrusError('UNSUPPORTED', `[${where}] ${path}, row ${first + i}, column '${name}': ${cause.message}`, { cause })
    }
  }
  const names = [...columns.keys()]
  const getters = [...columns.values()]
  const rowOf = rowMaker(names)
  for (let begin = 0; begin < count; begin += atOnce) {
    const rows: DataRow[] = []
    for (let i = begin; i < Math.min(count, begin + atOnce); i++) {
      rows.push(rowOf((c) => cell(names[c]!, getters[c]!, i)))
    }
    yield { rows, place: (i) => `row ${first + begin + i}` }
  }
}
