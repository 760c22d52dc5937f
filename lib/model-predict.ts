import type { CheckedInputs } from './data/inputs.js'
import { GrusError } from './errors.js'
import type { NativeBatch, NativeSession } from './native.js'
import { gruOf, type NamedLayer } from './spec/network.js'
import { allocate } from './sync.js'
import { describe, showShape, sizeOf, type Tensor } from './tensor.js'
import type { Batcher } from './training/batcher.js'

/** Rows begin..end-1 as native code takes them: views, nothing is copied here. */
export function toBatch(inputs: CheckedInputs, begin: number, end: number): NativeBatch {
  const { x, xRow, mask, steps } = inputs
  const batch: NativeBatch = { batch: end - begin, steps, x: x.subarray(begin * xRow, end * xRow) }
  if (mask) batch.mask = mask.subarray(begin * steps, end * steps)
  return batch
}

/**
 * Outputs of all rows, in their order, batch by batch. One batch is queued while another is computed. Rows of like lengths meet in a batch: no row's
 * output depends on the others.
 *
 * @param outputRow - numbers that come out for one row
 */
export async function predictBatches(
  where: string,
  session: NativeSession,
  batcher: Batcher,
  batchSize: number,
  outputRow: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { rows, byLength: order } = batcher
  const y = allocate(where, rows * outputRow)
  const keep = (values: Float32Array, begin: number) => {
    if (!order) return y.set(values, begin * outputRow)
    for (let at = 0; at < values.length; at += outputRow) {
      y.set(values.subarray(at, at + outputRow), order[begin + at / outputRow]! * outputRow)
    }
  }
  let last: Promise<void> = Promise.resolve()
  for (let begin = 0; begin < rows; begin += batchSize) {
    if (signal?.aborted) {
      await last
      throw new GrusError('ABORTED', `[${where}] the signal stopped it after ${begin} of ${rows} rows`, { cause: signal.reason })
    }
    const end = Math.min(begin + batchSize, rows)
    const before = last
    last = session.predict(batcher.make(begin, end, order)).then((values) => keep(values, begin))
    last.catch(() => undefined)
    await before
  }
  await last
  return y
}

/** The data of initial states, after a check against [D, B, H] of each layer. */
export function checkStates(
  where: string,
  given: readonly Tensor[],
  layers: readonly { layer: string; shape: number[] }[],
): Float32Array[] {
  if (given.length !== layers.length) {
    const names = layers.map(({ layer }) => layer).join(', ')
    throw new GrusError('SHAPE_MISMATCH', `[${where}] initialStates must have one tensor for each of ${names}, got ${given.length}`)
  }
  return layers.map(({ layer, shape }, i) => {
    const state = given[i]
    if (
      !(state?.data instanceof Float32Array) ||
      showShape(state.shape ?? []) !== showShape(shape) ||
      state.data.length !== sizeOf(shape)
    ) {
      const came = state?.data instanceof Float32Array ? showShape(state.shape ?? []) : describe(state)
      throw new GrusError(
        'SHAPE_MISMATCH',
        `[${where}] initialStates[${i}] (${layer}) must be float32 of shape ${showShape(shape)}, got ${came}`,
      )
    }
    return state.data
  })
}

/** [D, B, H] of each layer whose states can be read. */
export function stateShapes(where: string, layers: readonly NamedLayer[], rows: number): { layer: string; shape: number[] }[] {
  const shapes = layers.flatMap((layer) => {
    const gru = gruOf(layer)
    if (!gru?.returnState && !gru?.stateful) return []
    return [{ layer: layer.name, shape: [layer.type === 'bidirectional' ? 2 : 1, rows, gru.units] }]
  })
  if (shapes.length === 0) throw new GrusError('INVALID_ARGUMENT', `[${where}] no layer has returnState or stateful: there are no states`)
  return shapes
}
