// From a chain to layers as specs, weights under grus' names, and notes.
import { activation as activationLayer, bidirectional, dense, embedding, gru as gruLayer, layerNormalization } from '../../layers.js'
import { checkLayers } from '../../spec/network.js'
import type { Activation, GruSpec, LayerSpec } from '../../spec/types.js'
import type { FloatTensor } from '../../tensor.js'
import { swapFirstGates } from '../blocks.js'
import type { Chain, GruLink, Link } from './chain.js'
import { known } from './sizes.js'
import type { GruDirection, GruNode } from './sources.js'
import type { Numbers } from './values.js'

interface Draft {
  place: string
  spec: LayerSpec
  /** Without the layer's name before them. */
  weights: [string, FloatTensor][]
  notes: string[]
}

export interface Assembled {
  layers: LayerSpec[]
  weights: Map<string, FloatTensor>
  notes: string[]
  inputSize: number
}

/**
 * @param states - GRUs whose last states come out
 * @param names - of the layers, by the place of their node
 */
export function assemble(where: string, chain: Chain, states: ReadonlySet<GruNode>, names: ReadonlyMap<string, string>): Assembled {
  const drafts: Draft[] = []
  for (const link of chain.links) {
    const before = drafts.at(-1)
    // a Dense and what follows it are one layer
    if (before?.spec.type === 'dense' && before.spec.activation === 'linear' && (link.kind === 'activation' || link.kind === 'softmax')) {
      before.spec = { ...before.spec, activation: link.kind === 'softmax' ? 'softmax' : link.activation }
    } else {
      drafts.push(draftOf(link, states))
    }
  }
  const layers = checkLayers(
    where,
    drafts.map(({ place, spec }) => ({ ...spec, ...(names.has(place) && { name: names.get(place) }) })),
  )
  return {
    layers,
    weights: new Map(drafts.flatMap(({ weights }, i) => weights.map(([name, tensor]) => [`${layers[i]!.name}.${name}`, tensor]))),
    notes: drafts.flatMap(({ place, notes }, i) => [[`${layers[i]!.name}: ${place}`, ...notes].join('; ')]),
    inputSize: inputSizeOf(chain),
  }
}

function inputSizeOf({ links, input }: Chain): number {
  for (const link of links) {
    if (link.kind === 'embedding') return link.table.dims[0]!
    if (link.kind === 'dense') return link.weight.dims[1]!
    if (link.kind === 'gru') return link.gru.directions[0]!.w.dims[1]!
    if (link.kind === 'layerNormalization') return link.gamma!.dims[0]!
  }
  return known(input.atoms.at(-1)?.size ?? new Map()) ?? 0
}

function draftOf(link: Link, states: ReadonlySet<GruNode>): Draft {
  switch (link.kind) {
    case 'gru':
      return gruDraft(link, states.has(link.gru))
    case 'embedding': {
      const [inputDim, outputDim] = link.table.dims as [number, number]
      return { place: link.place, spec: embedding({ inputDim, outputDim }), weights: [['weight', tensorOf(link.table)]], notes: [] }
    }
    case 'dense': {
      const { weight, bias, place } = link
      const spec = dense({ units: weight.dims[0]!, useBias: bias !== undefined })
      return { place, spec, weights: [['weight', tensorOf(weight)], ...named('bias', bias)], notes: [] }
    }
    case 'layerNormalization': {
      const { gamma, beta, epsilon, place } = link
      const spec = layerNormalization({ epsilon, scale: gamma !== undefined, center: beta !== undefined })
      return { place, spec, weights: [...named('weight', gamma), ...named('bias', beta)], notes: [] }
    }
    default: {
      const spec = activationLayer({ activation: link.kind === 'softmax' ? 'softmax' : link.activation })
      return { place: link.place, spec, weights: [], notes: [] }
    }
  }
}

function named(name: string, value: Numbers | undefined): [string, FloatTensor][] {
  return value ? [[name, tensorOf(value)]] : []
}

function tensorOf({ data, dims }: Numbers): FloatTensor {
  return { data, shape: dims }
}

function gruDraft({ gru, sequences, use, goBackwards, aligned }: GruLink, returnState: boolean): Draft {
  const [first, second] = gru.directions as [GruDirection, GruDirection | undefined]
  const single = use === 'forward' || use === 'backward'
  const chosen = single ? [use === 'backward' ? (second ?? first) : first] : [first, second!]
  const layer = ({ recurrentActivation, activation }: { recurrentActivation: Activation; activation: Activation }): GruSpec =>
    gruLayer({
      units: gru.units,
      activation,
      recurrentActivation,
      useBias: first.b !== undefined,
      resetAfter: gru.resetAfter,
      returnSequences: sequences,
      returnState,
      goBackwards,
      alignOutput: goBackwards && aligned && sequences,
      zeroOutputForMask: sequences,
      ...(gru.clip !== undefined && { clip: gru.clip }),
    })
  const notes = ['gates z, r, h -> r, z, n']
  if (first.b && !gru.resetAfter) notes.push('linear_before_reset is 0: its two biases are added up')
  if (single && second) notes.push(`of its two directions the ${use} one`)
  const weights = chosen.flatMap((direction, i) => weightsOf(direction, i === 0 ? 'l0' : 'l0_reverse', gru))
  if (single) return { place: gru.place, spec: layer(chosen[0]!), weights, notes }
  const same =
    JSON.stringify([first.activation, first.recurrentActivation]) === JSON.stringify([second!.activation, second!.recurrentActivation])
  const spec = bidirectional(layer(first), { mergeMode: use, ...(!same && { backwardLayer: layer(second!) }) })
  return { place: gru.place, spec, weights, notes }
}

function weightsOf({ w, r, b }: GruDirection, suffix: string, { units, resetAfter }: GruNode): [string, FloatTensor][] {
  const matrices: [string, FloatTensor][] = [
    [`weight_ih_${suffix}`, swapFirstGates(tensorOf(w))],
    [`weight_hh_${suffix}`, swapFirstGates(tensorOf(r))],
  ]
  if (!b) return matrices
  const half = 3 * units
  const [ih, hh] = [0, 1].map((i) => swapFirstGates({ data: b.data.subarray(i * half, (i + 1) * half), shape: [half] })) as [
    FloatTensor,
    FloatTensor,
  ]
  if (resetAfter) return [...matrices, [`bias_ih_${suffix}`, ih], [`bias_hh_${suffix}`, hh]]
  return [...matrices, [`bias_ih_${suffix}`, { data: ih.data.map((value, i) => value + hh.data[i]!), shape: [half] }]]
}
