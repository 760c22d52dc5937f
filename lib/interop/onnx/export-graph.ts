// From a model's layers to a graph.
import { GrusError } from '../../errors.js'
import { gruOf, type PlacedLayer } from '../../spec/network.js'
import type { FloatTensor } from '../../tensor.js'
import type { GraphToWrite } from './encode.js'
import { addGru, type Flow, type PlacedGru } from './export-gru.js'
import { addLayer } from './export-layers.js'
import { maskOfLengths } from './export-mask.js'
import { GraphBuilder } from './graph-builder.js'

export interface GraphSource {
  name: string
  layers: readonly PlacedLayer[]
  /** The input is [B, T, I] or ids [B, T], else [B, I]. */
  sequence: boolean
  weights: ReadonlyMap<string, FloatTensor>
  /** The graph has an input `lengths`. */
  lengths: boolean
}

/** @throws GrusError INVALID_ARGUMENT for lengths that no layer looks at */
export function exportGraph(where: string, { name, layers, sequence, weights, lengths }: GraphSource): GraphToWrite {
  const lastGru = layers.findLastIndex(({ spec }) => gruOf(spec))
  if (lengths && lastGru < 0) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] lengths must be false: the model has no gru, and no other layer looks at lengths`)
  }
  const graph = new GraphBuilder()
  const { spec, inputSize } = layers[0]!
  const input =
    spec.type === 'embedding'
      ? graph.input('ids', 'INT64', ['batch', 'time'])
      : graph.input('x', 'FLOAT', ['batch', ...(sequence ? ['time'] : []), inputSize])
  graph.scope = 'lengths'
  const mask = lengths ? maskOfLengths(graph, graph.input('lengths', 'INT32', ['batch']), input) : undefined
  let flow: Flow = { value: input, mask, front: false }
  layers.forEach((layer, i) => {
    graph.scope = layer.spec.name
    if (gruOf(layer.spec)) flow = addGru(graph, where, layer as PlacedGru, weights, flow, i === lastGru)
    else flow = addLayer(graph, where, layer, weights, flow, i < lastGru)
  })
  const { sequence: steps, outputSize } = layers.at(-1)!
  graph.output(flow.value, 'y', ['batch', ...(steps ? ['time'] : []), outputSize])
  const { outputs, ...rest } = graph.finish(name || 'grus')
  return { ...rest, outputs: [outputs.at(-1)!, ...outputs.slice(0, -1)] }
}
