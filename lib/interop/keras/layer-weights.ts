// A layer's weights as Keras orders and lays them out, and as grus does: gates z, r, n against r, z, n, matrices transposed, two biases in one tensor.
import { gruOf, type PlacedLayer } from '../../spec/network.js'
import type { GruSpec } from '../../spec/types.js'
import type { FloatTensor } from '../../tensor.js'
import { negateUpdateGate, swapFirstGates, transpose } from '../blocks.js'

export interface KerasVariable {
  /** Within the layer's group of a weights file: `cell/vars/0`. */
  path: string
  /** As Keras calls it. */
  name: string
  shape: number[]
}

/** In Keras' order. */
export function variablesOf({ spec, inputSize, outputSize }: PlacedLayer): KerasVariable[] {
  const listed = (prefix: string, variables: [string, number[]][]) =>
    variables.map(([name, shape], i) => ({ path: `${prefix}vars/${i}`, name: `${prefix}${name}`, shape }))
  switch (spec.type) {
    case 'embedding':
      return listed('', [['embeddings', [inputSize, outputSize]]])
    case 'dense':
      return listed('', [['kernel', [inputSize, outputSize]], ...(spec.useBias ? [['bias', [outputSize]] as [string, number[]]] : [])])
    case 'layerNormalization':
      return listed('', [
        ...(spec.scale ? [['gamma', [outputSize]] as [string, number[]]] : []),
        ...(spec.center ? [['beta', [outputSize]] as [string, number[]]] : []),
      ])
    case 'gru':
      return listed('cell/', gruVariables(spec, inputSize))
    case 'bidirectional':
      return ['forward_layer/cell/', 'backward_layer/cell/'].flatMap((prefix) => listed(prefix, gruVariables(spec.layer, inputSize)))
    default:
      return []
  }
}

function gruVariables({ units, useBias, resetAfter }: GruSpec, inputSize: number): [string, number[]][] {
  const gates = 3 * units
  const bias: [string, number[]][] = useBias ? [['bias', resetAfter ? [2, gates] : [gates]]] : []
  return [['kernel', [inputSize, gates]], ['recurrent_kernel', [units, gates]], ...bias]
}

/** @param tensors - of `variablesOf`'s shapes, in its order */
export function fromKeras({ spec }: PlacedLayer, tensors: readonly FloatTensor[]): Map<string, FloatTensor> {
  const { name } = spec
  const gru = gruOf(spec)
  if (gru) {
    const half = tensors.length / 2
    const parts = spec.type === 'gru' ? [tensors] : [tensors.slice(0, half), tensors.slice(half)]
    return new Map(parts.flatMap((part, i) => gruFromKeras(gru, `${name}.`, i === 0 ? '_l0' : '_l0_reverse', part)))
  }
  if (spec.type === 'layerNormalization') {
    const names = [...(spec.scale ? ['weight'] : []), ...(spec.center ? ['bias'] : [])]
    return new Map(names.map((part, i) => [`${name}.${part}`, tensors[i]!]))
  }
  const [matrix, bias] = tensors
  const weights = new Map<string, FloatTensor>()
  if (matrix) weights.set(`${name}.weight`, spec.type === 'dense' ? transpose(matrix) : matrix)
  if (bias) weights.set(`${name}.bias`, bias)
  return weights
}

function gruFromKeras(gru: GruSpec, prefix: string, suffix: string, tensors: readonly FloatTensor[]): [string, FloatTensor][] {
  const [kernel, recurrent, bias] = tensors as [FloatTensor, FloatTensor, FloatTensor?]
  const ours = (tensor: FloatTensor): FloatTensor => {
    const swapped = swapFirstGates(tensor)
    return gru.updateGate === 'write' ? negateUpdateGate(swapped) : swapped
  }
  const weights: [string, FloatTensor][] = [
    [`${prefix}weight_ih${suffix}`, ours(transpose(kernel))],
    [`${prefix}weight_hh${suffix}`, ours(transpose(recurrent))],
  ]
  if (!bias) return weights
  const row = (i: number): FloatTensor =>
    ours({ data: bias.data.subarray(3 * gru.units * i, 3 * gru.units * (i + 1)), shape: [3 * gru.units] })
  weights.push([`${prefix}bias_ih${suffix}`, row(0)])
  if (gru.resetAfter) weights.push([`${prefix}bias_hh${suffix}`, row(1)])
  return weights
}

/** The other way: in `variablesOf`'s order and shapes. */
export function toKeras({ spec }: PlacedLayer, weights: ReadonlyMap<string, FloatTensor>): FloatTensor[] {
  const get = (part: string): FloatTensor[] => {
    const found = weights.get(`${spec.name}.${part}`)
    return found ? [found] : []
  }
  const gru = gruOf(spec)
  if (!gru) return spec.type === 'dense' ? [...get('weight').map(transpose), ...get('bias')] : [...get('weight'), ...get('bias')]
  const theirs = (tensor: FloatTensor): FloatTensor => swapFirstGates(gru.updateGate === 'write' ? negateUpdateGate(tensor) : tensor)
  return (spec.type === 'gru' ? ['_l0'] : ['_l0', '_l0_reverse']).flatMap((suffix) => {
    const matrices = ['weight_ih', 'weight_hh'].flatMap((name) => get(name + suffix).map((tensor) => transpose(theirs(tensor))))
    const biases = ['bias_ih', 'bias_hh'].flatMap((name) => get(name + suffix).map(theirs))
    return biases.length === 0 ? matrices : [...matrices, stacked(biases)]
  })
}

/** [3H] alone as it is; two of them as [2, 3H]. */
function stacked(biases: readonly FloatTensor[]): FloatTensor {
  if (biases.length === 1) return biases[0]!
  const data = new Float32Array(biases.reduce((n, bias) => n + bias.data.length, 0))
  biases.reduce((at, bias) => {
    data.set(bias.data, at)
    return at + bias.data.length
  }, 0)
  return { data, shape: [2, data.length / 2] }
}
