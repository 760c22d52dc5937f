import * as z from 'zod'
import { type EngineOptions, engineFields, settleEngine } from './engine-options.js'
import { GrusError } from './errors.js'
import type { NativeActivation, NativeGruOptions } from './native.js'
import { activationOf } from './spec/activation.js'
import { checkUpdateGate } from './spec/checks.js'
import { activation, few, flag, listOf, positive, seed, size } from './spec/fields.js'
import { parse, schemaOf } from './spec/parse.js'
import type { Activation } from './spec/types.js'
import type { Tensor, TensorLike } from './tensor.js'

/** Options of the class Gru. */
export interface GruClassOptions extends EngineOptions {
  /** I, features of x. */
  inputSize: number
  /** H, features of the state. */
  hiddenSize: number
  /** L; each layer takes the one before it as input. Default 1. */
  numLayers?: number
  /** Default `'forward'`. */
  direction?: 'forward' | 'backward' | 'both'
  /** Default true. */
  bias?: boolean
  /** Where the reset gate acts: after the recurrent product, or before it. Default true. */
  resetAfter?: boolean
  /** `'keep'`: h' = (1 - z) n + z h; `'write'`: h' = (1 - z) h + z n. Default `'keep'`. */
  updateGate?: 'keep' | 'write'
  /** Of the candidate n; a pair gives each direction its own. Default `'tanh'`. */
  activation?: Activation | [Activation, Activation]
  /** Of r and z; a pair gives each direction its own. Default `'sigmoid'`. */
  recurrentActivation?: Activation | [Activation, Activation]
  /** Inputs of all activations are clamped to ±clip. Default: not. */
  clip?: number
  /** Of x, y and their gradients: batch or time first. Default `'BTI'`. */
  layout?: 'BTI' | 'TBI'
  /** Of the initial weights. Default: drawn at random. */
  seed?: number
}

export type CheckedGruOptions = Required<Omit<GruClassOptions, 'clip' | 'seed' | 'threads'>> &
  Pick<GruClassOptions, 'clip' | 'seed' | 'threads'>

const object = { error: 'an object' }
const directions = ['forward', 'backward', 'both'] as const

const activations = z.union([activation, z.tuple([activation, activation])], {
  error: 'an activation, or a pair of them, one for each direction',
})

const schema = schemaOf<CheckedGruOptions, GruClassOptions>()(
  z.strictObject(
    {
      inputSize: size,
      hiddenSize: size,
      numLayers: few.default(1),
      direction: z.enum(directions, { error: listOf(directions) }).default('forward'),
      bias: flag.default(true),
      resetAfter: flag.default(true),
      updateGate: z.enum(['keep', 'write'], { error: listOf(['keep', 'write']) }).default('keep'),
      activation: activations.default('tanh'),
      recurrentActivation: activations.default('sigmoid'),
      clip: positive.exactOptional(),
      layout: z.enum(['BTI', 'TBI'], { error: listOf(['BTI', 'TBI']) }).default('BTI'),
      seed: seed.exactOptional(),
      ...engineFields,
    },
    object,
  ),
)

const tensorText = { error: 'a tensor' }
const tensorSchema = z.custom<Tensor>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), tensorText)

export const forwardSchema: z.ZodType<{ hx?: Tensor; lengths?: readonly number[]; mask?: TensorLike; training: boolean }> = z.strictObject(
  {
    hx: tensorSchema.exactOptional(),
    lengths: z.custom<readonly number[]>().exactOptional(),
    mask: z.custom<TensorLike>().exactOptional(),
    training: flag.default(false),
  },
  object,
)

export const backwardSchema: z.ZodType<{ dy?: Tensor; dhy?: Tensor }> = z.strictObject(
  { dy: tensorSchema.exactOptional(), dhy: tensorSchema.exactOptional() },
  object,
)

/** @throws GrusError INVALID_ARGUMENT naming the option, UNSUPPORTED, BACKEND_UNAVAILABLE */
export function checkGruOptions(options: GruClassOptions): CheckedGruOptions {
  const where = 'Gru'
  const checked = parse(where, schema, options)
  for (const option of ['activation', 'recurrentActivation'] as const) {
    if (Array.isArray(checked[option]) && checked.direction !== 'both') {
      throw new GrusError('INVALID_ARGUMENT', `[${where}] ${option}: a pair needs direction 'both', got direction '${checked.direction}'`)
    }
  }
  for (const gate of [checked.recurrentActivation].flat() as Activation[]) checkUpdateGate(where, checked.updateGate, gate)
  lowerGruOptions(checked)
  checkSizes(where, checked)
  return settleEngine(where, checked)
}

/** As native code takes them. */
export function lowerGruOptions(options: CheckedGruOptions): NativeGruOptions {
  const { inputSize, hiddenSize, numLayers, direction, bias, resetAfter, clip } = options
  const pair = (option: 'activation' | 'recurrentActivation'): [NativeActivation, NativeActivation] => {
    const given = options[option]
    const [first, second] = Array.isArray(given) ? given : [given, given]
    return [activationOf('Gru', option, first), activationOf('Gru', option, second)]
  }
  const activations = { recurrentActivation: pair('recurrentActivation'), activation: pair('activation') }
  return { inputSize, hiddenSize, numLayers, direction, bias, resetAfter, ...activations, clip: clip ?? 0 }
}

function checkSizes(where: string, { inputSize, hiddenSize, numLayers, direction }: CheckedGruOptions): void {
  const ways = direction === 'both' ? 2 : 1
  const inputs = inputSize + (numLayers - 1) * ways * hiddenSize
  const count = 3 * hiddenSize * ways * (inputs + numLayers * (hiddenSize + 2))
  if (count >= 2 ** 31) {
    throw new GrusError(
      'INVALID_ARGUMENT',
      `[${where}] inputSize, hiddenSize and numLayers would make ${count} weights, 2^31 - 1 is the most`,
    )
  }
}
