import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { GrusError } from '../../errors.js'
import { cannot, checkPath } from '../../files/paths.js'
import { ProtobufError } from '../../files/protobuf.js'
import { nearest, parse } from '../../spec/parse.js'
import { type Tensor, toTensor } from '../../tensor.js'
import { errorsOf, type ImportedModel, modelData } from '../model-data.js'
import { assemble } from './assemble.js'
import { type Chain, chainOf, outputAxes } from './chain.js'
import { decodeModel } from './decode.js'
import { loadExternal } from './external.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { followGraph, placeOf } from './graph.js'
import type { OnnxModel } from './proto.js'
import { known } from './sizes.js'
import type { GruNode } from './sources.js'
import type { Atom, Value, View } from './values.js'

export interface OnnxImportOptions {
  /** The output that the model shall give, where the graph has several. */
  output?: string
  /** Values for weights that the graph takes as inputs, by name. */
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
  checkPath(where, path)
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (cause) {
    throw cannot(where, 'read', path, cause)
  }
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

interface Roles {
  batch: Atom
  time: Atom | undefined
  feature: Atom | undefined
}

function rolesOf({ input, links, view }: Chain, grus: readonly GruNode[]): Roles {
  const [first] = grus
  const embeds = links[0]?.kind === 'embedding'
  if (input.ids && !embeds) throw new OnnxUnsupported(`${input.place} holds whole numbers, but no embedding looks them up`)
  const featured = links.find((link) => link.kind !== 'activation')
  const x = featured?.kind === 'gru' ? featured.gru.x : featured?.x
  const feature = embeds ? undefined : (x?.features[0] ?? view.axes.at(-1)?.[0])
  const leading = input.atoms.filter((atom) => atom !== feature && (known(atom.size) !== 1 || view.axes.flat().includes(atom)))
  if (leading.length < 1 || leading.length > 2 || (!embeds && !(feature && input.atoms.includes(feature)))) {
    throw new OnnxUnsupported(`${input.place} has ${input.atoms.length} axes; a model takes rows, steps and features`)
  }
  const [batch, time] = first ? [first.batch, first.time] : (leading as [Atom, Atom?])
  for (const gru of grus) {
    if (gru.batch !== batch || gru.time !== time || !leading.includes(batch) || !leading.includes(gru.time)) {
      throw new OnnxUnsupported(`${gru.place}: its steps and rows are not those of ${input.place}`)
    }
    if (gru.lengths !== first!.lengths) throw new OnnxUnsupported(`${gru.place}: sequence_lens must be that of ${first!.place}`)
  }
  if (embeds && !time) throw new OnnxUnsupported(`${input.place} must be ids [rows, steps]`)
  return { batch, time, feature }
}

function layerNames({ graph }: OnnxModel): Map<string, string> {
  const names = graph.nodes.map(({ name }) => name)
  return new Map(
    graph.nodes.flatMap((node, i) => {
      const own = /^[A-Za-z0-9_-]+$/.test(node.name) && names.indexOf(node.name) === names.lastIndexOf(node.name)
      return own ? [[placeOf(node, i), node.name] as const] : []
    }),
  )
}

function heading({ opsets, producerName, producerVersion, graph }: OnnxModel): string[] {
  const opset = opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')!.version
  const producer = [producerName, producerVersion].filter((text) => text).join(' ')
  const types = new Set(graph.initializers.map(({ type }) => type))
  const wide = (['FLOAT16', 'BFLOAT16', 'DOUBLE'] as const).filter((type) => types.has(type))
  return [
    `ONNX opset ${opset}${producer ? ` by ${producer}` : ''}`,
    ...(wide.length > 0 ? [`weights of ${wide.join(', ').toLowerCase()} -> float32`] : []),
  ]
}

function inputNotes({ input }: Chain, { batch, time, feature }: Roles, grus: readonly GruNode[]): string[] {
  const letters = (atoms: readonly (Atom | undefined)[]) =>
    atoms.map((atom) => (atom === batch ? 'B' : atom === time ? 'T' : atom === feature ? 'I' : '1')).join(', ')
  const [theirs, ours] = [letters(input.atoms), letters([batch, time, feature].filter((atom) => atom))]
  const notes = theirs === ours ? [] : [`${input.place} is [${theirs}] in the file, [${ours}] here`]
  const lengths = grus[0]?.lengths
  if (lengths !== undefined) notes.push(`the input '${lengths}' is the option lengths of predict`)
  return notes
}

function stateNotes(grus: readonly GruNode[], states: ReadonlySet<GruNode>, outputs: readonly string[], main: string): string[] {
  const given = [...new Set(grus.flatMap(({ initial }) => (initial ? [initial.input] : [])))]
  const others = outputs.filter((name) => name !== main)
  const notes: string[] = []
  if (given.length > 0)
    notes.push(`first states (${given.join(', ')}) are initialStates of predictWithStates, one for each layer with returnState`)
  if (others.length > 0) notes.push(`last states (${others.join(', ')}) are the states of predictWithStates`)
  if (states.size > 0 && given.length > 0 && grus.some((gru) => states.has(gru) && !gru.initial))
    notes.push('layers without a first state in the file take zeros')
  return notes
}

/** @throws OnnxUnsupported for what a model does not give */
function describeOutput(name: string, view: View, { batch, time }: Roles): string[] {
  const found = outputAxes(view)
  const stray = found?.leading.find((atom) => atom !== batch && atom !== time)
  if (!found || stray) {
    throw new OnnxUnsupported(
      `the output '${name}' does not have all rows and all features of ${view.source.place}, each with axes of its own`,
    )
  }
  const letter = (atom: Atom): string =>
    atom === batch ? 'B' : atom === time ? 'T' : found.features.length > 1 && atom === found.features[0] ? 'D' : 'F'
  const theirs = view.axes.map((axis) => axis.map(letter).join(' ') || '1').join(', ')
  const features = found.features.map(letter).join(' ') || 'F'
  const steps = found.leading.includes(time!)
  const ours = ['B', ...(steps ? ['T'] : []), features].join(', ')
  return theirs === ours ? [] : [`the output '${name}' is [${theirs}] in the file, [${ours}] here`]
}
