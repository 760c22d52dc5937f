import type { DataRow, DataValue } from './types.js'

/** Makes a row of what gives the value of the i-th name. */
export type RowOf<Value extends DataValue = DataValue> = (value: (i: number) => Value) => DataRow

export function rowMaker(names: readonly string[]): RowOf {
  // an assignment to this name would set the prototype, and no column
  if (names.includes('__proto__')) return (value) => Object.fromEntries(names.map((name, i) => [name, value(i)]))
  return (value) => {
    const row: DataRow = {}
    for (let i = 0; i < names.length; i++) row[names[i]!] = value(i)
    return row
  }
}
