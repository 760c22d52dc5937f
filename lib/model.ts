import type { Normalizer } from './data/normalizer.js'
import type { TextVectorizer } from './data/text.js'
import type { DeviceMemory } from './device-memory.js'
import type { DeviceName, EngineOptions, Precision } from './engine-options.js'
import type { LoadedStateDict, LoadStateDictOptions } from './interop/pytorch/load-options.js'
import { SequentialModel } from './model-sequential.js'
import type { LayerSpec } from './spec/types.js'
import type { FloatTensor, Tensor, TensorLike } from './tensor.js'

export interface ModelOptions extends EngineOptions {
  /** Of the initial weights, the dropout masks and the trainer's shuffles: an integer from 0 to 2^53 - 1. Default: drawn at random. */
  seed?: number
  /** Features of the input, where no first layer says it and no data is there yet. */
  inputSize?: number
  /** Default `'sequential'`. */
  name?: string
}

/** Which steps of the input count. At most one of the two. */
export interface MaskOptions {
  /** [B, T] of 1 (valid) and 0, in any pattern. */
  mask?: TensorLike
  /** Valid steps of each row, counted from its start. */
  lengths?: readonly number[]
}

export interface PredictOptions extends MaskOptions {
  /** Rows computed at once. Default 32. */
  batchSize?: number
  /** Rejects with ABORTED between two batches. */
  signal?: AbortSignal
}

export interface PredictSyncOptions extends MaskOptions {
  /** Where the result goes: [B, K] or [B, T, K] row-major, of just that length. It may be the data of x. Default: a new array. */
  out?: Float32Array
}

export interface PredictWithStatesOptions extends MaskOptions {
  /** [D, B, H] for each layer with returnState or stateful, in layer order. Default: zeros, or the state carried along. */
  initialStates?: readonly Tensor[]
}

export interface ForwardOptions extends MaskOptions {
  /** Applies dropout. Default false. */
  training?: boolean
}

/** Layers one after the other, on one device. Made by {@link sequential} or `loadModel`. */
export interface Model {
  readonly name: string
  /** With every default and name filled in. */
  readonly layers: readonly LayerSpec[]
  readonly device: DeviceName
  readonly precision: Precision
  /** What computes, e.g. `'cpu packed avx512'`. */
  readonly engine: string
  readonly seed: number
  /** True once the input size is known and the weights are there. */
  readonly built: boolean
  /** [B, K] or [B, T, K] with B and T as letters. Throws INVALID_ARGUMENT before the model is built. */
  readonly outputShape: readonly (number | string)[]

  /** Saved with the model. */
  tokenizer?: TextVectorizer | undefined
  /** Saved with the model. */
  normalizer?: Normalizer | undefined
  /** Names of the output's features, saved with the model. */
  labels?: readonly string[] | undefined

  /**
   * Makes the weights for inputs of this many features; done by itself with the first data.
   *
   * @throws GrusError INVALID_ARGUMENT if the model is built for another size
   */
  build(inputSize: number): void

  /** Numbers in all weights. Throws INVALID_ARGUMENT before the model is built. */
  countParams(): number

  /**
   * A table of layers, output shapes and parameters.
   *
   * @param print - called with each line
   * @returns the lines as one string
   */
  summary(print?: (line: string) => void): string

  /**
   * Computes the output for each row: [B, K], or [B, T, K] if the last layers keep sequences.
   *
   * @param x - ids [B, T], sequences [B, T, I] or vectors [B, I]; its data is read batch by batch, so leave it alone until the promise settles
   * @throws GrusError SHAPE_MISMATCH, INVALID_ARGUMENT (naming the row), ABORTED, DISPOSED
   */
  predict(x: TensorLike, options?: PredictOptions): Promise<FloatTensor>

  /**
   * As predict, in one batch, computed before it returns: for streams of small steps, where a promise would cost more than the step. Stateful layers carry
   * their states along, from predict to predictSync too. Nothing else runs in this thread meanwhile.
   *
   * @param x - as predict's. Given as a tensor and with `out`, nothing is allocated but the tensor that comes back
   * @returns the same numbers as predict's; its data is `out` if that was given
   * @throws GrusError SHAPE_MISMATCH, INVALID_ARGUMENT (also while calls that return promises have not settled: await them first), DISPOSED
   */
  predictSync(x: TensorLike, options?: PredictSyncOptions): FloatTensor

  /** As predict, in one batch, with the final states [D, B, H] of each layer with `returnState` or `stateful`, in layer order. */
  predictWithStates(x: TensorLike, options?: PredictWithStatesOptions): Promise<{ y: FloatTensor; states: FloatTensor[] }>

  /** Copies of all weights: `gru.weight_ih_l0` [3H, I] (gates r, z, n), `dense.weight` [out, in], `embedding.weight` [vocabulary, dim], … */
  getWeights(): Promise<Map<string, FloatTensor>>

  /**
   * Replaces all weights.
   *
   * @throws GrusError INVALID_ARGUMENT or SHAPE_MISMATCH for a missing, unknown or mis-shaped one; then nothing has changed
   */
  setWeights(values: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>): Promise<void>

  /**
   * Replaces the weights by those of a PyTorch module: a .safetensors file, or what `torch.save(module.state_dict(), path)` wrote; also a checkpoint that
   * holds such a dict. Modules are matched with layers by their names, else by kinds and shapes; an nn.GRU of L layers is L gru or bidirectional layers.
   *
   * @returns the names that were missing and unexpected: both empty unless `strict: false` (default true) let them pass
   *
   * @throws GrusError INVALID_ARGUMENT for missing or unexpected names (all in one message), and where more than one assignment fits: give `map`;
   *   SHAPE_MISMATCH; UNSUPPORTED; CORRUPT_FILE. Then nothing has changed
   */
  loadStateDict(path: string, options?: LoadStateDictOptions): Promise<LoadedStateDict>

  /** Stateful layers start from zeros again. */
  resetStates(): Promise<void>

  /** Computes y and keeps what backward needs: the door for losses made elsewhere. One batch. */
  forward(x: TensorLike, options?: ForwardOptions): Promise<FloatTensor>

  /**
   * Gradients of the last forward from those of its output; regularisers included.
   *
   * @param dy - shaped as y
   * @returns dx shaped as x, null for ids; gradients under the weights' names
   */
  backward(dy: Tensor): Promise<{ dx: FloatTensor | null; gradients: Map<string, FloatTensor> }>

  /** Writes everything to one safetensors file, aside first: a failure leaves an old file as it was. */
  save(path: string): Promise<void>

  /**
   * Replaces all weights by those of a `.weights.h5` file of Keras 3 (`model.save_weights`). As in Keras, weights go by the layers' kinds and order, not by
   * their names. The model must be built. Needs the package h5wasm.
   *
   * @throws GrusError SHAPE_MISMATCH for weights of other layers; CORRUPT_FILE; UNSUPPORTED; INVALID_ARGUMENT if the file cannot be read; then nothing has
   *   changed
   */
  loadWeights(path: string): Promise<void>

  /** What is held on the device, and how many passes a GPU replayed as graphs. Nothing before the model is built; also after dispose. */
  memory(): DeviceMemory

  /** Frees the device's memory; later calls reject with DISPOSED. Any number of times. */
  dispose(): void
  [Symbol.dispose](): void
}

/**
 * A model of layers one after the other.
 *
 * @throws GrusError INVALID_ARGUMENT naming the layer and option; BACKEND_UNAVAILABLE for `device: 'cuda'` where there is none
 */
export function sequential(layers: readonly LayerSpec[], options: ModelOptions = {}): Model {
  return new SequentialModel(layers, options)
}
