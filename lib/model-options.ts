// Schemas of the options that a model and its methods take.
import * as z from 'zod'
import { type CheckedEngineOptions, engineFields } from './engine-options.js'
import type { ModelOptions } from './model.js'
import { flag, seed, size } from './spec/fields.js'
import { schemaOf } from './spec/parse.js'
import type { Tensor, TensorLike } from './tensor.js'

const object = { error: 'an object' }
type CheckedOptions = CheckedEngineOptions & Pick<ModelOptions, 'seed' | 'inputSize'> & Required<Pick<ModelOptions, 'name'>>

export const optionsSchema: z.ZodType<CheckedOptions, ModelOptions> = schemaOf<CheckedOptions, ModelOptions>()(
  z.strictObject(
    {
      ...engineFields,
      seed: seed.exactOptional(),
      inputSize: size.exactOptional(),
      name: z.string({ error: 'a string' }).max(1000, { error: 'a string of at most 1000 characters' }).default('sequential'),
    },
    object,
  ),
)
interface Masks {
  mask?: TensorLike
  lengths?: readonly number[]
}

const mask = { mask: z.custom<TensorLike>().exactOptional(), lengths: z.custom<readonly number[]>().exactOptional() }
export const predictSchema: z.ZodType<Masks & { batchSize: number; signal?: AbortSignal }> = z.strictObject(
  { ...mask, batchSize: size.default(32), signal: z.instanceof(AbortSignal, { error: 'an AbortSignal' }).exactOptional() },
  object,
)
export const statesSchema: z.ZodType<Masks & { initialStates?: readonly Tensor[] }> = z.strictObject(
  { ...mask, initialStates: z.array(z.custom<Tensor>(), { error: 'an array of tensors' }).exactOptional() },
  object,
)
export const forwardSchema: z.ZodType<Masks & { training: boolean }> = z.strictObject({ ...mask, training: flag.default(false) }, object)

export const buildSchema: z.ZodType<{ inputSize: number }> = z.strictObject({ inputSize: size }, object)
