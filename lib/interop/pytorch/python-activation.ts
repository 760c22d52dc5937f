import { activationOf } from '../../spec/activation.js'
import type { Activation } from '../../spec/types.js'

/** A Python expression that applies the activation to `x`. */
export function pythonActivation(where: string, activation: Activation | 'softmax', x: string): string {
  if (activation === 'softmax') return `torch.softmax(${x}, -1)`
  const { kind, alpha, beta } = activationOf(where, 'activation', activation)
  switch (kind) {
    case 'linear':
      return x
    case 'relu':
    case 'tanh':
    case 'sigmoid':
      return `torch.${kind}(${x})`
    case 'softsign':
    case 'softplus':
      return `nn.functional.${kind}(${x})`
    case 'affine':
      return `${number(alpha)} * ${x} + ${number(beta)}`
    case 'leaky_relu':
      return `nn.functional.leaky_relu(${x}, ${number(alpha)})`
    case 'thresholded_relu':
      return `torch.where(${x} > ${number(alpha)}, ${x}, 0)`
    case 'scaled_tanh':
      return `${number(alpha)} * torch.tanh(${number(beta)} * ${x})`
    case 'hard_sigmoid':
      return `(${number(alpha)} * ${x} + ${number(beta)}).clamp(0, 1)`
    case 'elu':
      return `nn.functional.elu(${x}, ${number(alpha)})`
    default:
      throw new Error(`no Python for the activation ${kind}`)
  }
}

/** As Python reads it back: JavaScript's shortest form is Python's too. */
export function number(value: number): string {
  return String(value)
}
