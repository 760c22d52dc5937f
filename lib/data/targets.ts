import { GrusError } from '../errors.js'
import { hasLabels, type Loss } from '../losses.js'
import type { ModelOutput } from '../model-internals.js'
import { sameShape, showShape, type TensorLike, toTensor } from '../tensor.js'

/** y as the loss takes it: classes int32 [B] or [B, T] for a sparse loss, else float32 values shaped as the output. A last axis of 1 may be left out. */
export function checkTargets(
  where: string,
  value: TensorLike,
  loss: Loss,
  output: ModelOutput,
  rows: number,
  steps: number,
): Float32Array | Int32Array {
  const labels = hasLabels(loss)
  const y = toTensor(where, 'y', value, labels ? 'int32' : 'float32')
  const outer = output.sequence ? [rows, steps] : [rows]
  const size = labels ? 1 : output.size
  const full = [...outer, size]
  if (y.shape[0] !== rows) {
    throw new GrusError('SHAPE_MISMATCH', `[${where}] x and y must have as many rows, got ${rows} and ${y.shape[0] ?? 0}`)
  }
  if (!sameShape(y.shape, full) && !(size === 1 && sameShape(y.shape, outer))) {
    const wanted = labels ? `classes of shape ${showShape(outer)}` : `values of shape ${showShape(full)}`
    const advice = labels ? '' : size > 1 && sameShape(y.shape, outer) ? "; for integer classes use 'sparseCategoricalCrossentropy'" : ''
    throw new GrusError('SHAPE_MISMATCH', `[${where}] y must hold ${wanted} for ${loss.type}, got shape ${showShape(y.shape)}${advice}`)
  }
  return labels ? checkClasses(where, y.data, output, steps) : checkRange(where, y.data, loss, full)
}

function checkClasses(where: string, data: Float32Array | Int32Array, output: ModelOutput, steps: number): Int32Array {
  if (output.size < 2) {
    throw new GrusError(
      'INVALID_ARGUMENT',
      `[${where}] sparseCategoricalCrossentropy needs an output of 2 or more features, this model has 1`,
    )
  }
  for (let i = 0; i < data.length; ++i) {
    const label = data[i]!
    if (label >= 0 && label < output.size && (label | 0) === label) continue
    const place = output.sequence ? `y[${Math.floor(i / steps)}][${i % steps}]` : `y[${i}]`
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${place} must be a class from 0 to ${output.size - 1}, got ${label}`)
  }
  return data instanceof Int32Array ? data : Int32Array.from(data)
}

/** Cross-entropies are of probabilities. NaN passes: it reaches the loss and terminateOnNaN. */
function checkRange(where: string, data: Float32Array | Int32Array, loss: Loss, shape: readonly number[]): Float32Array {
  if (loss.type === 'binaryCrossentropy' || loss.type === 'categoricalCrossentropy') {
    const wrong = data.findIndex((v) => v < 0 || v > 1)
    if (wrong >= 0) {
      const row = Math.floor((wrong / data.length) * shape[0]!)
      throw new GrusError('INVALID_ARGUMENT', `[${where}] y must be from 0 to 1 for ${loss.type}, got ${data[wrong]} in row ${row}`)
    }
  }
  return data instanceof Float32Array ? data : Float32Array.from(data)
}

/** Sample weights, one for each row of the output: [B] is spread over the steps of an output of sequences. */
export function checkWeights(where: string, value: TensorLike, output: ModelOutput, rows: number, steps: number): Float32Array {
  const { data, shape } = toTensor(where, 'sampleWeight', value)
  const perStep = output.sequence && sameShape(shape, [rows, steps])
  if (!perStep && !sameShape(shape, [rows])) {
    const wanted = output.sequence ? `${showShape([rows])} or ${showShape([rows, steps])}` : showShape([rows])
    throw new GrusError('SHAPE_MISMATCH', `[${where}] sampleWeight must have shape ${wanted}, got ${showShape(shape)}`)
  }
  const wrong = data.findIndex((v) => !(v >= 0 && v < Infinity))
  if (wrong >= 0) {
    const row = perStep ? Math.floor(wrong / steps) : wrong
    throw new GrusError('INVALID_ARGUMENT', `[${where}] sampleWeight must be finite and at least 0, got ${data[wrong]} in row ${row}`)
  }
  if (!output.sequence || perStep) return data instanceof Float32Array ? data : Float32Array.from(data)
  return Float32Array.from({ length: rows * steps }, (_, i) => data[Math.floor(i / steps)]!)
}
