// ONNX graphs drawn from a seed, as exporters write them: GRU nodes one after the other, with what lies around them.
import type { OnnxNode, OnnxTensor, OnnxValueInfo } from '../../lib/interop/onnx/proto.js'
import type { Draw } from './architectures.js'
import { type Attributes, floats, gruWeights, info, integers, modelBytes, node } from './onnx-graph.js'

export interface DrawnGraph {
  title: string
  bytes: Buffer
  ids: boolean
  /** [T, B, I] comes in, not [B, T, I]. */
  timeMajor: boolean
  inputSize: number
  lengths: boolean
  /** Of the GRUs that take a first state: [D, B, H]. */
  states: { name: string; directions: number; units: number }[]
  /** What comes out: axes in the file. */
  output: 'BTF' | 'TBF' | 'BF'
}

const activations = [
  'Relu',
  'Tanh',
  'Sigmoid',
  'Softsign',
  'Softplus',
  'LeakyRelu',
  'ThresholdedRelu',
  'ScaledTanh',
  'HardSigmoid',
  'Elu',
  'Affine',
]
const withAlpha = new Set(['LeakyRelu', 'ThresholdedRelu', 'ScaledTanh', 'HardSigmoid', 'Elu', 'Affine'])
const withBeta = new Set(['ScaledTanh', 'HardSigmoid', 'Affine'])

/** Attributes of a GRU whose states stay small: gates are between 0 and 1, or what goes into them is clipped. */
function drawAttributes({ chance, pick, random }: Draw, directions: number): Attributes {
  const clip = chance(0.4) ? pick([0.25, 1, 3]) : undefined
  if (chance(0.4)) return { linear_before_reset: pick([0, 1]), ...(clip && { clip: { float: clip } }) }
  const names = Array.from({ length: directions }, () => [chance(0.5) ? 'Sigmoid' : pick(activations), pick(activations)]).flat()
  const wild = names.some((name, i) => i % 2 === 0 && name !== 'Sigmoid' && name !== 'HardSigmoid')
  const alphas = names.filter((name) => withAlpha.has(name)).map((name) => (name === 'HardSigmoid' ? 0.15 : 0.2 + 0.3 * random()))
  const betas = names.filter((name) => withBeta.has(name)).map(() => 0.3 + 0.4 * random())
  return {
    linear_before_reset: pick([0, 1]),
    activations: names,
    ...(alphas.length > 0 && { activation_alpha: { floats: alphas } }),
    ...(betas.length > 0 && { activation_beta: { floats: betas } }),
    ...(clip || wild ? { clip: { float: wild ? 0.25 : clip! } } : {}),
  }
}

export function drawGraph(draw: Draw): DrawnGraph {
  const { chance, pick, below, random } = draw
  const opset = pick([7, 9, 11, 13, 14, 17, 18, 21])
  const [nodes, initializers, inputs]: [OnnxNode[], OnnxTensor[], OnnxValueInfo[]] = [[], [], []]
  let count = 0
  const fresh = () => `v${++count}`
  const add = (op: string, from: string[], attributes: Attributes = {}): string => {
    const name = fresh()
    nodes.push(node(op, from, [name], attributes))
    return name
  }
  const ints = (value: number | number[]): string => {
    const name = fresh()
    if (chance(0.5)) initializers.push(integers(name, value))
    else nodes.push(node('Constant', [], [name], { value: integers('', value) }))
    return name
  }
  const weight = (dims: number[]): string => {
    const name = fresh()
    initializers.push(
      floats(
        name,
        dims,
        Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
      ),
    )
    return name
  }
  const squeeze = (value: string, axis: number): string =>
    opset < 13 ? add('Squeeze', [value], { axes: [axis] }) : add('Squeeze', [value, ints([axis])])
  const slice = (value: string, axis: number, from: number, to: number): string =>
    opset < 10
      ? add('Slice', [value], { axes: [axis], starts: [from], ends: [to] })
      : add('Slice', [value, ints([from]), ints([to]), ints([axis])])

  const ids = chance(0.3)
  const timeMajor = !ids && chance(0.4)
  const lengths = chance(0.4)
  let size = 2 + below(4)
  const inputSize = size
  if (ids) inputs.push(info('x', ['batch', 'time'], 'INT64'))
  else inputs.push(info('x', timeMajor ? ['time', 'batch', size] : ['batch', 'time', size]))
  if (lengths) inputs.push(info('lengths', ['batch'], 'INT32'))
  let at = 'x'
  if (ids) {
    const features = 1 + below(4)
    at = add('Gather', [weight([size, features]), at])
    size = features
  }
  if (!timeMajor) at = add('Transpose', [at], { perm: [1, 0, 2] })

  const states: DrawnGraph['states'] = []
  const layers = 1 + below(3)
  let output: DrawnGraph['output'] = 'TBF'
  for (let layer = 0; layer < layers; ++layer) {
    const units = 1 + below(5)
    const direction = pick(['forward', 'reverse', 'bidirectional'])
    const directions = direction === 'bidirectional' ? 2 : 1
    const prefix = `l${layer}.`
    const weights = gruWeights(random, size, units, directions, prefix)
    const hasBias = chance(0.8)
    initializers.push(...weights.slice(0, hasBias ? 3 : 2))
    let first = ''
    if (chance(0.3)) {
      first = `${prefix}h0`
      inputs.push(info(first, [directions, 'batch', units]))
      states.push({ name: first, directions, units })
    } else if (chance(0.4)) {
      const rows = add('Gather', [add('Shape', [at]), ints([1])], { axis: 0 })
      const shape = add('Concat', [ints([directions]), rows, ints([units])], { axis: 0 })
      first = opset >= 9 ? add('ConstantOfShape', [shape]) : ''
    }
    const [y, yh] = [fresh(), fresh()]
    nodes.push(
      node(
        'GRU',
        [at, `${prefix}W`, `${prefix}R`, hasBias ? `${prefix}B` : '', lengths ? 'lengths' : '', first],
        [y, yh],
        { direction, hidden_size: units, ...drawAttributes(draw, directions) },
        `gru${layer}`,
      ),
    )
    const join = directions === 2 ? pick(['concat', 'concat', 'sum', 'mul', 'ave', 'forward', 'backward'] as const) : 'one'
    size = units * (join === 'concat' ? 2 : 1)
    const both = (value: string, axis: number): [string, string] => {
      if (chance(0.5)) return [squeeze(slice(value, axis, 0, 1), axis), squeeze(slice(value, axis, 1, 2), axis)]
      return [0, 1].map((i) => add('Gather', [value, ints(i)], { axis })) as [string, string]
    }
    const joined = (value: string, axis: number): string => {
      if (join === 'one') return squeeze(value, axis)
      const [forward, backward] = both(value, axis)
      if (join === 'forward') return forward
      if (join === 'backward') return backward
      if (join === 'concat') return add('Concat', [forward, backward], { axis: -1 })
      if (join === 'mul') return add('Mul', [forward, backward])
      if (join === 'ave') return add('Mean', [forward, backward])
      return add('Add', [forward, backward])
    }
    if (layer === layers - 1 && chance(0.5)) {
      output = 'BF'
      if (join === 'one' && !lengths && chance(0.5)) {
        const last = direction === 'forward' ? (chance(0.5) ? -1 : undefined) : 0
        const steps = squeeze(y, 1)
        at =
          last === undefined
            ? squeeze(slice(steps, 0, -1, 2 ** 31 - 1), 0)
            : opset < 11 && last < 0
              ? squeeze(yh, 0)
              : add('Gather', [steps, ints(last)], { axis: 0 })
      } else if (join === 'concat' && chance(0.5)) {
        at = add('Reshape', [add('Transpose', [yh], { perm: [1, 0, 2] }), ints([-1, size])])
      } else {
        at = joined(yh, 0)
      }
    } else if (join === 'concat' && chance(0.5)) {
      at = add('Reshape', [add('Transpose', [y], { perm: [0, 2, 1, 3] }), ints([0, 0, -1])])
    } else {
      at = joined(y, 1)
    }
  }
  if (output === 'TBF' && chance(0.5)) {
    output = 'BTF'
    at = add('Transpose', [at], { perm: [1, 0, 2] })
  }
  if (chance(0.3)) at = add(pick(['Tanh', 'Relu', 'Sigmoid', 'Softplus']), [at])
  if (opset >= 17 && chance(0.3)) at = add('LayerNormalization', [at, weight([size]), weight([size])], { epsilon: { float: 1e-3 } })
  if (chance(0.6)) {
    const units = 2 + below(3)
    if (output === 'BF' && chance(0.5)) {
      at = add('Gemm', [at, weight([units, size]), weight([units])], { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } })
    } else {
      at = add('MatMul', [at, weight([size, units])])
      if (chance(0.7)) at = add('Add', chance(0.5) ? [at, weight([units])] : [weight([units]), at])
    }
    if (chance(0.3)) at = add('Softmax', [at], { axis: output === 'BF' ? 1 : 2 })
    else if (chance(0.5)) at = add('Elu', [at], { alpha: { float: 0.5 } })
  }
  const ops = nodes.map(({ op }) => op).filter((op) => op !== 'Constant')
  return {
    title: `opset ${opset}: ${ids ? 'ids' : timeMajor ? 'TBI' : 'BTI'}, ${ops.join(' ')}${lengths ? ', lengths' : ''}`,
    bytes: modelBytes({ nodes, initializers, inputs, outputs: [at], opset }),
    ids,
    timeMajor,
    inputSize,
    lengths,
    states,
    output,
  }
}
