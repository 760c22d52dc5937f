// What the trainer and the data checks may see of a model, and users may not.
import { GrusError } from './errors.js'
import type { Model } from './model.js'
import type { NativeSession } from './native.js'
import type { FloatTensor, Tensor } from './tensor.js'

/** What goes into a model. */
export interface ModelInput {
  /** int32 ids [B, T] into an embedding, else float32 features. */
  readonly ids: boolean
  /** Features only: true: [B, T, I]; false: [B, I]; undefined: either, until the model is built. */
  readonly sequence: boolean | undefined
  /** Features I, or the vocabulary's size for ids; undefined until the model is built. */
  readonly size: number | undefined
  /** Features only: steps all of whose features are this number are masked; undefined: none are. */
  readonly maskValue: number | undefined
}

/** What comes out of a built model: [B, size], or [B, T, size] if it is a sequence. */
export interface ModelOutput {
  readonly size: number
  readonly sequence: boolean
}

export interface ModelInternals {
  /** The native session. Throws DISPOSED after dispose, INVALID_ARGUMENT before the model is built. */
  session(where: string): NativeSession
  /**
   * Those of the last training step or backward, under the names of the weights, regularisation included. Where the optimizer clips, a training step
   * leaves them clipped on the CPU and as they were before on a GPU. Throws INVALID_ARGUMENT before the first.
   */
  readGradients(where: string): Promise<Map<string, FloatTensor>>
  /** Builds the model for data of x's shape unless it is built; x itself is checked by checkInputs. */
  ensureBuilt(where: string, x: Tensor): void
  /** What x is and what would come out, without building anything. */
  preview(where: string, x: Tensor): { sequence: boolean; output: ModelOutput }
  /** Throws DISPOSED after dispose. */
  checkAlive(where: string): void
  input(): ModelInput
  /** Throws INVALID_ARGUMENT before the model is built. */
  output(where: string): ModelOutput
  /** True if a layer carries its state from batch to batch: all batches must then have the same size. */
  readonly stateful: boolean
  /** Who configured the session last (loss, metrics, optimizer): a trainer that finds another one here configures anew. */
  configuredBy: object | undefined
}

const table = new WeakMap<Model, ModelInternals>()

export function setModelInternals(model: Model, internals: ModelInternals): void {
  table.set(model, internals)
}

/** @throws GrusError INVALID_ARGUMENT for anything that is no model of this library */
export function modelInternals(model: Model, where = 'model'): ModelInternals {
  const internals = typeof model === 'object' && model !== null ? table.get(model) : undefined
  if (!internals) throw new GrusError('INVALID_ARGUMENT', `[${where}] model must come from sequential(…) or loadModel(…)`)
  return internals
}
