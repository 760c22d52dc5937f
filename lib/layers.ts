import { GrusError } from './errors.js'
import { checkActivation, checkBidirectional, checkDense, checkGru, checkLayerNormalization, checkRanges } from './spec/checks.js'
import {
  activationSchema,
  bidirectionalSchema,
  denseSchema,
  dropoutSchema,
  embeddingSchema,
  gruSchema,
  layerNormalizationSchema,
  maskingSchema,
} from './spec/layer-schemas.js'
import { parse } from './spec/parse.js'
import type {
  ActivationOptions,
  ActivationSpec,
  BidirectionalOptions,
  BidirectionalSpec,
  DenseOptions,
  DenseSpec,
  DropoutOptions,
  DropoutSpec,
  EmbeddingOptions,
  EmbeddingSpec,
  GruOptions,
  GruSpec,
  LayerNormalizationOptions,
  LayerNormalizationSpec,
  MaskingOptions,
  MaskingSpec,
} from './spec/types.js'
import { describe } from './tensor.js'

/**
 * Looks up a vector for each id: int32 [B, T] -> [B, T, outputDim]. A model's first layer or none.
 *
 * @throws GrusError INVALID_ARGUMENT naming the option
 */
export function embedding(options: EmbeddingOptions): EmbeddingSpec {
  const spec = parse('embedding', embeddingSchema, typed('embedding', options))
  checkRanges('embedding', { embeddingsInitializer: spec.embeddingsInitializer })
  return spec
}

/**
 * A layer of gated recurrent units: [B, T, I] -> [B, units], or [B, T, units] with `returnSequences`.
 *
 * @throws GrusError INVALID_ARGUMENT naming the option; UNSUPPORTED for `updateGate: 'write'` with a gate that is not symmetric
 */
export function gru(options: GruOptions): GruSpec {
  const spec = parse('gru', gruSchema, typed('gru', options))
  checkGru('gru', spec)
  return spec
}

/**
 * Runs a gru over the sequence from both ends and joins the two outputs: [B, T, I] -> [B, 2 * units] with `'concat'`, [B, units] with the other modes;
 * with `returnSequences` the same at every step, both aligned to the input's time.
 *
 * @throws GrusError INVALID_ARGUMENT naming the option; UNSUPPORTED for a gru with `goBackwards`, or a `backwardLayer` that differs in more than it may
 */
export function bidirectional(layer: GruSpec, options: BidirectionalOptions = {}): BidirectionalSpec {
  if (typeof layer !== 'object' || layer === null || layer.type !== 'gru') {
    throw new GrusError('INVALID_ARGUMENT', `[bidirectional] the first argument must be a gru(…), got ${describe(layer)}`)
  }
  const spec = parse('bidirectional', bidirectionalSchema, { ...typed('bidirectional', options), layer })
  checkBidirectional('bidirectional', spec)
  return spec
}

/**
 * y = activation(x W^T + b), on vectors [B, I] or at every step of a sequence [B, T, I].
 *
 * @throws GrusError INVALID_ARGUMENT naming the option
 */
export function dense(options: DenseOptions): DenseSpec {
  const spec = parse('dense', denseSchema, typed('dense', options))
  checkDense('dense', spec)
  return spec
}

/**
 * In training, zeroes each element with probability `rate` and scales the others by 1 / (1 - rate); elsewhere it does nothing.
 *
 * @throws GrusError INVALID_ARGUMENT naming the option
 */
export function dropout(options: DropoutOptions): DropoutSpec {
  return parse('dropout', dropoutSchema, typed('dropout', options))
}

/**
 * Each vector of features, less its mean, divided by its deviation: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, on [B, I] or at every step of
 * [B, T, I]. The variance is the biased one.
 *
 * @throws GrusError INVALID_ARGUMENT naming the option
 */
export function layerNormalization(options: LayerNormalizationOptions = {}): LayerNormalizationSpec {
  const spec = parse('layerNormalization', layerNormalizationSchema, typed('layerNormalization', options))
  checkLayerNormalization('layerNormalization', spec)
  return spec
}

/**
 * An activation on its own, of each element; `'softmax'`, on a model's last layer, over the features.
 *
 * @throws GrusError INVALID_ARGUMENT naming the option
 */
export function activation(options: ActivationOptions): ActivationSpec {
  const spec = parse('activation', activationSchema, typed('activation', options))
  checkActivation('activation', spec)
  return spec
}

/**
 * Masks the steps of [B, T, I] all of whose features are `maskValue`, in this and every later layer, and zeroes them. A mask or lengths given with the data
 * count as well: a step is valid where both say so. A model's first layer or none.
 *
 * @throws GrusError INVALID_ARGUMENT naming the option
 */
export function masking(options: MaskingOptions = {}): MaskingSpec {
  return parse('masking', maskingSchema, typed('masking', options))
}

function typed(type: string, options: unknown): object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new GrusError('INVALID_ARGUMENT', `[${type}] options must be an object, got ${describe(options)}`)
  }
  if (Object.hasOwn(options, 'type') && (options as { type: unknown }).type !== type) {
    throw new GrusError('INVALID_ARGUMENT', `[${type}] unknown option 'type'`)
  }
  return { ...options, type }
}
