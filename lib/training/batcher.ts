import type { CheckedInputs } from '../data/inputs.js'
import type { NativeBatch } from '../native.js'
import { LongestFirst, type Spans, spansOf } from './spans.js'

/** How the rows of a dataset may be shortened: steps that no row of a batch uses are left out where that changes no result. */
export interface Trimming {
  /** steps after the last valid one of every row */
  trailing: boolean
  /** steps before the first valid one of every row */
  leading: boolean
  /** id 0 counts as padding */
  maskZero: boolean
  /** y and weights have a time axis too */
  outputIsSequence: boolean
  /** the rows of a batch go by their number of valid steps, longest first: the engine then leaves out the steps that only short rows lack */
  longestFirst: boolean
}

type Rows = Float32Array | Int32Array | Uint8Array

/**
 * Gathers the rows of each batch into typed arrays that it uses again for the next one: native code copies a batch before its call returns. A batch in
 * the order of the data, nothing cut, is a view of it.
 */
export class Batcher {
  readonly rows: number
  readonly #inputs: CheckedInputs
  readonly #trimming: Trimming
  readonly #buffers = new Map<string, Rows>()
  readonly #spans: Spans | undefined
  readonly #longestFirst: LongestFirst | undefined
  #sorted = new Uint32Array()

  constructor(inputs: CheckedInputs, trimming: Trimming) {
    this.rows = inputs.rows
    this.#inputs = inputs
    this.#trimming = trimming
    const { trailing, leading, longestFirst, maskZero } = trimming
    if (inputs.steps > 1 && (trailing || leading || longestFirst)) this.#spans = spansOf(inputs, maskZero)
    if (longestFirst && this.#spans) this.#longestFirst = new LongestFirst(this.#spans.counts, inputs.steps)
  }

  /** Rows order[from..to), or from..to without an order. Valid until the next call. */
  make(from: number, to: number, order?: Uint32Array): NativeBatch {
    if (!this.#longestFirst) return this.#make(from, to, order)
    const count = to - from
    if (this.#sorted.length < count) this.#sorted = new Uint32Array(count)
    return this.#make(0, count, this.#longestFirst.sort(this.#sorted, from, to, order))
  }

  /** All rows, longest first, so that each batch holds rows of like lengths: for when it does not matter which rows meet in a batch. */
  get byLength(): Uint32Array | undefined {
    return this.#longestFirst?.sort(new Uint32Array(this.rows), 0, this.rows)
  }

  #make(from: number, to: number, order?: Uint32Array): NativeBatch {
    const { x, xRow, mask, y, yRow, weights, weightRow, steps } = this.#inputs
    const window = this.#window(from, to, order)
    const inTime = (perRow: number, timed: boolean) => ({ perRow, steps: timed ? steps : 1, window: timed ? window : whole })
    const sequence = this.#trimming.outputIsSequence
    const pick = <T extends Rows>(name: string, data: T, layout: Layout) => this.#gather(name, data, layout, from, to, order) as T
    return {
      batch: to - from,
      steps: window.end - window.start,
      x: pick('x', x, inTime(xRow, steps > 1)),
      ...(mask && { mask: pick('mask', mask, inTime(steps, true)) }),
      ...(y && { y: pick('y', y, inTime(yRow, sequence)) }),
      ...(weights && { weights: pick('weights', weights, inTime(weightRow, sequence)) }),
    }
  }

  /** The steps from the first to the last that any row of the batch uses; at least one. */
  #window(from: number, to: number, order?: Uint32Array): Window {
    const { steps } = this.#inputs
    if (!this.#spans) return { start: 0, end: steps }
    const { starts, ends } = this.#spans
    let [start, end] = [steps, 0]
    for (let b = from; b < to; b++) {
      const row = order ? order[b]! : b
      start = Math.min(start, starts[row]!)
      end = Math.max(end, ends[row]!)
    }
    if (end === 0) return { start: 0, end: 1 }
    const { trailing, leading } = this.#trimming
    return { start: leading ? start : 0, end: trailing ? end : steps }
  }

  #gather(name: string, data: Rows, { perRow, steps, window }: Layout, from: number, to: number, order?: Uint32Array): Rows {
    const perStep = perRow / steps
    const [first, count] = [window.start * perStep, (window.end - window.start) * perStep]
    if (!order && count === perRow) return data.subarray(from * perRow, to * perRow)
    const out = this.#buffer(name, data, (to - from) * count)
    for (let b = from, at = 0; b < to; b++, at += count) {
      const start = (order ? order[b]! : b) * perRow + first
      // a loop beats set(subarray()) for rows this short
      if (count < 64) for (let i = 0; i < count; i++) out[at + i] = data[start + i]!
      else out.set(data.subarray(start, start + count), at)
    }
    return out
  }

  #buffer(name: string, like: Rows, length: number): Rows {
    const kept = this.#buffers.get(name)
    if (kept && kept.length >= length) return kept.subarray(0, length)
    const made = new (like.constructor as new (length: number) => Rows)(length)
    this.#buffers.set(name, made)
    return made
  }
}

interface Window {
  start: number
  end: number
}

/** One row of a tensor: perRow elements, steps of them in time, of which window is wanted. */
interface Layout {
  perRow: number
  steps: number
  window: Window
}

const whole: Window = { start: 0, end: 1 }
