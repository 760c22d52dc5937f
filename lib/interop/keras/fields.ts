// A layer's configuration, key by key: every key is taken, passed over on purpose, or refused.
import { describe } from '../../tensor.js'
import type { errorsOf } from '../model-data.js'
import type { Dialect } from './dialect.js'

/** What one file is read with. */
export interface Reading {
  errors: ReturnType<typeof errorsOf>
  dialect: Dialect
  notes: string[]
}

export class Fields {
  readonly place: string
  readonly reading: Reading
  readonly #values: Readonly<Record<string, unknown>>
  readonly #seen = new Set<string>()

  /** @param place - in messages: the layer's name and class */
  constructor(reading: Reading, place: string, value: unknown) {
    this.reading = reading
    this.place = place
    if (!isObject(value)) throw reading.errors.corrupt(`${place} must be an object, got ${describe(value)}`)
    this.#values = value
  }

  get(key: string): unknown {
    this.#seen.add(key)
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined
  }

  /** Null counts as absent, as everywhere in these files. */
  has(key: string): boolean {
    return (this.get(key) ?? null) !== null
  }

  flag(key: string, fallback?: boolean): boolean {
    const value = this.get(key) ?? fallback
    if (typeof value !== 'boolean') throw this.corrupt(key, 'true or false', value)
    return value
  }

  number(key: string, fallback?: number): number {
    const value = this.get(key) ?? fallback
    if (typeof value !== 'number') throw this.corrupt(key, 'a number', value)
    return value
  }

  size(key: string): number {
    const value = this.get(key)
    if (!isSize(value)) throw this.corrupt(key, 'a positive integer', value)
    return value
  }

  string(key: string, fallback?: string): string {
    const value = this.get(key) ?? fallback
    if (typeof value !== 'string') throw this.corrupt(key, 'a string', value)
    return value
  }

  /** Keys that say nothing about what is computed. */
  pass(...keys: string[]): this {
    for (const key of keys) this.#seen.add(key)
    return this
  }

  /** Keys that matter in training alone and that grus has nothing for: noted unless null, 0 or false. */
  training(...keys: string[]): this {
    for (const key of keys) {
      const value = this.get(key)
      if (!blank(value)) this.note(`${key} is left out: it acts in training only`)
    }
    return this
  }

  /** @throws UNSUPPORTED for a key that was not asked for and says something */
  done(): void {
    for (const [key, value] of Object.entries(this.#values)) {
      if (this.#seen.has(key) || blank(value)) continue
      throw this.unsupported(key, `is nothing that is known here, got ${describe(value)}`)
    }
  }

  note(text: string): void {
    this.reading.notes.push(`${this.place}: ${text}`)
  }

  corrupt(key: string, wanted: string, value: unknown): Error {
    return this.reading.errors.corrupt(`${this.place}: ${key} must be ${wanted}, got ${describe(value)}`)
  }

  unsupported(key: string, text: string): Error {
    return this.reading.errors.unsupported(`${this.place}: ${key} ${text}`)
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31
}

function blank(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === 0
}
