// Activations as operators of their own, and as the attributes of a GRU node.
import { activationOf } from '../../spec/activation.js'
import type { Activation } from '../../spec/types.js'
import { attribute, type GraphBuilder } from './graph-builder.js'
import type { OnnxAttribute } from './proto.js'

/** f(value), element by element, or the softmax over the last axis. */
export function addActivation(graph: GraphBuilder, where: string, activation: Activation | 'softmax', value: string): string {
  if (activation === 'softmax') return graph.node('Softmax', [value], attribute.int('axis', -1))
  const { kind, alpha, beta } = activationOf(where, 'activation', activation)
  switch (kind) {
    case 'linear':
      return value
    case 'affine':
      return graph.node('Add', [graph.node('Mul', [value, graph.float(alpha)]), graph.float(beta)])
    case 'scaled_tanh':
      return graph.node('Mul', [graph.node('Tanh', [graph.node('Mul', [value, graph.float(beta)])]), graph.float(alpha)])
    case 'hard_sigmoid':
      return graph.node('HardSigmoid', [value], attribute.float('alpha', alpha), attribute.float('beta', beta))
    case 'leaky_relu':
    case 'thresholded_relu':
    case 'elu':
      return graph.node(onnxNames[kind]!, [value], attribute.float('alpha', alpha))
    default:
      return graph.node(onnxNames[kind]!, [value])
  }
}

/** The attributes of a GRU node: for each direction the gates' activation, then the candidate's; constants in the order in which they are asked for. */
export function gruActivations(where: string, pairs: readonly [Activation, Activation][]): OnnxAttribute[] {
  const all = pairs.flat().map((activation) => activationOf(where, 'activation', activation))
  const names = all.map(({ kind }) => onnxNames[kind]!)
  if (names.every((name, i) => name === (i % 2 === 0 ? 'Sigmoid' : 'Tanh'))) return []
  // 'linear' is no activation of the operator
  const alphas = all.flatMap(({ kind, alpha }) => (kind === 'linear' ? [1] : withAlpha.has(kind) ? [alpha] : []))
  const betas = all.flatMap(({ kind, beta }) => (kind === 'linear' ? [0] : withBeta.has(kind) ? [beta] : []))
  return [
    attribute.strings('activations', names),
    ...(alphas.length > 0 ? [attribute.floats('activation_alpha', alphas)] : []),
    ...(betas.length > 0 ? [attribute.floats('activation_beta', betas)] : []),
  ]
}

const withBeta = new Set(['affine', 'scaled_tanh', 'hard_sigmoid'])
const withAlpha = new Set([...withBeta, 'leaky_relu', 'thresholded_relu', 'elu'])

/** By the names of native/core/activation.h. */
const onnxNames: Record<string, string> = {
  linear: 'Affine',
  relu: 'Relu',
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  softsign: 'Softsign',
  softplus: 'Softplus',
  affine: 'Affine',
  leaky_relu: 'LeakyRelu',
  thresholded_relu: 'ThresholdedRelu',
  scaled_tanh: 'ScaledTanh',
  hard_sigmoid: 'HardSigmoid',
  elu: 'Elu',
}
