// What a layer `masking` does to the data, before anything crosses to native code.
import type { CheckedInputs } from './inputs.js'

/**
 * Sets the mask of steps [rows, steps] all of whose features are maskValue to 0, and their features. The arrays that came in stay as they are; nothing
 * is copied when there is no such step.
 */
export function maskSteps(inputs: CheckedInputs, maskValue: number): void {
  const { rows, steps, x, xRow } = inputs
  const features = xRow / steps
  const value = Math.fround(maskValue)
  let masked: Uint8Array | undefined
  let zeroed: Float32Array | undefined
  for (let step = 0, at = 0; step < rows * steps; step++, at += features) {
    if (!isFilled(x, at, features, value)) continue
    masked ??= new Uint8Array(rows * steps)
    masked[step] = 1
    if (value === 0) continue
    zeroed ??= Float32Array.from(x)
    zeroed.fill(0, at, at + features)
  }
  if (!masked) return
  inputs.masked = masked
  inputs.mask = masked.map((found, step) => (found || inputs.mask?.[step] === 0 ? 0 : 1))
  if (zeroed) inputs.x = zeroed
}

function isFilled(x: ArrayLike<number>, at: number, count: number, value: number): boolean {
  for (let i = at; i < at + count; i++) if (x[i] !== value) return false
  return true
}

/** The gradient of what maskSteps did: 0 where it put zeros. */
export function maskGradient(dx: Float32Array, masked: Uint8Array): void {
  const features = dx.length / masked.length
  masked.forEach((found, step) => {
    if (found) dx.fill(0, step * features, (step + 1) * features)
  })
}
