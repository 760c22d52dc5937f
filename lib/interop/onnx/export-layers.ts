// Layers without a state.
import type { PlacedLayer } from '../../spec/network.js'
import type { FloatTensor } from '../../tensor.js'
import { transpose } from '../blocks.js'
import { addActivation } from './export-activation.js'
import type { Flow } from './export-gru.js'
import { maskOfSteps, stepsUnlike } from './export-mask.js'
import { attribute, type GraphBuilder } from './graph-builder.js'

type Weights = ReadonlyMap<string, FloatTensor>

/** @param masks - a gru comes later, which asks for a mask */
export function addLayer(
  graph: GraphBuilder,
  where: string,
  { spec, inputSize, outputSize, sequence }: PlacedLayer,
  weights: Weights,
  flow: Flow,
  masks: boolean,
): Flow {
  const { value } = flow
  switch (spec.type) {
    case 'embedding': {
      const table = graph.weight('weight', [inputSize, outputSize], [weights.get(`${spec.name}.weight`)!.data])
      const [vectors] = graph.layer('Gather', [table, value], [true], attribute.int('axis', 0))
      if (!spec.maskZero || !masks) return { ...flow, value: vectors! }
      const found = graph.node('Not', [graph.node('Equal', [value, graph.integers(0)])])
      return { ...flow, value: vectors!, mask: maskOfSteps(graph, found, flow.mask) }
    }
    case 'masking': {
      if (spec.maskValue === 0 && !masks) return flow
      const found = stepsUnlike(graph, value, spec.maskValue)
      const kept =
        spec.maskValue === 0 ? value : graph.node('Where', [graph.node('Unsqueeze', [found, graph.integers([2])]), value, graph.float(0)])
      return { ...flow, value: kept, mask: masks ? maskOfSteps(graph, found, flow.mask) : undefined }
    }
    case 'dense':
      return {
        ...flow,
        value: addActivation(graph, where, spec.activation, addProduct(graph, spec.name, outputSize, sequence, weights, value)),
      }
    case 'activation': {
      const activated = addActivation(graph, where, spec.activation, value)
      if (activated !== value) graph.nameLast()
      return { ...flow, value: activated }
    }
    case 'layerNormalization': {
      const [gamma, beta] = ['weight', 'bias'].map((tensor) => weights.get(`${spec.name}.${tensor}`)?.data)
      // the operator has no form without a scale
      const scale = graph.weight('weight', [outputSize], [gamma ?? new Float32Array(outputSize).fill(1)])
      const bias = beta ? graph.weight('bias', [outputSize], [beta]) : ''
      const attributes = [attribute.int('axis', -1), attribute.float('epsilon', spec.epsilon)]
      return { ...flow, value: graph.layer('LayerNormalization', [value, scale, bias], [true], ...attributes)[0]! }
    }
    default:
      return flow // dropout is of training alone
  }
}

/** x W^T + b: Gemm on [B, I], which takes W [out, in] as it is, and MatMul on [B, T, I], which does not. */
function addProduct(graph: GraphBuilder, name: string, units: number, sequence: boolean, weights: Weights, value: string): string {
  const matrix = weights.get(`${name}.weight`)!
  const bias = weights.get(`${name}.bias`)
  const b = bias ? graph.weight('bias', [units], [bias.data]) : ''
  if (!sequence) {
    const w = graph.weight('weight', [...matrix.shape], [matrix.data])
    return graph.layer('Gemm', [value, w, b], [true], attribute.int('transB', 1))[0]!
  }
  const turned = transpose(matrix)
  const [product] = graph.layer('MatMul', [value, graph.weight('weight', [...turned.shape], [turned.data])], [true])
  return bias ? graph.node('Add', [product!, b]) : product!
}
