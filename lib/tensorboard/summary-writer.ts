import * as z from 'zod'
import { path } from '../callbacks/fields.js'
import { check, GrusError } from '../errors.js'
import { parse } from '../spec/parse.js'
import { describe, type TensorLike, toTensor } from '../tensor.js'
import { EventFile } from './event-file.js'
import { histogramValues, scalarValue, textValue } from './events.js'

/** Options of {@link SummaryWriter}. */
export interface SummaryWriterOptions {
  /** The run's folder, made if need be; each writer makes a file of its own in it. */
  logDir: string
}

const schema = z.strictObject({ logDir: path })

/**
 * Writes figures, distributions and texts for TensorBoard. Methods are PyTorch's SummaryWriter's; each promise resolves when its record is in the file,
 * which the first one makes. Calls need not be awaited one by one: `flush` and `close` come after all of them.
 *
 * Every method rejects with GrusError INVALID_ARGUMENT for wrong arguments and where the file cannot be written, DISPOSED after `close`.
 */
export class SummaryWriter {
  readonly logDir: string
  readonly #file: EventFile
  #closed = false

  constructor(options: SummaryWriterOptions) {
    this.logDir = parse('SummaryWriter', schema, options).logDir
    this.#file = new EventFile('SummaryWriter', this.logDir)
  }

  /** A point of a curve. Kept as float32; NaN and infinities are allowed. */
  async addScalar(tag: string, value: number, step: number): Promise<void> {
    const where = this.#check('addScalar', tag, step)
    check(typeof value === 'number', where, `value must be a number, got ${describe(value)}`)
    await this.#file.write(step, [scalarValue(tag, value)])
  }

  /**
   * The distribution of all values in 30 buckets from the least to the largest. Values that are not finite are in none of them: a scalar
   * `TAG/not_finite` says how many there are.
   */
  async addHistogram(tag: string, values: TensorLike | Float32Array | Int32Array, step: number): Promise<void> {
    const where = this.#check('addHistogram', tag, step)
    const data = values instanceof Float32Array || values instanceof Int32Array ? values : toTensor(where, 'values', values).data
    await this.#file.write(step, histogramValues(tag, data))
  }

  /** Text as Markdown. */
  async addText(tag: string, markdown: string, step: number): Promise<void> {
    const where = this.#check('addText', tag, step)
    check(typeof markdown === 'string', where, `markdown must be a string, got ${describe(markdown)}`)
    await this.#file.write(step, [textValue(tag, markdown)])
  }

  /** Resolves when all that was added is on the disk. */
  async flush(): Promise<void> {
    this.#checkOpen('SummaryWriter.flush')
    await this.#file.flush()
  }

  /** Closes the file after all that was added. Any number of times. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#file.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #check(method: string, tag: string, step: number): string {
    const where = `SummaryWriter.${method}`
    this.#checkOpen(where)
    check(typeof tag === 'string' && tag !== '', where, `tag must be a name, got ${describe(tag)}`)
    check(Number.isSafeInteger(step) && step >= 0, where, `step must be an integer of at least 0, got ${describe(step)}`)
    return where
  }

  #checkOpen(where: string): void {
    if (this.#closed) throw new GrusError('DISPOSED', `[${where}] the writer has been closed`)
  }
}
