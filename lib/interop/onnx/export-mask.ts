// Masks within a graph. A GRU node knows lengths alone, so steps that count are moved to the front of their row before the first gru, in their order, and
// back after the last one. In between only their number matters.
import { attribute, type GraphBuilder } from './graph-builder.js'

export interface Mask {
  /** Bool [B, T], as it lies in time. */
  steps: string
  /** int32 [B]: how many steps count. */
  lengths: string
  /** The steps that count come first in every row, whatever the data. */
  padded: boolean
}

/** Of the input `lengths` int32 [B]. `like`: a value [B, T, …]. */
export function maskOfLengths(graph: GraphBuilder, lengths: string, like: string): Mask {
  const times = graph.node('Range', [graph.integers(0), countSteps(graph, like), graph.integers(1)])
  const ends = graph.node('Unsqueeze', [castTo(graph, lengths, int64), graph.integers([1])])
  return { steps: graph.node('Less', [times, ends]), lengths, padded: true }
}

/** Of bool [B, T], and of another mask as well. */
export function maskOfSteps(graph: GraphBuilder, found: string, other: Mask | undefined): Mask {
  const steps = other ? graph.node('And', [other.steps, found]) : found
  return { steps, lengths: countWhere(graph, steps, 1, int32), padded: false }
}

/** Bool [B, T]: some feature of [B, T, I] is not the value. */
export function stepsUnlike(graph: GraphBuilder, x: string, value: number): string {
  const differ = graph.node('Not', [graph.node('Equal', [x, graph.float(value)])])
  return graph.node('Greater', [countWhere(graph, differ, 2, int64), graph.integers(0)])
}

/** [B, T, I]: in each row the steps that count, in their order, then the others. */
export function moveToFront(graph: GraphBuilder, value: string, mask: Mask): string {
  if (mask.padded) return value
  const count = countSteps(graph, value)
  const times = graph.node('Range', [graph.integers(0), count, graph.integers(1)])
  // keys fall with time, and those of steps that count are above all others
  const keys = graph.node('Sub', [graph.node('Where', [mask.steps, count, graph.integers(0)]), times])
  const order = graph.second('TopK', [keys, graph.node('Reshape', [count, graph.integers([1])])], attribute.int('axis', 1))
  return graph.node('GatherND', [value, graph.node('Unsqueeze', [order, graph.integers([2])])], attribute.int('batch_dims', 1))
}

/**
 * Outputs of a GRU node back in time: [T, D, B, H] -> [D, B, T, H].
 *
 * @param directions - which way each one runs
 * @param first - the initial state [D, B, H]; undefined: zeros
 * @param zero - a masked step holds 0, else what the direction had computed before
 */
export function moveBack(
  graph: GraphBuilder,
  y: string,
  mask: Mask,
  directions: readonly ('forward' | 'reverse')[],
  first: string | undefined,
  zero: boolean,
): string {
  const before =
    first === undefined || zero
      ? graph.node('Pad', [y, graph.integers([1, 0, 0, 0, 0, 0, 0, 0])])
      : graph.node('Concat', [graph.node('Unsqueeze', [first, graph.integers([0])]), y], attribute.int('axis', 0))
  const states = graph.node('Transpose', [before], attribute.ints('perm', [1, 2, 0, 3]))
  // states: [D, B, 1 + T, H], the state before all steps, then those after each step that counts
  const counted = castTo(graph, mask.steps, int64)
  const upTo = graph.node('CumSum', [counted, graph.integers(1)])
  const sources = directions.map((direction) => {
    if (zero) return graph.node('Where', [mask.steps, upTo, graph.integers(0)])
    if (direction === 'forward') return upTo
    const next = graph.node('Add', [graph.node('Sub', [upTo, counted]), graph.integers(1)])
    const ends = graph.node('Unsqueeze', [castTo(graph, mask.lengths, int64), graph.integers([1])])
    return graph.node('Where', [graph.node('Greater', [next, ends]), graph.integers(0), next])
  })
  const lifted = sources.map((source) => graph.node('Unsqueeze', [source, graph.integers([0, 3])]))
  const indices = lifted.length === 1 ? lifted[0]! : graph.node('Concat', lifted, attribute.int('axis', 0))
  return graph.node('GatherND', [states, indices], attribute.int('batch_dims', 2))
}

/** [B, T, …] with time turned around. */
export function turn(graph: GraphBuilder, value: string): string {
  // from the last step down to, and with, the first: an end before all there is
  const [starts, ends, axes, steps] = [[-1], [-(2 ** 31)], [1], [-1]].map((list) => graph.integers(list))
  return graph.node('Slice', [value, starts!, ends!, axes!, steps!])
}

/** After a layer that returns its steps in the order it took them, with those that count still at the front of the data. */
export function turnMask(graph: GraphBuilder, mask: Mask): Mask {
  return { ...mask, steps: turn(graph, mask.steps), padded: false }
}

/** [B, T, H]: the first `lengths` steps of each row turned around. */
export function turnFront(graph: GraphBuilder, value: string, mask: Mask): string {
  const lengths = castTo(graph, mask.lengths, int64)
  return graph.node('ReverseSequence', [value, lengths], attribute.int('batch_axis', 0), attribute.int('time_axis', 1))
}

/** TensorProto.DataType */
const [int32, int64] = [6, 7]

function castTo(graph: GraphBuilder, value: string, type: number): string {
  return graph.node('Cast', [value], attribute.int('to', type))
}

/** T of [B, T, …], a number alone. */
function countSteps(graph: GraphBuilder, value: string): string {
  return graph.node('Gather', [graph.node('Shape', [value]), graph.integers(1)], attribute.int('axis', 0))
}

/** How many are true along an axis, which goes away. */
function countWhere(graph: GraphBuilder, flags: string, axis: number, type: number): string {
  return graph.node('ReduceSum', [castTo(graph, flags, type), graph.integers([axis])], attribute.int('keepdims', 0))
}
