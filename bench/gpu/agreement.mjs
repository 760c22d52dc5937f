import { readFileSync } from 'node:fs'

// Of a tensor's largest value: sums in another order, and what the number types round. Gradients are sums over all steps and rows.
export const tolerances = {
  float32: { outputs: 1e-4, losses: 1e-3, gradients: 1e-3 },
  tf32: { outputs: 1e-2, losses: 1e-2, gradients: 5e-2 },
  float16: { outputs: 1e-2, losses: 1e-2, gradients: 5e-2 },
  bfloat16: { outputs: 5e-2, losses: 5e-2, gradients: 2e-1 },
}
const kindOf = (name) => (name === 'y' || name === 'hy' ? 'outputs' : name === 'losses' ? name : 'gradients')

/**
 * The largest difference, each tensor's taken relative to its own largest value. What computes something else is not worth timing.
 *
 * @throws Error naming the tensor that differs too much
 */
export function agreement(precision, ours, theirs) {
  let largest = 0
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const shapes = [ours, theirs].map((results) => JSON.stringify(results[name]?.shape))
    if (shapes[0] !== shapes[1]) throw new Error(`${name} has ${shapes[0]} values here, ${shapes[1]} there`)
    const [difference, scale] = apart(read(ours[name]), read(theirs[name]))
    const tolerance = tolerances[precision][kindOf(name)]
    if (!(difference <= tolerance * scale)) {
      throw new Error(
        `${name} differs by ${difference.toPrecision(3)}, its values go up to ${scale.toPrecision(3)}, allowed is ${tolerance} of that`,
      )
    }
    if (scale > 0) largest = Math.max(largest, difference / scale)
  }
  return Number(largest.toPrecision(2))
}

function apart(a, b) {
  let [difference, scale] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    const each = Math.abs(a[i] - b[i])
    difference = Math.max(difference, Number.isFinite(each) ? each : Number.POSITIVE_INFINITY)
    scale = Math.max(scale, Math.abs(b[i]))
  }
  return [difference, scale]
}

function read({ file }) {
  const { buffer, byteOffset, byteLength } = readFileSync(file)
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))
}
