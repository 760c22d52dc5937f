import * as z from 'zod'
import { GrusError, type GrusErrorCode } from '../errors.js'
import { describe } from '../tensor.js'
import {
  activation,
  activationOrSoftmax,
  atLeastZero,
  finite,
  flag,
  initializer,
  layerName,
  listOf,
  positive,
  rate,
  regularizer,
  size,
} from './fields.js'
import { nearest, parse, schemaOf } from './parse.js'
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
  LayerSpec,
  MaskingOptions,
  MaskingSpec,
} from './types.js'

const object = { error: 'an object' }
const name = layerName.exactOptional()
const mergeModes = ['concat', 'sum', 'mul', 'ave'] as const

type Typed<Type extends string, Options> = { type: Type } & Options

export const embeddingSchema: z.ZodType<EmbeddingSpec, Typed<'embedding', EmbeddingOptions>> = schemaOf<
  EmbeddingSpec,
  Typed<'embedding', EmbeddingOptions>
>()(
  z.strictObject(
    {
      type: z.literal('embedding'),
      inputDim: size,
      outputDim: size,
      maskZero: flag.default(false),
      embeddingsInitializer: initializer.default('uniform'),
      embeddingsRegularizer: regularizer.exactOptional(),
      name,
    },
    object,
  ),
)

export const gruSchema: z.ZodType<GruSpec, Typed<'gru', GruOptions>> = schemaOf<GruSpec, Typed<'gru', GruOptions>>()(
  z.strictObject(
    {
      type: z.literal('gru'),
      units: size,
      activation: activation.default('tanh'),
      recurrentActivation: activation.default('sigmoid'),
      useBias: flag.default(true),
      resetAfter: flag.default(true),
      updateGate: z.enum(['keep', 'write'], { error: listOf(['keep', 'write']) }).default('keep'),
      returnSequences: flag.default(false),
      returnState: flag.default(false),
      goBackwards: flag.default(false),
      alignOutput: flag.default(false),
      stateful: flag.default(false),
      zeroOutputForMask: flag.default(false),
      dropout: rate.default(0),
      clip: positive.exactOptional(),
      kernelInitializer: initializer.default('glorotUniform'),
      recurrentInitializer: initializer.default('orthogonal'),
      biasInitializer: initializer.default('zeros'),
      kernelRegularizer: regularizer.exactOptional(),
      recurrentRegularizer: regularizer.exactOptional(),
      biasRegularizer: regularizer.exactOptional(),
      inputSize: size.exactOptional(),
      name,
    },
    object,
  ),
)

type GivenBidirectional = Typed<
  'bidirectional',
  Omit<BidirectionalOptions, 'backwardLayer'> & { layer: Typed<'gru', GruOptions>; backwardLayer?: Typed<'gru', GruOptions> }
>

export const bidirectionalSchema: z.ZodType<BidirectionalSpec, GivenBidirectional> = schemaOf<BidirectionalSpec, GivenBidirectional>()(
  z.strictObject(
    {
      type: z.literal('bidirectional'),
      layer: gruSchema,
      mergeMode: z.enum(mergeModes, { error: listOf(mergeModes) }).default('concat'),
      backwardLayer: gruSchema.exactOptional(),
      name,
    },
    object,
  ),
)

export const denseSchema: z.ZodType<DenseSpec, Typed<'dense', DenseOptions>> = schemaOf<DenseSpec, Typed<'dense', DenseOptions>>()(
  z.strictObject(
    {
      type: z.literal('dense'),
      units: size,
      activation: activationOrSoftmax.default('linear'),
      useBias: flag.default(true),
      kernelInitializer: initializer.default('glorotUniform'),
      biasInitializer: initializer.default('zeros'),
      kernelRegularizer: regularizer.exactOptional(),
      biasRegularizer: regularizer.exactOptional(),
      inputSize: size.exactOptional(),
      name,
    },
    object,
  ),
)

export const dropoutSchema: z.ZodType<DropoutSpec, Typed<'dropout', DropoutOptions>> = schemaOf<
  DropoutSpec,
  Typed<'dropout', DropoutOptions>
>()(z.strictObject({ type: z.literal('dropout'), rate, name }, object))

export const layerNormalizationSchema: z.ZodType<LayerNormalizationSpec, Typed<'layerNormalization', LayerNormalizationOptions>> = schemaOf<
  LayerNormalizationSpec,
  Typed<'layerNormalization', LayerNormalizationOptions>
>()(
  z.strictObject(
    {
      type: z.literal('layerNormalization'),
      epsilon: atLeastZero.default(1e-3),
      center: flag.default(true),
      scale: flag.default(true),
      betaInitializer: initializer.default('zeros'),
      gammaInitializer: initializer.default('ones'),
      name,
    },
    object,
  ),
)

export const activationSchema: z.ZodType<ActivationSpec, Typed<'activation', ActivationOptions>> = schemaOf<
  ActivationSpec,
  Typed<'activation', ActivationOptions>
>()(z.strictObject({ type: z.literal('activation'), activation: activationOrSoftmax, name }, object))

export const maskingSchema: z.ZodType<MaskingSpec, Typed<'masking', MaskingOptions>> = schemaOf<
  MaskingSpec,
  Typed<'masking', MaskingOptions>
>()(z.strictObject({ type: z.literal('masking'), maskValue: finite.default(0), name }, object))

const schemas = {
  embedding: embeddingSchema,
  gru: gruSchema,
  bidirectional: bidirectionalSchema,
  dense: denseSchema,
  dropout: dropoutSchema,
  layerNormalization: layerNormalizationSchema,
  activation: activationSchema,
  masking: maskingSchema,
} as const satisfies Record<LayerSpec['type'], z.ZodType<LayerSpec>>

/** Parses one layer of a list; path names it in messages: `layers[1]`. */
export function parseLayer(where: string, value: unknown, path: string, code: GrusErrorCode = 'INVALID_ARGUMENT'): LayerSpec {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GrusError(code, `[${where}] ${path} must be a layer such as gru({ units: 32 }), got ${describe(value)}`)
  }
  const { type } = value as { type?: unknown }
  if (typeof type !== 'string' || !Object.hasOwn(schemas, type)) {
    const hint = typeof type === 'string' ? nearest(type, Object.keys(schemas)) : undefined
    const text = `${path}.type must be ${listOf(Object.keys(schemas))}, got ${describe(type)}`
    throw new GrusError(code, `[${where}] ${text}${hint ? `; did you mean '${hint}'?` : ''}`)
  }
  return parse<LayerSpec>(where, schemas[type as LayerSpec['type']], value, path, code)
}
