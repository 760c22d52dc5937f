// What import, export and inspect have in common: options as commander gives them, and a line for each thing said.
import { InvalidArgumentError } from 'commander'

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

/** Without what was not given. */
export function given<T extends object>(options: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
