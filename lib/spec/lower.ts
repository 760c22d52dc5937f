// From checked layers to the plain description that native code compiles.
import { GrusError } from '../errors.js'
import type { NativeActivation, NativeGruOptions, NativeLayer, NativeModel, NativeRegularizer } from '../native.js'
import { activationOf } from './activation.js'
import { gruOf, type NamedLayer, type PlacedLayer, placeLayers } from './network.js'
import { type Parameter, parametersOf } from './parameters.js'
import type { Activation, BidirectionalSpec, DenseSpec, GruSpec, Regularizer } from './types.js'

/** A model with every size known. */
export interface Network {
  layers: readonly PlacedLayer[]
  parameters: readonly Parameter[]
  native: NativeModel
}

/**
 * @param inputSize - features, or the vocabulary's size for ids
 * @param sequence - the input is [B, T, I] or ids [B, T], else [B, I]
 * @throws GrusError SHAPE_MISMATCH, or INVALID_ARGUMENT for tensors beyond what 31 bits count
 */
export function lower(where: string, layers: readonly NamedLayer[], inputSize: number, sequence: boolean, seed: number): Network {
  const placed = placeLayers(where, layers, inputSize, sequence)
  const parameters = placed.flatMap(parametersOf)
  const count = parameters.reduce((sum, { shape }) => sum + shape.reduce((n, m) => n * m, 1), 0)
  if (count >= 2 ** 31) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] layers: the weights would hold ${count} numbers, 2^31 - 1 is the most`)
  }
  const ids = layers[0]!.type === 'embedding'
  const native = { ids, sequence, inputSize, seed, layers: placed.flatMap((layer) => lowerLayer(where, layer)) }
  return { layers: placed, parameters, native }
}

function lowerLayer(where: string, { spec, inputSize, outputSize }: PlacedLayer): NativeLayer[] {
  const common = { name: spec.name, inputSize, outputSize }
  switch (spec.type) {
    case 'embedding':
      return [{ ...common, kind: 'embedding', maskZero: spec.maskZero, kernelRegularizer: regularizer(spec.embeddingsRegularizer) }]
    case 'dropout':
      return [{ ...common, kind: 'dropout', rate: spec.rate }]
    case 'dense':
      return lowerDense(where, spec, common)
    case 'layerNormalization':
      return [{ ...common, kind: 'layerNormalization', epsilon: spec.epsilon, center: spec.center, scale: spec.scale }]
    case 'activation':
      return [lowerActivation(where, spec.activation, common)]
    case 'masking':
      return [] // of the data: lib/data/masking.ts
    default:
      return [lowerGru(where, spec, common)]
  }
}

type Common = { name: string; inputSize: number; outputSize: number }

/** The activation is a layer of its own; a dot keeps its name apart from any a user may give. */
function lowerDense(where: string, spec: DenseSpec, common: Common): NativeLayer[] {
  const linear: NativeLayer = {
    ...common,
    kind: 'dense',
    bias: spec.useBias,
    kernelRegularizer: regularizer(spec.kernelRegularizer),
    biasRegularizer: regularizer(spec.biasRegularizer),
  }
  const after = { name: `${common.name}.activation`, inputSize: common.outputSize, outputSize: common.outputSize }
  const activation = lowerActivation(where, spec.activation, after)
  return activation.kind === 'activation' && activation.activation.kind === 'linear' ? [linear] : [linear, activation]
}

function lowerActivation(where: string, activation: Activation | 'softmax', common: Common): NativeLayer {
  if (activation === 'softmax') return { ...common, kind: 'softmax' }
  return { ...common, kind: 'activation', activation: activationOf(where, 'activation', activation) }
}

function lowerGru(where: string, layer: GruSpec | BidirectionalSpec, common: Common): NativeLayer {
  const spec = gruOf(layer)!
  const merge = layer.type === 'bidirectional' ? layer.mergeMode : undefined
  const backward = (layer.type === 'bidirectional' && layer.backwardLayer) || spec
  const pair = (option: 'activation' | 'recurrentActivation'): [NativeActivation, NativeActivation] => [
    activationOf(where, option, spec[option]),
    activationOf(where, option, backward[option]),
  ]
  const gru: NativeGruOptions = {
    inputSize: common.inputSize,
    hiddenSize: spec.units,
    numLayers: 1,
    direction: merge ? 'both' : spec.goBackwards ? 'backward' : 'forward',
    bias: spec.useBias,
    resetAfter: spec.resetAfter,
    recurrentActivation: pair('recurrentActivation'),
    activation: pair('activation'),
    clip: spec.clip ?? 0,
  }
  return {
    ...common,
    kind: 'gru',
    gru,
    returnSequences: spec.returnSequences,
    goBackwards: spec.goBackwards && !spec.alignOutput,
    stateful: spec.stateful,
    returnState: spec.returnState,
    zeroOutputForMask: spec.zeroOutputForMask,
    trainBiasHh: spec.resetAfter,
    merge: merge ?? 'concat',
    rate: spec.dropout,
    kernelRegularizer: regularizer(spec.kernelRegularizer),
    recurrentRegularizer: regularizer(spec.recurrentRegularizer),
    biasRegularizer: regularizer(spec.biasRegularizer),
  }
}

function regularizer(given: Regularizer | undefined): NativeRegularizer {
  return { l1: given?.l1 ?? 0, l2: given?.l2 ?? 0 }
}
