// The weights of a model as users see them: names, shapes, and how each is drawn.
import type { Draw } from '../initializers/draw.js'
import { gruOf, type PlacedLayer } from './network.js'
import type { GruSpec, Initializer } from './types.js'

export interface Parameter {
  /** `gru.weight_ih_l0`, `dense.bias`, … */
  name: string
  /** PyTorch's: weights are [out, in], gates r, z, n one below the other. */
  shape: number[]
  draw: Draw
  /** updateGate 'write': native code holds the z rows negated. */
  negateUpdate: boolean
}

/**
 * The weights of one layer, in native order. A gru with `resetAfter: false` has one bias, as in Keras: native code's second one stays 0 and is not listed.
 */
export function parametersOf({ spec, inputSize, outputSize }: PlacedLayer): Parameter[] {
  if (spec.type === 'dropout' || spec.type === 'activation' || spec.type === 'masking') return []
  if (spec.type === 'embedding') {
    const draw: Draw = {
      initializer: spec.embeddingsInitializer,
      fanIn: inputSize,
      fanOut: outputSize,
      transposed: false,
      torch: { stddev: 1 },
    }
    return [{ name: `${spec.name}.weight`, shape: [inputSize, outputSize], draw, negateUpdate: false }]
  }
  if (spec.type === 'dense') {
    const torch = { bound: 1 / Math.sqrt(inputSize) }
    const draw: Draw = { initializer: spec.kernelInitializer, fanIn: inputSize, fanOut: outputSize, transposed: true, torch }
    const weight = { name: `${spec.name}.weight`, shape: [outputSize, inputSize], draw, negateUpdate: false }
    if (!spec.useBias) return [weight]
    const biasDraw: Draw = { initializer: spec.biasInitializer, fanIn: outputSize, fanOut: outputSize, transposed: false, torch }
    return [weight, { name: `${spec.name}.bias`, shape: [outputSize], draw: biasDraw, negateUpdate: false }]
  }
  if (spec.type === 'layerNormalization') {
    const make = (name: string, initializer: Initializer, value: number): Parameter => {
      const draw: Draw = { initializer, fanIn: outputSize, fanOut: outputSize, transposed: false, torch: { value } }
      return { name: `${spec.name}.${name}`, shape: [outputSize], draw, negateUpdate: false }
    }
    return [
      ...(spec.scale ? [make('weight', spec.gammaInitializer, 1)] : []),
      ...(spec.center ? [make('bias', spec.betaInitializer, 0)] : []),
    ]
  }
  const gru = gruOf(spec)!
  const [gates, torch] = [3 * gru.units, { bound: 1 / Math.sqrt(gru.units) }]
  const negateUpdate = gru.updateGate === 'write'
  const make = (name: string, shape: number[], draw: Omit<Draw, 'torch'>): Parameter => ({
    name: `${spec.name}.${name}`,
    shape,
    draw: { ...draw, torch },
    negateUpdate,
  })
  // Keras' bias has shape [2, 3H], or [3H] without resetAfter: that is what its fans are of
  const biasFanIn = gru.resetAfter ? 2 : gates
  const bias = (initializer: Initializer) => ({ initializer, fanIn: biasFanIn, fanOut: gates, transposed: false })
  const directions: [string, GruSpec][] = [['l0', gru]]
  if (spec.type === 'bidirectional') directions.push(['l0_reverse', spec.backwardLayer ?? gru])
  return directions.flatMap(([suffix, { kernelInitializer, recurrentInitializer, biasInitializer }]) => [
    make(`weight_ih_${suffix}`, [gates, inputSize], {
      initializer: kernelInitializer,
      fanIn: inputSize,
      fanOut: gates,
      transposed: true,
    }),
    make(`weight_hh_${suffix}`, [gates, gru.units], {
      initializer: recurrentInitializer,
      fanIn: gru.units,
      fanOut: gates,
      transposed: true,
    }),
    ...(gru.useBias ? [make(`bias_ih_${suffix}`, [gates], bias(biasInitializer))] : []),
    ...(gru.useBias && gru.resetAfter ? [make(`bias_hh_${suffix}`, [gates], bias(biasInitializer))] : []),
  ])
}
