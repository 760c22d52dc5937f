// Models drawn from a seed over the whole space of options, for writers of other formats.

import { activation, bidirectional, dense, dropout, embedding, gru, layerNormalization, masking } from '../../lib/index.js'
import { activationNames } from '../../lib/spec/fields.js'
import type { Activation, ActivationName, GruOptions, LayerSpec, MergeMode } from '../../lib/spec/types.js'
import { source } from './random.js'

export interface Architecture {
  layers: LayerSpec[]
  /** Features, or the vocabulary's size. */
  inputSize: number
  /** The input is [B, T, I] or ids [B, T], else [B, I]. */
  sequence: boolean
}

export interface Draw {
  /** From 0 to below 1. */
  random: () => number
  chance(probability: number): boolean
  below(count: number): number
  pick<T>(list: readonly T[]): T
}

export function drawing(seed: number): Draw {
  const random = source(seed)
  const below = (count: number) => Math.floor(random() * count)
  return { random, below, chance: (probability) => random() < probability, pick: (list) => list[below(list.length)]! }
}

const bounded: ReadonlySet<ActivationName> = new Set(['tanh', 'sigmoid', 'softsign', 'scaledTanh', 'hardSigmoid'])
const mergeModes: readonly MergeMode[] = ['concat', 'sum', 'mul', 'ave']

/** Any activation, with constants of its own half of the time. */
function drawActivation({ pick, chance, random }: Draw): Activation {
  const name = pick(activationNames)
  const number = (low: number, high: number) => Math.fround(low + (high - low) * random())
  if (name === 'affine') return { name, alpha: number(0.1, 0.6), beta: number(-0.3, 0.5) }
  if (name === 'scaledTanh') return { name, alpha: number(0.5, 1.2), beta: number(0.4, 1) }
  if (chance(0.5)) return name
  if (name === 'leakyRelu' || name === 'elu') return { name, alpha: number(0, 0.5) }
  if (name === 'thresholdedRelu') return { name, alpha: number(-0.2, 0.3) }
  if (name === 'hardSigmoid') return { name, alpha: number(0.1, 0.3), beta: number(0.3, 0.6) }
  return name
}

function drawGate(draw: Draw, updateGate: 'keep' | 'write'): Activation {
  if (draw.chance(0.4)) return 'sigmoid'
  if (updateGate === 'keep') return drawActivation(draw)
  return draw.pick<Activation>(['hardSigmoid', { name: 'hardSigmoid', alpha: 1 / 6 }, { name: 'affine', alpha: 0.2, beta: 0.5 }])
}

function drawGru(draw: Draw, returnSequences: boolean): LayerSpec {
  const { chance, pick, below } = draw
  const updateGate = pick(['keep', 'keep', 'write'] as const)
  const activations = () => ({
    activation: chance(0.5) ? ('tanh' as const) : drawActivation(draw),
    recurrentActivation: drawGate(draw, updateGate),
  })
  const [own, other] = [activations(), activations()]
  // a gate far above 1 makes states grow without end, and what two engines differ by with them
  const isBounded = [own, other].every(({ recurrentActivation: gate }) => bounded.has(typeof gate === 'string' ? gate : gate.name))
  const options: GruOptions = {
    units: 1 + below(7),
    ...own,
    updateGate,
    returnSequences,
    useBias: chance(0.8),
    resetAfter: chance(0.6),
    returnState: chance(0.25),
    stateful: chance(0.1),
    zeroOutputForMask: chance(0.3),
    dropout: chance(0.2) ? 0.3 : 0,
    ...(chance(0.3) && { clip: pick([0.25, 1, 3]) }),
    ...(isBounded ? {} : { clip: pick([0.25, 0.5]) }),
  }
  if (chance(0.4)) {
    const backwardLayer = chance(0.5) ? { backwardLayer: gru({ ...options, ...other }) } : {}
    return bidirectional(gru(options), { mergeMode: pick(mergeModes), ...backwardLayer })
  }
  const goBackwards = chance(0.4)
  return gru({ ...options, goBackwards, alignOutput: goBackwards && chance(0.5) })
}

/** @param normalizes - layerNormalization may be among the layers */
export function drawArchitecture(draw: Draw, normalizes: boolean): Architecture {
  const { chance, below, pick } = draw
  const between = (): LayerSpec[] => [
    ...(chance(0.25) ? [dropout({ rate: 0.2 })] : []),
    ...(normalizes && chance(0.35) ? [layerNormalization({ center: chance(0.7), scale: chance(0.7), epsilon: pick([1e-3, 1e-5]) })] : []),
    ...(chance(0.2) ? [activation({ activation: drawActivation(draw) })] : []),
    ...(chance(0.25) ? [dense({ units: 1 + below(6), activation: drawActivation(draw), useBias: chance(0.7) })] : []),
  ]
  const inputSize = 2 + below(6)
  const kind = pick(['vectors', 'features', 'features', 'ids', 'ids', 'masking'] as const)
  const first: LayerSpec[] = []
  if (kind === 'ids') first.push(embedding({ inputDim: inputSize, outputDim: 1 + below(6), maskZero: chance(0.6) }))
  if (kind === 'masking') first.push(masking({ maskValue: pick([0, -1, 0.5]) }))
  const layers = [...first, ...between()]
  if (kind !== 'vectors') {
    const count = below(10) === 0 ? 0 : 1 + below(3)
    for (let i = 0; i < count; ++i) layers.push(drawGru(draw, i < count - 1 || chance(0.5)), ...between())
  }
  const last = pick(['softmax', 'dense', 'softmaxLayer', 'none'] as const)
  if (last === 'softmax') layers.push(dense({ units: 2 + below(4), activation: 'softmax' }))
  if (last === 'dense' || layers.length === first.length) layers.push(dense({ units: 1 + below(4), activation: drawActivation(draw) }))
  if (last === 'softmaxLayer') layers.push(dense({ units: 3 }), activation({ activation: 'softmax' }))
  return { layers, inputSize, sequence: kind !== 'vectors' }
}
