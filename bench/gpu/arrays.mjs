// Weights and inputs as files, which every worker reads. A file may hold less than an array: its values repeat. Random, never zeros.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const mostInFile = 1_048_573 // odd, so that repeated rows differ

/** @returns {{ folder: string, integers: string[] }} where a row's arrays are, and which of them are int32 */
export function writeArrays(row, folder) {
  mkdirSync(folder, { recursive: true })
  const random = generator(12345)
  const write = (name, count, draw, Type = Float32Array) =>
    writeFileSync(join(folder, `${name}.bin`), Type.from({ length: Math.min(count, mostInFile) }, draw))
  const uniform = (bound) => () => (2 * random() - 1) * bound
  const below = (end) => () => Math.floor(random() * end)
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

/** Numbers from 0 to below 1: mulberry32. */
function generator(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
