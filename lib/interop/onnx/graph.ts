// Follows a graph from its inputs to its outputs, each tensor being what values.ts has for it.

import { ProtobufError } from '../../files/protobuf.js'
import type { Tensor } from '../../tensor.js'
import { Budget } from './constants.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { NodeReader } from './node-reader.js'
import { arithmeticOperators } from './ops-arithmetic.js'
import { layerOperators } from './ops-layers.js'
import { type Operator, structureOperators } from './ops-structure.js'
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValueInfo } from './proto.js'
import { named, size } from './sizes.js'
import type { Place } from './sources.js'
import { type Atom, constantOf, type Value } from './values.js'
import { viewOf } from './views.js'

/** Gather may be an embedding: layers come last. */
const operators: Record<string, Operator> = { ...structureOperators, ...arithmeticOperators, ...layerOperators }

/** The versions of ONNX' own operators that are known here. */
const [oldest, newest] = [7, 28]

/**
 * The values of the wanted outputs.
 *
 * @param weights - values for inputs that have no initializer, by name
 * @throws OnnxUnsupported, OnnxCorrupt with the node in the message
 */
export function followGraph(
  { graph, opsets }: OnnxModel,
  wanted: readonly string[],
  weights: ReadonlyMap<string, Tensor>,
): Map<string, Value> {
  const opset = opsetOf(opsets)
  const makers = new Map<string, OnnxNode>()
  for (const node of graph.nodes) {
    for (const output of node.outputs) {
      if (output === '') continue
      if (makers.has(output)) throw new OnnxCorrupt(`'${output}' is made by two nodes`)
      makers.set(output, node)
    }
  }
  const live = liveNodes(wanted, makers)
  const used = new Set([...wanted, ...[...live].flatMap(({ inputs }) => inputs)])
  const values = inputValues(graph, used, weights)
  const stored = [...live].flatMap(({ attributes }) => attributes.flatMap((a) => (a.kind === 'tensor' ? [a.value] : [])))
  const brought = [...graph.initializers, ...stored].reduce((sum, { data }) => sum + (data instanceof Uint8Array ? data.length / 4 : 0), 0)
  const given = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0)
  const budget = new Budget(2 ** 20 + 16 * (brought + given))
  graph.nodes.forEach((node, i) => {
    if (live.has(node)) evaluate(node, placeOf(node, i), values, makers, opset, budget)
  })
  return new Map(
    wanted.map((name) => {
      const value = values.get(name)
      if (!value) throw new OnnxCorrupt(`nothing makes the output '${name}'`)
      return [name, value]
    }),
  )
}

function opsetOf(opsets: OnnxModel['opsets']): number {
  const own = opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')
  if (!own) throw new OnnxUnsupported("the model imports none of ONNX' own operators; export it with opset 17")
  if (own.version >= oldest && own.version <= newest) return own.version
  throw new OnnxUnsupported(`opset ${own.version}: versions ${oldest} to ${newest} are known; export it with opset 17`)
}

export function placeOf({ name, op }: OnnxNode, i: number): Place {
  return `${name === '' ? `node ${i}` : `node '${name}'`} (${op})`
}

/** The nodes that the wanted outputs hang on. */
function liveNodes(wanted: readonly string[], makers: ReadonlyMap<string, OnnxNode>): Set<OnnxNode> {
  const live = new Set<OnnxNode>()
  const open = [...wanted]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const maker = makers.get(name)
    if (!maker || live.has(maker)) continue
    live.add(maker)
    for (const input of maker.inputs) open.push(input)
  }
  return live
}

/** What stands in the graph before its first node; of the initializers those that are used. */
function inputValues(graph: OnnxGraph, used: ReadonlySet<string>, weights: ReadonlyMap<string, Tensor>): Map<string, Value> {
  const values = new Map<string, Value>()
  const names = new Set<string>()
  for (const tensor of graph.initializers) {
    if (tensor.name === '' || names.has(tensor.name)) {
      throw new OnnxCorrupt(`an initializer has no name, or a name twice: '${tensor.name}'`)
    }
    names.add(tensor.name)
    if (used.has(tensor.name)) values.set(tensor.name, constantOf(tensor))
  }
  for (const input of graph.inputs) {
    if (values.has(input.name)) continue
    const given = weights.get(input.name)
    values.set(input.name, given ? weightOf(given) : inputValue(input))
  }
  return values
}

function weightOf({ data, shape }: Tensor): Value {
  if (data instanceof Float32Array) return { kind: 'numbers', dims: [...shape], data }
  return { kind: 'ints', dims: [...shape], data: Array.from(data, size) }
}

function inputValue({ name, type, dims }: OnnxValueInfo): Value {
  const ids = !['FLOAT', 'FLOAT16', 'BFLOAT16', 'DOUBLE'].includes(type)
  // without a shape: ids [B, T], or features [B, T, I]
  const axes = (dims ?? Array.from({ length: ids ? 2 : 3 }, () => undefined)).map((dim, i): Atom => {
    const label = typeof dim === 'string' ? dim : `${name}.${i}`
    return { name: label, size: typeof dim === 'number' && dim > 0 ? size(dim) : named(label.replaceAll('*', '_')) }
  })
  return viewOf(
    { kind: 'input', place: `the input '${name}'`, name, ids, atoms: axes },
    axes.map((atom) => [atom]),
  )
}

function evaluate(
  node: OnnxNode,
  place: Place,
  values: Map<string, Value>,
  makers: ReadonlyMap<string, OnnxNode>,
  opset: number,
  budget: Budget,
): void {
  try {
    if (node.domain !== '' && node.domain !== 'ai.onnx') {
      throw new OnnxUnsupported(`the domain '${node.domain}' is not known; export with ONNX' own operators alone`)
    }
    const operator = Object.hasOwn(operators, node.op) ? operators[node.op] : undefined
    if (!operator) throw new OnnxUnsupported(`no layer of grus is this operator${hints[node.op] ?? ''}`)
    const inputs = node.inputs.map((name) => {
      if (name === '') return undefined
      const value = values.get(name)
      if (value) return value
      const maker = makers.get(name)
      if (maker?.outputs.some((output) => values.has(output))) {
        throw new OnnxUnsupported(`its input '${name}' is an output of a ${maker.op} that cannot be followed`)
      }
      throw new OnnxCorrupt(`its input '${name}' is made by nothing that comes before it`)
    })
    const reader = new NodeReader(node, place, inputs, opset, budget)
    const outputs = operator(reader)
    reader.finish()
    node.outputs.forEach((name, i) => {
      const value = outputs[i]
      if (name !== '' && value) values.set(name, value)
    })
  } catch (cause) {
    if (cause instanceof OnnxUnsupported) throw new OnnxUnsupported(`${place}: ${cause.message}`)
    if (cause instanceof OnnxCorrupt || cause instanceof ProtobufError) throw new OnnxCorrupt(`${place}: ${cause.message}`)
    throw cause
  }
}

const flow = '; export a graph without control flow: for PyTorch, trace the model rather than script it'
const lstm = '; only GRU layers can be read'

/** What comes nearest. */
const hints: Record<string, string> = {
  If: flow,
  Loop: flow,
  Scan: flow,
  LSTM: lstm,
  RNN: lstm,
  LogSoftmax: '; export softmax, and take the logarithm of what predict gives',
  BatchNormalization: '; layerNormalization is the nearest, or fold it into the Dense before it',
  ReverseSequence: '; a GRU node with direction reverse and sequence_lens says the same',
  GatherND: "; the last valid step of each row is the GRU node's Y_h",
  GatherElements: "; the last valid step of each row is the GRU node's Y_h",
}
