// What import, export and inspect have in common: options as commander gives them, and a line for each thing said.
import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { GrusError } from '../errors.js'

/** `encoder.rnn=gru` or, for the layers of a stack, `rnn=gru,gru_1`; may be given several times. */
export function collectMap(value: string, before: Record<string, string | string[]> = {}): Record<string, string | string[]> {
  const [from, to, ...rest] = value.split('=')
  if (!from || !to || rest.length > 0) throw new InvalidArgumentError('Expected module=layer, such as encoder.rnn=gru.')
  const layers = to.split(',')
  return { ...before, [from]: layers.length === 1 ? to : layers }
}

/** `fc=softmax`; may be given several times. */
export function collectPairs(value: string, before: Record<string, string> = {}): Record<string, string> {
  const [from, to, ...rest] = value.split('=')
  if (!from || !to || rest.length > 0) throw new InvalidArgumentError('Expected module=name, such as fc=softmax.')
  return { ...before, [from]: to }
}

export function names(value: string): string[] {
  return value.split(',')
}

export function decimal(value: string): number {
  const number = Number(value)
  if (value.trim() === '' || !Number.isFinite(number)) throw new InvalidArgumentError('Expected a number.')
  return number
}

export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(value)
}

/**
 * What is read must not be what is written.
 *
 * @throws GrusError INVALID_ARGUMENT if two of the paths are one file
 */
export async function distinct(where: string, ...paths: readonly string[]): Promise<void> {
  const real: string[] = []
  for (const path of paths) {
    const file = await realpath(path).catch(() => resolve(path))
    if (real.includes(file))
      throw new GrusError('INVALID_ARGUMENT', `[${where}] '${path}' is the name of two files of this command: give another`)
    real.push(file)
  }
}

/** Without what was not given. */
export function given<T extends object>(options: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
