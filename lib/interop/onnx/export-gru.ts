// A gru or bidirectional layer as a GRU node: layout 0, steps first, with Transpose around it. Layout 1 is refused by onnxruntime and overlooked by OpenVINO.
import type { PlacedLayer } from '../../spec/network.js'
import type { BidirectionalSpec, GruSpec, MergeMode } from '../../spec/types.js'
import type { FloatTensor } from '../../tensor.js'
import { gruActivations } from './export-activation.js'
import { type Mask, moveBack, moveToFront, turn, turnFront, turnMask } from './export-mask.js'
import { attribute, type GraphBuilder } from './graph-builder.js'

/** What goes from layer to layer. */
export interface Flow {
  /** [B, T, C] or [B, C]. */
  value: string
  mask: Mask | undefined
  /** The steps that count have been moved to the front of their row. */
  front: boolean
}

export type PlacedGru = PlacedLayer & { spec: (GruSpec | BidirectionalSpec) & { name: string } }

/** @param last - no gru comes later, so that masked steps are seen as this one leaves them */
export function addGru(
  graph: GraphBuilder,
  where: string,
  { spec, inputSize }: PlacedGru,
  weights: ReadonlyMap<string, FloatTensor>,
  { value, mask, front }: Flow,
  last: boolean,
): Flow {
  const layer = spec.type === 'bidirectional' ? spec.layer : spec
  const merge = spec.type === 'bidirectional' ? spec.mergeMode : undefined
  const keepsState = layer.returnState || layer.stateful
  const count = merge ? 2 : 1
  const moved = mask && !front ? moveToFront(graph, value, mask) : value
  const first = keepsState ? graph.input(`${spec.name}.initial_h`, 'FLOAT', [count, 'batch', layer.units]) : undefined
  const [y, yh] = graph.layer(
    'GRU',
    [
      graph.node('Transpose', [moved], attribute.ints('perm', [1, 0, 2])),
      ...addWeights(graph, spec.name, layer, count, inputSize, weights),
      mask?.lengths ?? '',
      first ?? '',
    ],
    [layer.returnSequences, keepsState || !layer.returnSequences],
    attribute.int('hidden_size', layer.units),
    attribute.string('direction', merge ? 'bidirectional' : layer.goBackwards ? 'reverse' : 'forward'),
    attribute.int('linear_before_reset', layer.resetAfter ? 1 : 0),
    ...gruActivations(where, activationsOf(spec)),
    ...(layer.clip === undefined ? [] : [attribute.float('clip', layer.clip)]),
  )
  const state = yh && mask && first ? keepWhereEmpty(graph, yh, first, mask) : yh
  if (keepsState) graph.output(state!, `${spec.name}.h_n`, [count, 'batch', layer.units])
  if (layer.returnSequences) return sequenceOf(graph, y!, { layer, merge, first, mask, last })
  return { value: joinStates(graph, keepsState ? `${spec.name}.h_n` : state!, layer.units, merge), mask: undefined, front: false }
}

interface Sequence {
  layer: GruSpec
  merge: MergeMode | undefined
  first: string | undefined
  mask: Mask | undefined
  last: boolean
}

/** What a layer with returnSequences puts out, from its node's Y [T, D, B, H]. */
function sequenceOf(graph: GraphBuilder, y: string, { layer, merge, first, mask, last }: Sequence): Flow {
  const turned = layer.goBackwards && !layer.alignOutput
  // behind a row's end a node puts out 0
  if (mask && last && !(layer.zeroOutputForMask && mask.padded)) {
    const directions = merge ? (['forward', 'reverse'] as const) : [layer.goBackwards ? ('reverse' as const) : ('forward' as const)]
    const steps = joinInTime(graph, moveBack(graph, y, mask, directions, first, layer.zeroOutputForMask), layer.units, merge)
    return { value: turned ? turn(graph, steps) : steps, mask: undefined, front: false }
  }
  const steps = joinSteps(graph, y, layer.units, merge)
  if (!turned) return { value: steps, mask, front: mask !== undefined }
  if (!mask || last) return { value: turn(graph, steps), mask: undefined, front: false }
  return { value: turnFront(graph, steps, mask), mask: turnMask(graph, mask), front: true }
}

function activationsOf(spec: GruSpec | BidirectionalSpec): [GruSpec['activation'], GruSpec['activation']][] {
  const layers = spec.type === 'gru' ? [spec] : [spec.layer, spec.backwardLayer ?? spec.layer]
  return layers.map(({ recurrentActivation, activation }) => [recurrentActivation, activation])
}

/** W [D, 3H, I], R [D, 3H, H] and B [D, 6H] with gates z, r, h. */
function addWeights(
  graph: GraphBuilder,
  name: string,
  layer: GruSpec,
  count: number,
  inputSize: number,
  weights: ReadonlyMap<string, FloatTensor>,
): [w: string, r: string, b: string] {
  const suffixes = ['l0', 'l0_reverse'].slice(0, count)
  const gates = (tensor: string): Float32Array[] => {
    const data = weights.get(`${name}.${tensor}`)!.data
    const block = data.length / 3
    const [r, z, n] = [0, 1, 2].map((gate) => data.subarray(gate * block, (gate + 1) * block)) as [Float32Array, Float32Array, Float32Array]
    return [layer.updateGate === 'write' ? z.map((v) => -v) : z, r, n]
  }
  const matrix = (kind: string) => suffixes.flatMap((suffix) => gates(`${kind}_${suffix}`))
  const w = graph.weight('W', [count, 3 * layer.units, inputSize], matrix('weight_ih'))
  const r = graph.weight('R', [count, 3 * layer.units, layer.units], matrix('weight_hh'))
  if (!layer.useBias) return [w, r, '']
  const second = (suffix: string) => (layer.resetAfter ? gates(`bias_hh_${suffix}`) : [new Float32Array(3 * layer.units)])
  const biases = suffixes.flatMap((suffix) => [...gates(`bias_ih_${suffix}`), ...second(suffix)])
  return [w, r, graph.weight('B', [count, 6 * layer.units], biases)]
}

/** A row without steps keeps its first state [D, B, H]; a node puts out 0. */
function keepWhereEmpty(graph: GraphBuilder, state: string, first: string, { lengths }: Mask): string {
  const some = graph.node('Unsqueeze', [graph.node('Cast', [lengths], attribute.int('to', bool)), graph.integers([1])])
  return graph.node('Where', [some, state, first])
}

/** TensorProto.DataType */
const bool = 9

/** [D, B, H] -> [B, C]. */
function joinStates(graph: GraphBuilder, state: string, units: number, merge: MergeMode | undefined): string {
  if (!merge) return graph.node('Squeeze', [state, graph.integers([0])])
  if (merge !== 'concat') return combine(graph, state, 0, merge)
  const rows = graph.node('Transpose', [state], attribute.ints('perm', [1, 0, 2]))
  return graph.node('Reshape', [rows, graph.integers([0, 2 * units])])
}

/** A node's output [T, D, B, H] -> [B, T, C]. */
function joinSteps(graph: GraphBuilder, y: string, units: number, merge: MergeMode | undefined): string {
  if (merge === 'concat') return concat(graph, y, [2, 0, 1, 3], units)
  const steps = merge ? combine(graph, y, 1, merge) : graph.node('Squeeze', [y, graph.integers([1])])
  return graph.node('Transpose', [steps], attribute.ints('perm', [1, 0, 2]))
}

/** [D, B, T, H] -> [B, T, C]. */
function joinInTime(graph: GraphBuilder, y: string, units: number, merge: MergeMode | undefined): string {
  if (merge === 'concat') return concat(graph, y, [1, 2, 0, 3], units)
  return merge ? combine(graph, y, 0, merge) : graph.node('Squeeze', [y, graph.integers([0])])
}

function concat(graph: GraphBuilder, y: string, perm: number[], units: number): string {
  return graph.node('Reshape', [graph.node('Transpose', [y], attribute.ints('perm', perm)), graph.integers([0, 0, 2 * units])])
}

/** Both entries of an axis as one. */
function combine(graph: GraphBuilder, value: string, axis: number, merge: Exclude<MergeMode, 'concat'>): string {
  const both = [0, 1].map((direction) => graph.node('Gather', [value, graph.integers(direction)], attribute.int('axis', axis)))
  if (merge === 'mul') return graph.node('Mul', both)
  const sum = graph.node('Add', both)
  return merge === 'ave' ? graph.node('Mul', [sum, graph.float(0.5)]) : sum
}
