import * as z from 'zod'
import { GrusError } from '../../errors.js'
import { readWhole } from '../../files/open-file.js'
import { ProtobufError } from '../../files/protobuf.js'
import { nearest, parse } from '../../spec/parse.js'
import { type Tensor, toTensor } from '../../tensor.js'
import { errorsOf, type ImportedModel, modelData } from '../model-data.js'
import { assemble } from './assemble.js'
import { type Chain, chainOf } from './chain.js'
import { decodeModel } from './decode.js'
import { loadExternal } from './external.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { followGraph, placeOf } from './graph.js'
import { describeOutput, heading, inputNotes, rolesOf, stateNotes } from './import-notes.js'
import type { OnnxModel } from './proto.js'
import type { GruNode } from './sources.js'
import type { Value, View } from './values.js'

export interface OnnxImportOptions {
  /** The output that the model shall give. Default: the only one, or Y and Y_h of one GRU. */
  output?: string
  /** Values for weights that the graph takes as inputs, by name, in the shapes that the graph declares. Default: none. */
  weights?: Readonly<Record<string, Tensor>>
}

const optionsSchema = z.strictObject(
  {
    output: z.string({ error: "an output's name" }).optional(),
    weights: z.record(z.string(), z.unknown(), { error: 'an object of tensors' }).optional(),
  },
  { error: 'an object' },
)

/**
 * Reads an ONNX model whose graph is a chain of layers: Gather as an embedding, GRU, MatMul and Gemm, LayerNormalization, activations, and what exporters put
 * around them.
 *
 * @throws GrusError INVALID_ARGUMENT for wrong options or a file that cannot be opened; CORRUPT_FILE; UNSUPPORTED naming the node
 */
export async function importOnnx(where: string, path: string, options: OnnxImportOptions = {}): Promise<ImportedModel> {
  const bytes = await readWhole(where, path)
  try {
    const model = decodeModel(bytes)
    await loadExternal(path, model.graph.initializers)
    return modelOfGraph(where, path, model, options)
  } catch (cause) {
    throw asGrusError(where, path, cause)
  }
}

/** The same of bytes in memory; weights in other files are refused. */
export function readOnnx(where: string, path: string, bytes: Uint8Array, options: OnnxImportOptions = {}): ImportedModel {
  try {
    return modelOfGraph(where, path, decodeModel(bytes), options)
  } catch (cause) {
    throw asGrusError(where, path, cause)
  }
}

function asGrusError(where: string, path: string, cause: unknown): unknown {
  const { corrupt, unsupported } = errorsOf(where, path)
  if (cause instanceof OnnxUnsupported) return unsupported(cause.message)
  if (cause instanceof OnnxCorrupt || cause instanceof ProtobufError) return corrupt(cause.message, cause)
  return cause
}

function modelOfGraph(where: string, path: string, model: OnnxModel, given: OnnxImportOptions): ImportedModel {
  const options = parse(where, optionsSchema, given)
  const weights = new Map<string, Tensor>()
  for (const [name, value] of Object.entries(options.weights ?? {})) weights.set(name, toTensor(where, `weights.${name}`, value as Tensor))
  const { graph } = model
  checkNames(
    where,
    'weights',
    weights.keys(),
    graph.inputs.map(({ name }) => name),
  )
  if (options.output !== undefined)
    checkNames(
      where,
      'output',
      [options.output],
      graph.outputs.map(({ name }) => name),
    )
  const wanted = options.output === undefined ? [...new Set(graph.outputs.map(({ name }) => name))] : [options.output]
  if (wanted.length === 0) throw new OnnxCorrupt('the graph has no output')
  const { name, value, chain, states } = mainOf(followGraph(model, wanted, weights))
  const grus = chain.links.flatMap((link) => (link.kind === 'gru' ? [link.gru] : []))
  for (const gru of grus) if (gru.initial) states.add(gru)
  const roles = rolesOf(chain, grus)
  const output = describeOutput(name, value, roles)
  const ownNames = model.producerName === 'grus' ? layerNames(model) : new Map<string, string>()
  return mended(path, where, () => {
    const { layers, weights: tensors, notes, inputSize } = assemble(where, chain, states, ownNames)
    const data = modelData(where, graph.name || 'model', layers, inputSize, roles.time !== undefined, tensors)
    return {
      ...data,
      notes: [...heading(model), ...inputNotes(chain, roles, grus), ...notes, ...stateNotes(grus, states, wanted, name), ...output],
    }
  })
}

/** What no layer of grus takes is the graph's to answer for, not the caller's. */
function mended<T>(path: string, where: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof GrusError)) throw cause
    throw errorsOf(where, path).unsupported(cause.message.replace(/^\[[^\]]*\] /, ''), cause)
  }
}

function checkNames(where: string, option: string, given: Iterable<string>, names: readonly string[]): void {
  for (const name of given) {
    if (names.includes(name)) continue
    const hint = nearest(name, names)
    const expected = hint ? `did you mean '${hint}'?` : `there are ${names.join(', ') || 'none'}`
    throw new GrusError(
      'INVALID_ARGUMENT',
      `[${where}] ${option}: the graph has no ${option === 'output' ? 'output' : 'input'} '${name}'; ${expected}`,
    )
  }
}

interface Main {
  name: string
  value: View
  chain: Chain
  states: Set<GruNode>
}

/** The output that the layers lead to; the others must be last states of its GRUs. */
function mainOf(outputs: ReadonlyMap<string, Value>): Main {
  const faults: Error[] = []
  for (const [name, value] of outputs) {
    try {
      if (value.kind !== 'view')
        throw new OnnxUnsupported(`the output '${name}' is ${value.kind === 'stack' ? 'several states' : 'a constant'}`)
      const chain = chainOf(value)
      const states = new Set<GruNode>()
      for (const [other, state] of outputs) if (other !== name) for (const gru of statesOf(other, state, chain)) states.add(gru)
      return { name, value, chain, states }
    } catch (cause) {
      if (!(cause instanceof OnnxUnsupported)) throw cause
      faults.push(cause)
    }
  }
  if (outputs.size === 1) throw faults[0]!
  const names = [...outputs.keys()].map((name) => `'${name}'`).join(', ')
  throw new OnnxUnsupported(
    `the outputs ${names} are not one and the last states that belong to it (${faults[0]!.message}); choose one with the option output`,
  )
}

function statesOf(name: string, value: Value, chain: Chain): GruNode[] {
  const views = value.kind === 'stack' ? value.items : value.kind === 'view' ? [value] : []
  return views.map(({ source }) => {
    const own = source.kind === 'state' && chain.links.some((link) => link.kind === 'gru' && link.gru === source.gru)
    if (!own) throw new OnnxUnsupported(`the output '${name}' is no last state of a GRU`)
    return source.gru
  })
}

function layerNames({ graph }: OnnxModel): Map<string, string> {
  const counts = new Map<string, number>()
  for (const { name } of graph.nodes) counts.set(name, (counts.get(name) ?? 0) + 1)
  return new Map(
    graph.nodes.flatMap((node, i) => {
      const own = /^[A-Za-z0-9_-]+$/.test(node.name) && counts.get(node.name) === 1
      return own ? [[placeOf(node, i), node.name] as const] : []
    }),
  )
}
