// What a schema cannot say of one layer.
import { GrusError } from '../errors.js'
import { describe } from '../tensor.js'
import { activationOf } from './activation.js'
import type { ActivationSpec, BidirectionalSpec, DenseSpec, GruSpec, Initializer, LayerNormalizationSpec, Regularizer } from './types.js'

/** @param path - before each option in messages: empty, or `layers[1].` */
export function checkGru(where: string, spec: GruSpec, path = ''): void {
  activationOf(where, `${path}activation`, spec.activation)
  activationOf(where, `${path}recurrentActivation`, spec.recurrentActivation)
  checkUpdateGate(where, spec.updateGate, spec.recurrentActivation, path)
  checkVector(where, { biasInitializer: spec.biasInitializer }, path)
  checkRanges(where, { kernelInitializer: spec.kernelInitializer, recurrentInitializer: spec.recurrentInitializer }, path)
  if (spec.alignOutput && !spec.goBackwards) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${path}alignOutput needs goBackwards: a forward sequence lies aligned as it is`)
  }
}

export function checkBidirectional(where: string, spec: BidirectionalSpec, path = ''): void {
  checkGru(where, spec.layer, `${path}layer.`)
  if (spec.layer.goBackwards) {
    throw new GrusError('UNSUPPORTED', `[${where}] ${path}layer.goBackwards: a bidirectional layer already runs both ways`)
  }
  if (spec.backwardLayer) checkBackwardLayer(where, spec.layer, spec.backwardLayer, path)
}

/** Weights of one shape and one set of regularizers: what the two directions share. */
function checkBackwardLayer(where: string, layer: GruSpec, backward: GruSpec, path: string): void {
  checkGru(where, backward, `${path}backwardLayer.`)
  const own = ['activation', 'recurrentActivation', 'kernelInitializer', 'recurrentInitializer', 'biasInitializer', 'name']
  for (const key of Object.keys({ ...layer, ...backward }) as (keyof GruSpec)[]) {
    if (own.includes(key) || (key === 'inputSize' && backward.inputSize === undefined)) continue
    const same = key.endsWith('Regularizer')
      ? sameRegularizer(layer[key] as Regularizer | undefined, backward[key] as Regularizer | undefined)
      : layer[key] === backward[key]
    if (same) continue
    const text = `${path}backwardLayer.${key} must be the layer's own ${describe(layer[key])}, got ${describe(backward[key])}`
    throw new GrusError('UNSUPPORTED', `[${where}] ${text}: the directions may differ in activations and initializers only`)
  }
}

function sameRegularizer(a: Regularizer | undefined, b: Regularizer | undefined): boolean {
  return (a?.l1 ?? 0) === (b?.l1 ?? 0) && (a?.l2 ?? 0) === (b?.l2 ?? 0)
}

export function checkDense(where: string, spec: DenseSpec, path = ''): void {
  if (spec.activation !== 'softmax') activationOf(where, `${path}activation`, spec.activation)
  checkVector(where, { biasInitializer: spec.biasInitializer }, path)
  checkRanges(where, { kernelInitializer: spec.kernelInitializer }, path)
}

export function checkLayerNormalization(where: string, spec: LayerNormalizationSpec, path = ''): void {
  checkVector(where, { betaInitializer: spec.betaInitializer, gammaInitializer: spec.gammaInitializer }, path)
}

export function checkActivation(where: string, spec: ActivationSpec, path = ''): void {
  if (spec.activation !== 'softmax') activationOf(where, `${path}activation`, spec.activation)
}

/**
 * h' = (1 - z) h + z n is computed with the z rows negated, which needs s(-a) = 1 - s(a).
 *
 * @throws GrusError UNSUPPORTED for any other gate
 */
export function checkUpdateGate(where: string, updateGate: 'keep' | 'write', gate: GruSpec['recurrentActivation'], path = ''): void {
  if (updateGate === 'keep') return
  const { kind, beta } = activationOf(where, `${path}recurrentActivation`, gate)
  if (kind === 'sigmoid' || ((kind === 'hard_sigmoid' || kind === 'affine') && beta === 0.5)) return
  const reason = "'write' needs a recurrentActivation with s(-a) = 1 - s(a): sigmoid, or hardSigmoid with beta 0.5"
  throw new GrusError('UNSUPPORTED', `[${where}] ${path}updateGate ${reason}, got ${describe(gate)}`)
}

/** Throws INVALID_ARGUMENT for uniform bounds in the wrong order. */
export function checkRanges(where: string, initializers: Record<string, Initializer>, path = ''): void {
  for (const [option, initializer] of Object.entries(initializers)) {
    if (typeof initializer === 'string' || initializer.name !== 'uniform' || initializer.min <= initializer.max) continue
    throw new GrusError(
      'INVALID_ARGUMENT',
      `[${where}] ${path}${option}: min must be at most max, got ${initializer.min} and ${initializer.max}`,
    )
  }
}

function checkVector(where: string, initializers: Record<string, Initializer>, path: string): void {
  checkRanges(where, initializers, path)
  for (const [option, initializer] of Object.entries(initializers)) {
    if ((typeof initializer === 'string' ? initializer : initializer.name) !== 'orthogonal') continue
    const what = option === 'gammaInitializer' ? 'gamma' : 'a bias'
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${path}${option} cannot be orthogonal: ${what} is a vector`)
  }
}
