// Initializers and regularizers. A loaded model has its weights: an initializer that grus has not is replaced, and said so.
import type { Initializer, Regularizer } from '../../spec/types.js'
import { describe } from '../../tensor.js'
import { Fields, isObject } from './fields.js'

const plain: Readonly<Record<string, Exclude<Initializer, object | 'torch' | 'uniform'>>> = {
  glorotuniform: 'glorotUniform',
  glorotnormal: 'glorotNormal',
  heuniform: 'heUniform',
  henormal: 'heNormal',
  lecununiform: 'lecunUniform',
  lecunnormal: 'lecunNormal',
  zeros: 'zeros',
  ones: 'ones',
}

/** Reads an initializer of a layer; absent: the layer's default. */
export function readInitializer(fields: Fields, key: string, fallback: Initializer): Initializer {
  const value = fields.get(key)
  if (value === undefined || value === null) return fallback
  const [kind, config] = classOf(fields, key, value)
  const inner = new Fields(fields.reading, `${fields.place}: ${key}`, config)
  const number = (name: string, otherwise: number): number => {
    const given = inner.number(name, otherwise)
    return Number.isFinite(Math.fround(given)) ? given : otherwise
  }
  const short = kind.replaceAll('_', '').toLowerCase()
  if (Object.hasOwn(plain, short)) return plain[short]!
  if (short === 'orthogonal') return number('gain', 1) === 1 ? 'orthogonal' : { name: 'orthogonal', gain: number('gain', 1) }
  if (short === 'constant') return { name: 'constant', value: number('value', 0) }
  if (short === 'randomuniform') {
    const [min, max] = [number('minval', -0.05), number('maxval', 0.05)]
    if (min <= max) return min === -0.05 && max === 0.05 ? 'uniform' : { name: 'uniform', min, max }
  }
  if (short === 'randomnormal' && number('stddev', 0.05) >= 0)
    return { name: 'normal', mean: number('mean', 0), stddev: number('stddev', 0.05) }
  const scaled = short === 'variancescaling' ? varianceScaling(inner) : undefined
  if (scaled) return scaled
  fields.note(`${key} ${describe(kind)} has no counterpart, ${describe(fallback)} stands in its place; the weights are the file's`)
  return fallback
}

/** What TensorFlow.js writes for all of Glorot's, He's and LeCun's. */
function varianceScaling(fields: Fields): Initializer | undefined {
  const [scale, mode, shape] = [fields.number('scale', 1), fields.get('mode'), fields.get('distribution')]
  const uniform = shape === 'uniform'
  if (scale === 1 && mode === 'fan_avg') return uniform ? 'glorotUniform' : 'glorotNormal'
  if (scale === 2 && mode === 'fan_in') return uniform ? 'heUniform' : 'heNormal'
  if (scale === 1 && mode === 'fan_in') return uniform ? 'lecunUniform' : 'lecunNormal'
  return undefined
}

export function readRegularizer(fields: Fields, key: string): Regularizer | undefined {
  const value = fields.get(key)
  if (value === undefined || value === null) return undefined
  const [kind, config] = classOf(fields, key, value)
  const inner = new Fields(fields.reading, `${fields.place}: ${key}`, config)
  const short = kind.toLowerCase()
  if (!['l1', 'l2', 'l1l2', 'l1_l2'].includes(short)) {
    throw fields.unsupported(key, `${describe(kind)} is none that grus has; use 'L1', 'L2' or 'L1L2'`)
  }
  // by name alone each is 0.01
  const by = config === emptyConfig ? 0.01 : 0
  const part = (name: 'l1' | 'l2') => inner.number(name, short.includes(name) ? by : 0)
  const result = { l1: part('l1'), l2: part('l2') }
  for (const [name, given] of Object.entries(result)) {
    if (!(given >= 0 && Number.isFinite(Math.fround(given)))) throw inner.corrupt(name, 'a number of at least 0', given)
  }
  return result.l1 === 0 && result.l2 === 0 ? undefined : result
}

const emptyConfig = {}

function classOf(fields: Fields, key: string, value: unknown): [string, unknown] {
  if (typeof value === 'string') return [value, emptyConfig]
  const kind = isObject(value) ? value.class_name : undefined
  if (typeof kind !== 'string') throw fields.corrupt(key, 'a name, or an object with class_name and config', value)
  return [kind, (value as Record<string, unknown>).config ?? emptyConfig]
}

/** As Keras 3 reads it; its default where there is no counterpart. */
export function writeInitializer(initializer: Initializer): unknown {
  const make = (kind: string, config: object) => ({ module: 'keras.initializers', class_name: kind, config, registered_name: null })
  if (typeof initializer === 'string') {
    if (initializer === 'uniform') return make('RandomUniform', { minval: -0.05, maxval: 0.05, seed: null })
    if (initializer === 'torch') return make('GlorotUniform', { seed: null })
    const kind = initializer[0]!.toUpperCase() + initializer.slice(1)
    if (initializer === 'zeros' || initializer === 'ones') return make(kind, {})
    return make(kind, initializer === 'orthogonal' ? { gain: 1, seed: null } : { seed: null })
  }
  switch (initializer.name) {
    case 'constant':
      return make('Constant', { value: initializer.value })
    case 'uniform':
      return make('RandomUniform', { minval: initializer.min, maxval: initializer.max, seed: null })
    case 'normal':
      return make('RandomNormal', { mean: initializer.mean ?? 0, stddev: initializer.stddev ?? 0.05, seed: null })
    default:
      return make('Orthogonal', { gain: initializer.gain ?? 1, seed: null })
  }
}

export function writeRegularizer(regularizer: Regularizer | undefined): unknown {
  const { l1 = 0, l2 = 0 } = regularizer ?? {}
  if (l1 === 0 && l2 === 0) return null
  return { module: 'keras.regularizers', class_name: 'L1L2', config: { l1, l2 }, registered_name: null }
}
