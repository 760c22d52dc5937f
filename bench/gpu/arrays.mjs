// Weights and inputs as files, which every worker reads. A file may hold less than an array: its values repeat. Random, never zeros.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const mostInFile = 1_048_573 // odd, so that repeated rows differ

const shift = 4099
let pool

/** @returns {{ folder: string, integers: string[] }} where a row's arrays are, and which of them are int32 */
export function writeArrays(row, folder) {
  mkdirSync(folder, { recursive: true })
  pool ??= draw(mostInFile + 32 * shift)
  let arrays = 0
  const write = (name, count, value, Type = Float32Array) => {
    const from = shift * arrays++ // each array begins elsewhere
    writeFileSync(join(folder, `${name}.bin`), new Type(pool.subarray(from, from + Math.min(count, mostInFile)).map(value)))
  }
  const uniform = (bound) => (value) => value * bound
  const below = (end) => (value) => Math.min(end - 1, Math.floor(((value + 1) / 2) * end))
  const { steps, batch, input, hidden } = row
  const weights = (prefix) => {
    const bound = 1 / Math.sqrt(hidden)
    const rows = 3 * hidden
    for (const [name, count] of [
      ['weight_ih', rows * input],
      ['weight_hh', rows * hidden],
      ['bias_ih', rows],
      ['bias_hh', rows],
    ]) {
      write(`${prefix}${name}_l0`, count, uniform(bound))
    }
  }
  if (row.kind !== 'step') {
    weights('')
    write('x', steps * batch * input, uniform(1))
    write('dy', steps * batch * hidden, uniform(0.1)) // sums over many steps stay within float16
    return { folder, integers: [] }
  }
  const { vocabulary, classes, fitSteps } = row
  weights('weights.gru.')
  write('weights.embedding.weight', vocabulary * input, uniform(1))
  write('weights.dense.weight', classes * hidden, uniform(1 / Math.sqrt(hidden)))
  write('weights.dense.bias', classes, uniform(1 / Math.sqrt(hidden)))
  write('ids', batch * fitSteps * steps, below(vocabulary), Int32Array)
  write('labels', batch * fitSteps, below(classes), Int32Array)
  return { folder, integers: ['ids', 'labels'] }
}

/** Values from -1 to 1: mulberry32. */
function draw(count) {
  let state = 12345
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1
  })
}
