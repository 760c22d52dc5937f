// A GRU in float64, by docs/gru.md: what a few steps of every engine are held against before it is timed.
import type { Shape } from './rows.js'

/** x [T, B, I] and the weights of NativeGru.parameters() -> y [T, B, D*H], hy [L*D, B, H]. */
export function referenceForward(shape: Shape, x: Float64Array, weights: Float64Array): { y: Float64Array; hy: Float64Array } {
  const { hidden: H, batch: B, steps: T, layers, directions: D } = shape
  const hy = new Float64Array(layers * D * B * H)
  let input = x
  let at = 0
  const take = (count: number): Float64Array => {
    at += count
    return weights.subarray(at - count, at)
  }
  for (let layer = 0; layer < layers; layer++) {
    const I = layer === 0 ? shape.input : D * H
    const y = new Float64Array(T * B * D * H)
    for (let direction = 0; direction < D; direction++) {
      const cell = { ih: take(3 * H * I), hh: take(3 * H * H), biasIh: take(3 * H), biasHh: take(3 * H) }
      for (let b = 0; b < B; b++) {
        const state = hy.subarray(((layer * D + direction) * B + b) * H).subarray(0, H)
        for (let step = 0; step < T; step++) {
          const t = direction === 0 ? step : T - 1 - step
          gruStep(cell, input.subarray((t * B + b) * I, (t * B + b + 1) * I), state)
          y.set(state, (t * B + b) * D * H + direction * H)
        }
      }
    }
    input = y
  }
  return { y: input, hy }
}

interface Cell {
  ih: Float64Array
  hh: Float64Array
  biasIh: Float64Array
  biasHh: Float64Array
}

/** h [H] becomes h' [H]. */
function gruStep({ ih, hh, biasIh, biasHh }: Cell, x: Float64Array, h: Float64Array): void {
  const H = h.length
  const sum = (weights: Float64Array, bias: Float64Array, row: number, values: Float64Array): number => {
    let total = bias[row]!
    for (let i = 0; i < values.length; i++) total += weights[row * values.length + i]! * values[i]!
    return total
  }
  const next = new Float64Array(H)
  for (let j = 0; j < H; j++) {
    const r = sigmoid(sum(ih, biasIh, j, x) + sum(hh, biasHh, j, h))
    const z = sigmoid(sum(ih, biasIh, H + j, x) + sum(hh, biasHh, H + j, h))
    const n = Math.tanh(sum(ih, biasIh, 2 * H + j, x) + r * sum(hh, biasHh, 2 * H + j, h))
    next[j] = (1 - z) * n + z * h[j]!
  }
  h.set(next)
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value))
}
