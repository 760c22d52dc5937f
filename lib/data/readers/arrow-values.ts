// Values of apache-arrow's vectors as the values of rows.
import type { Data, DataType, Vector } from 'apache-arrow'
import { kinds } from './arrow-checks.js'
import { Unholdable } from './plain.js'

type Arrow = typeof import('apache-arrow')
type Getter = (i: number) => unknown

/** Gives the i-th value of checked data; null where there is none. */
export function getterOf(arrow: Arrow, data: Data): Getter {
  const inner = valid(arrow, data)
  return (i) => (data.getValid(i) ? inner(i) : null)
}

function valid(arrow: Arrow, data: Data): Getter {
  const { type, children } = data
  const kind = type.typeId as number
  switch (kind) {
    case kinds.null:
      return () => null
    case kinds.dictionary:
      return indexed(arrow, data)
    case kinds.list:
    case kinds.largeList:
    case kinds.map: {
      const item = getterOf(arrow, children[0]!)
      const offsets = data.valueOffsets as Int32Array | BigInt64Array
      return (i) => range(Number(offsets[i]), Number(offsets[i + 1]), item)
    }
    case kinds.fixedSizeList: {
      const item = getterOf(arrow, children[0]!)
      const { stride } = data
      return (i) => range(i * stride, (i + 1) * stride, item)
    }
    case kinds.struct: {
      const fields = type.children.map(({ name }, c) => [name, getterOf(arrow, children[c]!)] as const)
      return (i) => Object.fromEntries(fields.map(([name, get]) => [name, get(i)]))
    }
    case kinds.decimal:
      return decimals(data)
    case kinds.date:
    case kinds.timestamp: {
      const vector = new arrow.Vector([data])
      return (i) => dateOf(() => vector.get(i) as number)
    }
    default: {
      const vector = new arrow.Vector([data])
      return (i) => vector.get(i)
    }
  }
}

/** apache-arrow throws where the milliseconds are no safe integer. */
function dateOf(milliseconds: () => number): Date {
  try {
    return new Date(milliseconds())
  } catch {
    return new Date(Number.NaN)
  }
}

function range(from: number, to: number, item: Getter): unknown[] {
  const items: unknown[] = []
  for (let i = from; i < to; i++) items.push(item(i))
  return items
}

/** A dictionary that grew by deltas is a vector of several parts. */
function indexed(arrow: Arrow, { values, dictionary }: Data): Getter {
  const indices = values as ArrayLike<number | bigint>
  const parts = (dictionary as Vector).data.map((part) => ({ count: part.length, get: getterOf(arrow, part) }))
  return (i) => {
    let index = Number(indices[i])
    for (const { count, get } of parts) {
      if (index < count) return get(index)
      index -= count
    }
    throw new RangeError('the dictionary is too short')
  }
}

/** As numbers: the nearest to the decimal. */
function decimals({ type, values, stride }: Data): Getter {
  const { scale } = type as DataType & { scale: number }
  const words = values as Uint32Array
  return (i) => {
    let digits = 0n
    for (let w = stride - 1; w >= 0; w--) digits = (digits << 32n) | BigInt(words[i * stride + w]!)
    const number = Number(`${BigInt.asIntN(32 * stride, digits)}e${-scale}`)
    if (!Number.isFinite(number)) throw new Unholdable('a decimal that no number holds')
    return number
  }
}
