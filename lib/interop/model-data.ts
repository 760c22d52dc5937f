// What every reader of foreign files makes and every writer takes: layers and weights in grus' conventions, without an engine.
import { GrusError, type GrusErrorCode } from '../errors.js'
import { checkWeights, type NamedTensors } from '../model-weights.js'
import { lower } from '../spec/lower.js'
import { checkLayers, inputOf, type NamedLayer } from '../spec/network.js'
import type { LayerSpec } from '../spec/types.js'
import type { FloatTensor } from '../tensor.js'

export interface ModelData {
  name: string
  layers: readonly NamedLayer[]
  /** Features, or the vocabulary's size for ids. */
  inputSize: number
  /** The input is [B, T, I] or ids [B, T], else [B, I]. */
  sequence: boolean
  /** Under the names and in the shapes of `model.getWeights()`. */
  weights: ReadonlyMap<string, FloatTensor>
}

export interface ImportedModel extends ModelData {
  /** What was found and converted, a line each: `gru: gates z, r, n -> r, z, n`. */
  notes: readonly string[]
}

/**
 * Checks that the layers make a model and the weights fit it, as loading it would.
 *
 * @throws GrusError UNSUPPORTED for layers that grus cannot compute; SHAPE_MISMATCH, INVALID_ARGUMENT from the weights
 */
export function modelData(
  where: string,
  name: string,
  layers: readonly LayerSpec[],
  inputSize: number,
  sequence: boolean,
  weights: NamedTensors,
): ModelData {
  const named = checkLayers(where, layers)
  const { parameters } = lower(where, named, inputSize, inputOf(named).sequence ?? sequence, 0)
  return {
    name,
    layers: named,
    inputSize,
    sequence: inputOf(named).sequence ?? sequence,
    weights: checkWeights(where, weights, parameters),
  }
}

/** Makes the errors of one reader or writer: `[where] path: text`. */
export function errorsOf(
  where: string,
  path: string,
): Record<'corrupt' | 'unsupported' | 'invalid', (text: string, cause?: unknown) => GrusError> {
  const make = (code: GrusErrorCode) => (text: string, cause?: unknown) =>
    new GrusError(code, `[${where}] ${path}: ${text}`, cause === undefined ? undefined : { cause })
  return { corrupt: make('CORRUPT_FILE'), unsupported: make('UNSUPPORTED'), invalid: make('INVALID_ARGUMENT') }
}
