// Activations between Keras' names and objects, and ours.
import type { Activation } from '../../spec/types.js'
import { describe } from '../../tensor.js'
import { Fields, isObject, type Reading } from './fields.js'

/** The slope that the name alone means, as a function, in every version. */
const leakySlope = 0.2

const same = ['linear', 'relu', 'tanh', 'sigmoid', 'softsign', 'softplus'] as const

/** What comes closest to what grus has not. */
const closest: Readonly<Record<string, string>> = {
  selu: 'elu',
  celu: 'elu',
  gelu: 'relu',
  silu: 'relu',
  swish: 'relu',
  mish: 'softplus',
  relu6: 'relu',
  hard_silu: 'relu',
  hard_swish: 'relu',
  hard_tanh: 'tanh',
  exponential: 'softplus',
  log_softmax: 'softmax',
}

/**
 * @param value - a name, or { class_name, config } of a layer or function
 * @throws CORRUPT_FILE for what is no activation, UNSUPPORTED for one that grus has not
 */
export function readActivation(reading: Reading, place: string, value: unknown): Activation | 'softmax' {
  if (value === undefined || value === null) return 'linear'
  if (typeof value === 'string') return named(reading, place, value)
  if (!isObject(value)) throw reading.errors.corrupt(`${place} must be an activation's name or object, got ${describe(value)}`)
  const { class_name: kind, config } = value
  if (typeof kind !== 'string') throw reading.errors.corrupt(`${place}.class_name must be a string, got ${describe(kind)}`)
  if (kind === 'function' && typeof config === 'string') return named(reading, place, config)
  return readActivationLayer(reading, kind, new Fields(reading, `${place} (${kind})`, config)) ?? named(reading, place, kind)
}

export const activationClasses: readonly string[] = ['Activation', 'ReLU', 'LeakyReLU', 'ELU', 'Softmax']

/** The activation that a layer of one of `activationClasses` computes; undefined for other classes. */
export function readActivationLayer(reading: Reading, kind: string, fields: Fields): Activation | 'softmax' | undefined {
  fields.pass('name', 'trainable', 'dtype', 'batch_input_shape', 'batch_shape')
  let result: Activation | 'softmax'
  if (kind === 'Activation') {
    result = readActivation(reading, `${fields.place}: activation`, fields.get('activation'))
  } else if (kind === 'ReLU') {
    for (const key of ['max_value', 'negative_slope', 'threshold']) {
      const given = fields.has(key) ? fields.number(key) : 0
      if (given !== 0)
        throw fields.unsupported(key, `of a ReLU must be ${key === 'max_value' ? 'null' : 0}, got ${given}: use a plain relu`)
    }
    if (fields.get('max_value') === 0) throw fields.unsupported('max_value', 'of a ReLU must be null, got 0: use a plain relu')
    result = 'relu'
  } else if (kind === 'LeakyReLU') {
    result = { name: 'leakyRelu', alpha: fields.number(fields.has('negative_slope') ? 'negative_slope' : 'alpha', 0.3) }
    fields.pass('alpha')
  } else if (kind === 'ELU') {
    result = { name: 'elu', alpha: fields.number('alpha', 1) }
  } else if (kind === 'Softmax') {
    const axis = fields.get('axis')
    const last = Array.isArray(axis) && axis.length === 1 ? axis[0] : (axis ?? -1)
    if (last !== -1) throw fields.unsupported('axis', `of a Softmax must be -1, the features, got ${describe(axis)}`)
    result = 'softmax'
  } else return undefined
  fields.done()
  return result
}

function named(reading: Reading, place: string, name: string): Activation | 'softmax' {
  const known = same.find((ours) => ours === name)
  if (known) return known
  if (name === 'softmax') return 'softmax'
  if (name === 'elu') return 'elu'
  if (name === 'leaky_relu') return { name: 'leakyRelu', alpha: leakySlope }
  if (name === 'hard_sigmoid' || name === 'hardSigmoid') return { name: 'hardSigmoid', alpha: reading.dialect.hardSigmoidAlpha, beta: 0.5 }
  const hint = Object.hasOwn(closest, name) ? `; the nearest is '${closest[name]}'` : ''
  const list = [...same, 'elu', 'leaky_relu', 'hard_sigmoid', 'softmax'].map((known) => `'${known}'`).join(', ')
  throw reading.errors.unsupported(`${place}: the activation ${describe(name)} is none that grus has (${list})${hint}`)
}

const close = (a: number, b: number) => Math.abs(a - b) <= 1e-7

/**
 * As Keras 3 reads it: a name, or an activation layer where there are constants.
 *
 * @returns undefined for what Keras has not
 */
export function writeActivation(activation: Activation | 'softmax'): unknown {
  if (typeof activation === 'string' && (activation === 'softmax' || same.some((name) => name === activation))) return activation
  const { name, alpha, beta } =
    typeof activation === 'string' ? { name: activation } : (activation as { name: string; alpha?: number; beta?: number })
  const layer = (kind: string, config: object) => ({ module: 'keras.layers', class_name: kind, config, registered_name: null })
  switch (name) {
    case 'leakyRelu':
      return close(alpha ?? 0.01, leakySlope) ? 'leaky_relu' : layer('LeakyReLU', { negative_slope: alpha ?? 0.01 })
    case 'elu':
      return (alpha ?? 1) === 1 ? 'elu' : layer('ELU', { alpha })
    case 'hardSigmoid':
      return close(alpha ?? 0.2, 1 / 6) && (beta ?? 0.5) === 0.5 ? 'hard_sigmoid' : undefined
    default:
      return same.find((ours) => ours === name)
  }
}
