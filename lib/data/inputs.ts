// The checks that predict, fit and evaluate share: from what users give to the typed arrays that native code takes.
import { GrusError } from '../errors.js'
import type { Loss } from '../losses.js'
import type { Model } from '../model.js'
import { type ModelInput, modelInternals } from '../model-internals.js'
import { describe, showShape, type Tensor, type TensorLike, toTensor } from '../tensor.js'
import { maskSteps } from './masking.js'
import { checkTargets, checkWeights } from './targets.js'

export interface Inputs {
  x: TensorLike
  mask?: TensorLike | undefined
  lengths?: readonly number[] | undefined
  /** Comes with its loss, which says what targets look like. */
  y?: TensorLike | undefined
  loss?: Loss | undefined
  sampleWeight?: TensorLike | undefined
}

/** Row-major typed arrays, not copied where the user's own will do; `…Row` is how many elements belong to one row. */
export interface CheckedInputs {
  rows: number
  /** 1 when the input is no sequence. */
  steps: number
  /** Int32Array ids or Float32Array features. */
  x: Float32Array | Int32Array
  xRow: number
  /** As x came in. */
  xShape: readonly number[]
  /** [rows, steps] of 1 and 0. */
  mask?: Uint8Array
  /** [rows, steps]: 1 where a layer `masking` found a step to mask and zeroed it; absent: nowhere. */
  masked?: Uint8Array
  /** Float32Array values, or Int32Array classes for a sparse loss. */
  y?: Float32Array | Int32Array
  yRow: number
  /** One weight for each row of the output: [rows] or [rows, steps]. */
  weights?: Float32Array
  weightRow: number
}

/**
 * Checks data against the model, and builds the model with it where that is still to do.
 *
 * @throws GrusError SHAPE_MISMATCH or INVALID_ARGUMENT naming the tensor and the row
 */
export function checkInputs(where: string, model: Model, inputs: Inputs): CheckedInputs {
  const internals = modelInternals(model, where)
  internals.checkAlive(where)
  const x = checkX(where, internals.input(), inputs.x)
  const { output, sequence } = internals.preview(where, x)
  const [rows, steps] = [x.shape[0]!, sequence ? x.shape[1]! : 1]
  const checked: CheckedInputs = { rows, steps, x: x.data, xRow: x.data.length / rows, xShape: x.shape, yRow: 0, weightRow: 0 }
  const mask = checkMask(where, sequence, rows, steps, inputs)
  if (mask) checked.mask = mask
  const { maskValue } = internals.input()
  if (maskValue !== undefined) maskSteps(checked, maskValue)
  if (inputs.y !== undefined && inputs.loss) {
    checked.y = checkTargets(where, inputs.y, inputs.loss, output, rows, steps)
    checked.yRow = checked.y.length / rows
  }
  if (inputs.sampleWeight !== undefined) {
    checked.weights = checkWeights(where, inputs.sampleWeight, output, rows, steps)
    checked.weightRow = checked.weights.length / rows
  }
  internals.ensureBuilt(where, x)
  return checked
}

/** x as ids [B, T] within the vocabulary, or float32 features [B, T, I] or [B, I]. */
function checkX(where: string, input: ModelInput, value: TensorLike): Tensor {
  const x = toTensor(where, 'x', value, input.ids ? 'int32' : 'float32')
  const rank = x.shape.length
  if (x.shape[0] === 0) {
    throw new GrusError(
      'INVALID_ARGUMENT',
      `[${where}] x must be ${expectedShape(input)} with one row or more: it is empty, got shape ${showShape(x.shape)}`,
    )
  }
  const rankFits = input.ids ? rank === 2 : input.sequence === undefined ? rank === 2 || rank === 3 : rank === (input.sequence ? 3 : 2)
  const sizeFits = input.ids || input.size === undefined || x.shape[rank - 1] === input.size
  if (!rankFits || !sizeFits) {
    const hint = !input.ids && rank === 2 && input.sequence ? '; a series of single values has shape [B, T, 1]' : ''
    throw new GrusError('SHAPE_MISMATCH', `[${where}] x must be ${expectedShape(input)}, got shape ${showShape(x.shape)}${hint}`)
  }
  if (x.shape.includes(0)) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] x must not be empty, got shape ${showShape(x.shape)}`)
  }
  if (!input.ids) return x.data instanceof Float32Array ? x : { data: Float32Array.from(x.data), shape: x.shape }
  return { data: checkIds(where, x, input.size!), shape: x.shape }
}

function expectedShape(input: ModelInput): string {
  if (input.ids) return 'ids [B, T]'
  const size = input.size ?? 'I'
  if (input.sequence === undefined) return `[B, ${size}] or [B, T, ${size}]`
  return input.sequence ? `[B, T, ${size}]` : `[B, ${size}]`
}

function checkIds(where: string, x: Tensor, vocabulary: number): Int32Array {
  const { data } = x
  const steps = x.shape[1]!
  for (let i = 0; i < data.length; ++i) {
    const id = data[i]!
    if (id >= 0 && id < vocabulary && (id | 0) === id) continue
    const place = `x[${Math.floor(i / steps)}][${i % steps}]`
    throw new GrusError(
      'INVALID_ARGUMENT',
      `[${where}] ${place} must be an id from 0 to ${vocabulary - 1} (inputDim ${vocabulary}), got ${id}`,
    )
  }
  return data instanceof Int32Array ? data : Int32Array.from(data)
}

/** One [rows, steps] mask from a mask or lengths, or undefined when neither is given. */
export function checkMask(
  where: string,
  sequence: boolean,
  rows: number,
  steps: number,
  given: { mask?: TensorLike | undefined; lengths?: readonly number[] | undefined },
): Uint8Array | undefined {
  if (given.mask === undefined && given.lengths === undefined) return undefined
  if (given.mask !== undefined && given.lengths !== undefined) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] give mask or lengths, not both`)
  }
  if (!sequence) throw new GrusError('INVALID_ARGUMENT', `[${where}] mask and lengths need an input of sequences, this model takes vectors`)
  return given.mask !== undefined ? maskFrom(where, given.mask, rows, steps) : maskFromLengths(where, given.lengths!, rows, steps)
}

function maskFrom(where: string, value: TensorLike, rows: number, steps: number): Uint8Array {
  const { data, shape } = toTensor(where, 'mask', value, 'int32')
  if (shape.length !== 2 || shape[0] !== rows || shape[1] !== steps) {
    throw new GrusError('SHAPE_MISMATCH', `[${where}] mask must be [B, T] = ${showShape([rows, steps])}, got shape ${showShape(shape)}`)
  }
  const wrong = data.findIndex((v) => v !== 0 && v !== 1)
  if (wrong >= 0) {
    const place = `mask[${Math.floor(wrong / steps)}][${wrong % steps}]`
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${place} must be 0 or 1, got ${data[wrong]}`)
  }
  return Uint8Array.from(data)
}

function maskFromLengths(where: string, lengths: readonly number[], rows: number, steps: number): Uint8Array {
  if (!(Array.isArray(lengths) || ArrayBuffer.isView(lengths))) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] lengths must be an array of integers, got ${describe(lengths)}`)
  }
  if (lengths.length !== rows) {
    throw new GrusError('SHAPE_MISMATCH', `[${where}] lengths must have one entry for each of the ${rows} rows, got ${lengths.length}`)
  }
  const mask = new Uint8Array(rows * steps)
  lengths.forEach((length: number, row: number) => {
    if (!Number.isInteger(length) || length < 0 || length > steps) {
      throw new GrusError('INVALID_ARGUMENT', `[${where}] lengths[${row}] must be an integer from 0 to ${steps}, got ${describe(length)}`)
    }
    mask.fill(1, row * steps, row * steps + length)
  })
  return mask
}
