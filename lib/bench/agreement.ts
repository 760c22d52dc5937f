// What computes something else is not worth timing: a few steps of each kind of GRU are compared with float64 first.
import type { CheckedEngineOptions, Precision } from '../engine-options.js'
import { GrusError } from '../errors.js'
import type { NativeBenchValues } from '../native.js'
import { RandomStream } from '../random.js'
import { free, makeGruBench } from './engine.js'
import { referenceForward } from './reference.js'
import type { Shape } from './rows.js'

/** Of the largest value, or for gradients of their norm: sums in another order, and what the number types round. */
export const tolerances: Record<Precision, { outputs: number; gradients: number }> = {
  float32: { outputs: 1e-4, gradients: 1e-3 },
  tf32: { outputs: 1e-2, gradients: 5e-2 },
  float16: { outputs: 1e-2, gradients: 5e-2 },
  bfloat16: { outputs: 5e-2, gradients: 2e-1 },
}

const everything = 2 ** 24
const directions = 3
const epsilon = 1e-5

/** A shape that is quick in float64 and as much like the given one as it can be. */
export function smallShape({ hidden, input, batch, steps, layers, directions }: Shape): Shape {
  return {
    hidden: Math.min(hidden, 128),
    input: Math.min(input, 64),
    batch: Math.min(batch, 4),
    steps: Math.min(steps, 4),
    layers: Math.min(layers, 3),
    directions,
  }
}

/**
 * Forward alone, then forward and backward, each three times, so that captured passes are among them.
 *
 * @param shape - small
 * @returns the largest difference found, in units of the tolerance
 * @throws GrusError DEVICE naming the result that is wrong
 */
export async function checkAgreement(where: string, shape: Shape, engine: CheckedEngineOptions): Promise<number> {
  const bench = makeGruBench(shape, engine)
  const { batch, steps } = shape
  let largest = 0
  try {
    for (const training of [false, true]) {
      await bench.prepare({ batch, steps, training })
      for (let pass = 0; pass < 3; pass++) await bench.run(1)
      largest = Math.max(largest, compare(where, shape, await bench.read(everything), training, engine.precision))
    }
  } finally {
    await free(bench)
  }
  return largest
}

/** @throws GrusError as checkAgreement */
export function compare(where: string, shape: Shape, values: NativeBenchValues, training: boolean, precision: Precision): number {
  const [x, weights] = [Float64Array.from(values.x), Float64Array.from(values.weights)]
  const { y, hy } = referenceForward(shape, x, weights)
  const { outputs, gradients } = tolerances[precision]
  const differences = {
    y: apart(values.y, y) / outputs,
    hy: apart(values.hy, hy) / outputs,
    ...(training && {
      dx: slopeApart(shape, x, weights, values.dy, { dx: values.dx }) / gradients,
      gradients: slopeApart(shape, x, weights, values.dy, { dweights: values.gradients }) / gradients,
    }),
  }
  for (const [name, difference] of Object.entries(differences)) {
    mustHold(
      difference <= 1,
      where,
      `${name} of the engine differs from float64 by ${difference.toPrecision(3)} times what ${precision} explains`,
    )
  }
  return Math.max(...Object.values(differences))
}

/** @throws GrusError DEVICE unless the condition holds: the engine is at fault */
export function mustHold(condition: boolean, where: string, message: string): void {
  if (!condition) throw new GrusError('DEVICE', `[${where}] ${message}`)
}

/** In units of the largest value. */
function apart(ours: Float32Array, right: Float64Array): number {
  if (ours.length !== right.length) return Number.POSITIVE_INFINITY
  let [difference, scale] = [0, 0]
  for (let i = 0; i < right.length; i++) {
    const each = Math.abs(ours[i]! - right[i]!)
    difference = Math.max(difference, Number.isFinite(each) ? each : Number.POSITIVE_INFINITY)
    scale = Math.max(scale, Math.abs(right[i]!))
  }
  return difference / scale
}

/**
 * All gradients by x, or by the weights: the slope of the sum of dy * y in a random direction, which is the product of the gradients with
 * that direction, against the same slope by differences. The largest difference of a few directions, in units of the gradients' norm.
 */
function slopeApart(
  shape: Shape,
  x: Float64Array,
  weights: Float64Array,
  dy: Float32Array,
  ours: { dx: Float32Array } | { dweights: Float32Array },
): number {
  const [of, gradients] = 'dx' in ours ? [x, ours.dx] : [weights, ours.dweights]
  if (gradients.length !== of.length) return Number.POSITIVE_INFINITY
  const norm = Math.sqrt(gradients.reduce((sum, value) => sum + value ** 2, 0))
  const stream = new RandomStream(1, 'directions')
  let largest = 0
  for (let i = 0; i < directions; i++) {
    const direction = Int8Array.from({ length: of.length }, () => (stream.uint32() & 1) * 2 - 1)
    const valueAt = (by: number): number => {
      const moved = of.map((value, j) => value + by * direction[j]!)
      const { y } = 'dx' in ours ? referenceForward(shape, moved, weights) : referenceForward(shape, x, moved)
      return y.reduce((sum, value, j) => sum + value * dy[j]!, 0)
    }
    const byDifferences = (valueAt(epsilon) - valueAt(-epsilon)) / (2 * epsilon)
    const slope = gradients.reduce((sum, value, j) => sum + value * direction[j]!, 0)
    const difference = Math.abs(slope - byDifferences) / norm
    largest = Math.max(largest, Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY)
  }
  return largest
}
