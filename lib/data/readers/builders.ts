// Columns that grow a row at a time.
import type { Tensor } from '../../tensor.js'
import type { ColumnType, DataRow } from './types.js'

export interface Builder {
  /** @returns `'name': expected ..., got ...` if the row has what the column cannot hold */
  add(row: DataRow): string | undefined
  finish(): Tensor | string[] | (Float32Array | Int32Array)[]
}

type Numbers = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>

/**
 * @param wide - the result has a second axis for the sources
 * @param length - of lists
 */
export function builderOf(type: ColumnType, sources: readonly string[], wide: boolean, length: number | undefined): Builder {
  const [name] = sources as [string]
  if (type === 'string') return textBuilder(name)
  const floats = type === 'number' || type === 'number[]'
  if (type !== 'number[]' && type !== 'integer[]') {
    return tensorBuilder(floats, wide ? [sources.length] : [], (row, put) => {
      for (const source of sources) if (!put(Number(row[source]))) return `'${source}': ${tooLarge(floats, Number(row[source]))}`
      return undefined
    })
  }
  if (length === undefined) return listBuilder(name, floats)
  return tensorBuilder(floats, [length], (row, put) => {
    const values = row[name] as readonly number[]
    if (values.length !== length) return `'${name}': expected a list of ${length}, got ${values.length}`
    for (const value of values) if (!put(value)) return `'${name}': ${tooLarge(floats, value)}`
    return undefined
  })
}

function textBuilder(name: string): Builder {
  const texts: string[] = []
  return {
    add: (row) => {
      texts.push(row[name] as string)
      return undefined
    },
    finish: () => texts,
  }
}

function listBuilder(name: string, floats: boolean): Builder {
  const lists: Numbers[] = []
  return {
    add: (row) => {
      const values = row[name] as readonly number[]
      const wrong = values.find((value) => !holds(floats, value))
      if (wrong !== undefined) return `'${name}': ${tooLarge(floats, wrong)}`
      lists.push(floats ? Float32Array.from(values) : Int32Array.from(values))
      return undefined
    },
    finish: () => lists,
  }
}

type Put = (value: number) => boolean

/** @param fill - puts the row's numbers, until one does not fit */
function tensorBuilder(floats: boolean, shape: readonly number[], fill: (row: DataRow, put: Put) => string | undefined): Builder {
  let data: Numbers = floats ? new Float32Array(1024) : new Int32Array(1024)
  let [used, rows] = [0, 0]
  const put: Put = (value) => {
    if (!holds(floats, value)) return false
    if (used === data.length) {
      const larger = floats ? new Float32Array(2 * used) : new Int32Array(2 * used)
      larger.set(data)
      data = larger
    }
    data[used++] = value
    return true
  }
  return {
    add: (row) => {
      rows++
      return fill(row, put)
    },
    finish: () => ({ data: data.slice(0, used), shape: [rows, ...shape] }),
  }
}

function holds(floats: boolean, value: number): boolean {
  // rounding to float32 is what float32 means; a finite number that becomes infinite is lost
  return floats ? Number.isFinite(Math.fround(value)) || !Number.isFinite(value) : (value | 0) === value
}

function tooLarge(floats: boolean, value: number): string {
  return floats ? `expected a number that float32 holds, got ${value}` : `expected an integer that int32 holds, got ${value}`
}
