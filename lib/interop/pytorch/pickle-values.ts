// What a pickle is read as.
import { describe } from '../../tensor.js'

/** A Python tuple. */
export class Tuple {
  readonly items: readonly Value[]
  constructor(items: readonly Value[]) {
    this.items = items
  }
}

/** A dict or an OrderedDict, in its order of insertion. */
export class Dict {
  readonly items: Map<Value, Value> = new Map()
  readonly ordered: boolean
  constructor(ordered: boolean) {
    this.ordered = ordered
  }
}

/** A class or function by name; it is never imported. */
export class Global {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** What the caller's callables make. */
export abstract class Made {}

/** Lists are arrays; bytes, and strings of Python 2, are Uint8Array. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | Tuple | Dict | Global | Made

/** A value's kind as Python calls it, for messages. */
export function show(value: Value | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'None'
  if (value instanceof Tuple) return 'a tuple'
  if (value instanceof Dict) return value.ordered ? 'an OrderedDict' : 'a dict'
  if (value instanceof Global) return value.name
  if (value instanceof Uint8Array) return 'bytes'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'a tensor or storage' : describe(value)
}
