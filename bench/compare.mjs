import { readFileSync } from 'node:fs'

const tolerance = 1e-4

/**
 * Throws unless both put out the same tensors: what computes something else is not worth timing. Returns the largest difference, each
 * tensor's taken relative to the reference's largest value.
 */
export function compare(theirs, reference) {
  let largest = 0
  for (const name of new Set([...Object.keys(reference), ...Object.keys(theirs)])) {
    const shapes = [theirs, reference].map((results) => JSON.stringify(results[name]?.shape))
    if (shapes[0] !== shapes[1]) throw new Error(`${name} has shape ${shapes[0]}, expected ${shapes[1]}`)
    const [a, b] = [read(theirs[name]), read(reference[name])]
    if (a.length !== b.length) throw new Error(`${name} has ${a.length} values, expected ${b.length}`)
    let [difference, scale] = [0, 0]
    for (let i = 0; i < a.length; i++) {
      difference = Math.max(difference, Math.abs(a[i] - b[i])) || difference
      if (!Number.isFinite(a[i] - b[i])) difference = Number.POSITIVE_INFINITY
      scale = Math.max(scale, Math.abs(b[i]))
    }
    if (!(difference <= tolerance * scale)) throw new Error(`${name} differs by ${difference}, its values go up to ${scale}`)
    if (scale > 0) largest = Math.max(largest, difference / scale)
  }
  return Number(largest.toPrecision(2))
}

function read({ file }) {
  const { buffer, byteOffset, byteLength } = readFileSync(file)
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))
}
