// A whole model in float64 scalars, layer by layer, one row of the batch at a time. Activations: rows [B][T][C], T = 1 for vectors.
import type { BidirectionalSpec, DenseSpec, EmbeddingSpec, GruSpec, LayerNormalizationSpec, LayerSpec } from '../../../lib/spec/types.js'
import { activate, activationOf, affine, softmax } from './activations.js'
import { type GruOptions, type GruWeights, gruRow, zeros } from './gru.js'
import { kept } from './philox.js'
import { add, constant, divide, multiply, type Scalar, scale, squareRoot, subtract } from './scalar.js'

export interface Signal {
  rows: Scalar[][][]
  sequence: boolean
  /** [B][T]; absent: all valid */
  mask?: boolean[][]
}

/** Ids [B][T] for an embedding, and a mask beside what maskZero finds. */
export interface IdSignal {
  ids: number[][]
  mask?: boolean[][]
}

export interface ReferenceContext {
  /** by PyTorch's names, flat: "gru.weight_ih_l0" */
  weights: ReadonlyMap<string, Scalar[]>
  /** in training: what keys the dropout masks. `key` numbers the layers as the engine does. */
  dropout?: { seed: number; step: number; key: (layer: number) => number }
  /** [D][B][H] by layer, taken as hx and replaced by the final states */
  states?: Map<number, Scalar[][][]>
}

/** y of the model. */
export function runModel(layers: readonly LayerSpec[], input: Signal | IdSignal, context: ReferenceContext): Signal {
  return layers.reduce<Signal | IdSignal>((x, spec, layer) => runLayer(spec, x, context, layer, nameOf(layers, layer)), input) as Signal
}

/** A layer's name: given, or its type and how many of that type came before. */
export function nameOf(layers: readonly LayerSpec[], index: number): string {
  const spec = layers[index]!
  if (spec.name) return spec.name
  if (spec.type === 'bidirectional' && spec.layer.name) return spec.layer.name
  const before = layers.slice(0, index).filter((other) => other.type === spec.type).length
  return before ? `${spec.type}_${before}` : spec.type
}

function runLayer(spec: LayerSpec, x: Signal | IdSignal, context: ReferenceContext, layer: number, name: string): Signal {
  if ('ids' in x) return embedding(spec as EmbeddingSpec, x, context, name)
  switch (spec.type) {
    case 'gru':
      return gru([spec], undefined, x, context, layer, name)
    case 'bidirectional':
      return gru([spec.layer, spec.backwardLayer ?? spec.layer], spec.mergeMode, x, context, layer, name)
    case 'dense':
      return dense(spec, x, context, name)
    case 'dropout':
      return dropout(spec.rate, x, context, layer, (b, t, batch) => t * batch + b)
    case 'layerNormalization':
      return layerNormalization(spec, x, context, name)
    case 'activation':
      return { ...x, rows: x.rows.map((row) => row.map((step) => activateAll(spec.activation, step))) }
    case 'masking':
      return masking(spec.maskValue, x)
    case 'embedding':
      throw new Error('an embedding takes ids')
  }
}

function embedding(spec: EmbeddingSpec, { ids, mask }: IdSignal, { weights }: ReferenceContext, name: string): Signal {
  const table = weights.get(`${name}.weight`)!
  const rows = ids.map((row) => row.map((id) => table.slice(id * spec.outputDim, (id + 1) * spec.outputDim)))
  if (!spec.maskZero && !mask) return { rows, sequence: true }
  return { rows, sequence: true, mask: ids.map((row, b) => row.map((id, t) => (mask?.[b]?.[t] ?? true) && !(spec.maskZero && id === 0))) }
}

function dense(spec: DenseSpec, x: Signal, { weights }: ReferenceContext, name: string): Signal {
  const step = (v: Scalar[]): Scalar[] => {
    return activateAll(spec.activation, affine(weights.get(`${name}.weight`)!, weights.get(`${name}.bias`), v))
  }
  return { ...x, rows: x.rows.map((row) => row.map(step)) }
}

function activateAll(given: DenseSpec['activation'], v: Scalar[]): Scalar[] {
  if (given === 'softmax') return softmax(v)
  const activation = activationOf(given)
  return v.map((a) => activate(activation, a))
}

function layerNormalization(spec: LayerNormalizationSpec, x: Signal, { weights }: ReferenceContext, name: string): Signal {
  const gamma = weights.get(`${name}.weight`)
  const beta = weights.get(`${name}.bias`)
  const step = (v: Scalar[]): Scalar[] => {
    const mean = scale(add(...v), 1 / v.length)
    const centered = v.map((a) => subtract(a, mean))
    const variance = scale(add(...centered.map((a) => multiply(a, a))), 1 / v.length)
    const deviation = squareRoot(add(variance, constant(spec.epsilon)))
    return centered.map((a, i) => {
      const scaled = gamma ? multiply(divide(a, deviation), gamma[i]!) : divide(a, deviation)
      return beta ? add(scaled, beta[i]!) : scaled
    })
  }
  return { ...x, rows: x.rows.map((row) => row.map(step)) }
}

/** Steps all of whose features are the value: masked, beside what is masked already, and zeroed. */
function masking(value: number, x: Signal): Signal {
  const valid = x.rows.map((row) => row.map((step) => !step.every((a) => a.value === Math.fround(value))))
  return {
    ...x,
    rows: x.rows.map((row, b) => row.map((step, t) => (valid[b]![t] ? step : step.map((a) => scale(a, 0))))),
    mask: valid.map((row, b) => row.map((is, t) => is && (x.mask?.[b]?.[t] ?? true))),
  }
}

/** Element (row, col) of [rows, C] is dropped by its index row * C + col; rowOf numbers the rows. */
function dropout(
  rate: number,
  x: Signal,
  { dropout: keys }: ReferenceContext,
  layer: number,
  rowOf: (b: number, t: number, batch: number) => number,
): Signal {
  if (!keys || rate === 0) return x
  const rows = x.rows.map((row, b) =>
    row.map((step, t) =>
      step.map((value, col) => {
        const index = rowOf(b, t, x.rows.length) * step.length + col
        return scale(value, kept(keys.seed, keys.step, keys.key(layer), index, rate) ? 1 / (1 - rate) : 0)
      }),
    ),
  )
  return { ...x, rows }
}

function gru(
  specs: GruSpec[],
  merge: BidirectionalSpec['mergeMode'] | undefined,
  given: Signal,
  context: ReferenceContext,
  layer: number,
  name: string,
): Signal {
  const spec = specs[0]!
  const x = dropout(spec.dropout, given, context, layer, (b) => b)
  const options = specs.map(
    ({ recurrentActivation, activation }): GruOptions => ({
      hidden: spec.units,
      resetAfter: spec.resetAfter,
      recurrentActivation: activationOf(recurrentActivation),
      activation: activationOf(activation),
      clip: spec.clip ?? 0,
      writes: spec.updateGate === 'write',
    }),
  )
  const turned = spec.goBackwards && !spec.alignOutput
  const hx = context.states?.get(layer)
  const directions = merge ? [0, 1] : [0]
  const hy: Scalar[][][] = directions.map(() => [])
  const rows = x.rows.map((steps, b) => {
    const outputs = directions.map((d) => {
      const reverse = d === 1 || spec.goBackwards
      const h0 = hx?.[d]?.[b] ?? zeros(spec.units)
      const valid = x.mask?.[b] ?? steps.map(() => true)
      const run = gruRow(gruWeights(context, name, d), options[d]!, steps, valid, h0, reverse)
      hy[d]!.push(run.hy)
      if (!spec.returnSequences) return [run.hy]
      const y = fillMasked(run.y, h0, reverse, spec.zeroOutputForMask)
      return turned ? y.reverse() : y
    })
    return outputs[0]!.map((first, t) => (merge ? mergeRows(merge, first, outputs[1]![t]!) : first))
  })
  context.states?.set(layer, hy)
  const mask = x.mask && turned ? x.mask.map((row) => [...row].reverse()) : x.mask
  return { rows, sequence: spec.returnSequences, ...(spec.returnSequences && mask && { mask }) }
}

function gruWeights({ weights }: ReferenceContext, name: string, direction: number): GruWeights {
  const get = (tensor: string): Scalar[] | undefined => weights.get(`${name}.${tensor}_l0${direction ? '_reverse' : ''}`)
  const biasIh = get('bias_ih')
  const biasHh = get('bias_hh')
  return { ih: get('weight_ih')!, hh: get('weight_hh')!, ...(biasIh && { biasIh }), ...(biasHh && { biasHh }) }
}

/** A masked step repeats the output before it in processing order (at first: the initial state), or is 0. */
function fillMasked(y: (Scalar[] | undefined)[], h0: Scalar[], reverse: boolean, zero: boolean): Scalar[][] {
  const filled: Scalar[][] = []
  const times = y.map((_, t) => t)
  let previous = h0
  for (const t of reverse ? times.reverse() : times) {
    const state = y[t]
    filled[t] = state ?? (zero ? zeros(h0.length) : previous)
    if (state) previous = state
  }
  return filled
}

function mergeRows(mode: BidirectionalSpec['mergeMode'], a: Scalar[], b: Scalar[]): Scalar[] {
  if (mode === 'concat') return [...a, ...b]
  return a.map((v, j) => {
    if (mode === 'mul') return multiply(v, b[j]!)
    return mode === 'ave' ? scale(add(v, b[j]!), 0.5) : add(v, b[j]!)
  })
}

/** l1 * sum|w| + l2 * sum w^2. */
export function penalty({ l1 = 0, l2 = 0 }: { l1?: number; l2?: number }, weights: readonly Scalar[]): Scalar {
  return add(constant(0), ...weights.map((w) => add(scale(w, l1 * Math.sign(w.value)), scale(multiply(w, w), l2))))
}
