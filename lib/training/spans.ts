import type { CheckedInputs } from '../data/inputs.js'

/** By row: how many steps are valid, the first of them, and the one after the last. A row without any: 0, steps, 0. */
export interface Spans {
  readonly counts: Uint32Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** One walk over the data, so that a batch need not look at its steps again in every epoch. */
export function spansOf({ x, mask, rows, steps }: CheckedInputs, maskZero: boolean): Spans {
  const counts = new Uint32Array(rows)
  const starts = new Uint32Array(rows).fill(steps)
  const ends = new Uint32Array(rows)
  for (let row = 0, at = 0; row < rows; row++) {
    for (let t = 0; t < steps; t++, at++) {
      if ((mask && mask[at] !== 1) || (maskZero && x[at] === 0)) continue
      if (counts[row]!++ === 0) starts[row] = t
      ends[row] = t + 1
    }
  }
  return { counts, starts, ends }
}

/** Sorts rows by their counts of 0 to steps, largest first, those of one count in their order: a counting sort that keeps its room. */
export class LongestFirst {
  readonly #counts: Uint32Array
  readonly #places: Uint32Array

  constructor(counts: Uint32Array, steps: number) {
    this.#counts = counts
    this.#places = new Uint32Array(steps + 1)
  }

  /** Rows order[from..to), or from..to without an order, into sorted. */
  sort(sorted: Uint32Array, from: number, to: number, order?: Uint32Array): Uint32Array {
    const [counts, places] = [this.#counts, this.#places]
    places.fill(0)
    for (let i = from; i < to; i++) places[counts[order ? order[i]! : i]!]!++
    for (let count = places.length - 1, before = 0; count >= 0; count--) {
      const these = places[count]!
      places[count] = before
      before += these
    }
    for (let i = from; i < to; i++) {
      const row = order ? order[i]! : i
      sorted[places[counts[row]!]!++] = row
    }
    return sorted
  }
}
