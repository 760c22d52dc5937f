// The least that a row computes and reads, and from what the machine did in the same rounds, the time it cannot go below on it.
import { work } from './gpu/limits.mjs'

/**
 * The GRU's part of a row: FLOP of its matrix products; bytes moved at least: each value once, W_hh once a step, as no CPU holds it in
 * registers; `again`: bytes of the weights that are read again and again, or of all where there is one step.
 */
export function workOf(workload) {
  const shape = shapeOf(workload)
  if (!shape) return undefined
  const { steps, hidden, training } = shape
  const { flop, bytes } = work({ ...shape, precision: 'float32' })
  const size = workload.weights === 'bfloat16' ? 2 : 4
  const weights = 3 * hidden * (shape.input + hidden) * size
  const state = 3 * hidden * hidden * size
  const narrower = (weights / size) * (4 - size)
  return { flop, bytes: bytes + (training ? 2 : 1) * (steps - 1) * state - narrower, again: steps > 1 ? state : weights }
}

function shapeOf({ kind, steps, batch, input, hidden, units, embedding, inputs, bidirectional }) {
  if (kind !== 'training') return { steps, batch, input, hidden, training: kind !== 'forward' }
  // rows of different length: what they compute is chance; two directions are not one layer
  if (!steps || bidirectional) return undefined
  return { steps, batch, input: embedding ?? inputs, hidden: units, training: true }
}

/** measured: medians of FMA, gemm, sgemm in GFLOP/s and bandwidth in GB/s. The time in ms that nothing can go below, and what sets it. */
export function roofline({ flop, bytes }, measured) {
  const compute = flop / (measured.fma * 1e6)
  const memory = bytes / (measured.bandwidth * 1e6)
  return { ms: Math.max(compute, memory), bound: compute >= memory ? 'FMA' : 'bandwidth' }
}
