// The configuration of a whole model -> a list of layers and what goes in: Sequential models, and Functional ones that are one plain chain.
import type { LayerSpec } from '../../spec/types.js'
import { describe } from '../../tensor.js'
import { isObject, isSize, type Reading } from './fields.js'
import { type ReadLayer, readLayer } from './read-layers.js'

export interface ReadModel {
  name: string
  layers: ReadLayer[]
  /** Features, or the vocabulary's size for ids. */
  inputSize: number
  sequence: boolean
}

interface Entry {
  kind: string
  name: string
  config: Record<string, unknown>
  /** Of a Functional model: where its inputs come from. */
  nodes: unknown
}

const mostLayers = 1000

/** @throws GrusError CORRUPT_FILE, UNSUPPORTED */
export function readModelConfig(reading: Reading, value: unknown): ReadModel {
  const { corrupt, unsupported } = reading.errors
  if (!isObject(value) || typeof value.class_name !== 'string')
    throw corrupt(`the model must have a class_name and a config, got ${describe(value)}`)
  const kind = value.class_name
  // the first Keras wrote the list itself as the config of a Sequential
  const config = Array.isArray(value.config) && kind === 'Sequential' ? { layers: value.config } : value.config
  if (!['Sequential', 'Functional', 'Model'].includes(kind)) {
    throw unsupported(`the model is a ${describe(kind)}; a Sequential, or a Functional model that is one chain of layers, can be read`)
  }
  if (!isObject(config)) throw corrupt(`the model's config must be an object, got ${describe(config)}`)
  const { name } = config
  if (!Array.isArray(config.layers)) throw corrupt(`the model's layers must be an array, got ${describe(config.layers)}`)
  if (config.layers.length > mostLayers) throw unsupported(`the model has ${config.layers.length} layers, ${mostLayers} is the most`)
  const entries = config.layers.map((layer: unknown, i) => entryOf(reading, layer, i))
  const chain = kind === 'Sequential' ? entries : chainOf(reading, entries, config)
  return { name: typeof name === 'string' ? name.slice(0, 1000) : 'sequential', ...readChain(reading, chain, config.build_input_shape) }
}

function entryOf({ errors }: Reading, value: unknown, i: number): Entry {
  if (!isObject(value) || typeof value.class_name !== 'string' || !isObject(value.config)) {
    throw errors.corrupt(`layers[${i}] must have a class_name and a config, got ${describe(value)}`)
  }
  const name = value.config.name ?? value.name ?? `${value.class_name}_${i}`
  if (typeof name !== 'string') throw errors.corrupt(`layers[${i}]: the name must be a string, got ${describe(name)}`)
  return { kind: value.class_name, name, config: value.config, nodes: value.inbound_nodes }
}

function readChain(reading: Reading, entries: readonly Entry[], built: unknown): Omit<ReadModel, 'name'> {
  const { errors } = reading
  let shape: unknown = built
  const layers: ReadLayer[] = []
  let rank = 0
  for (const [i, { kind, name, config }] of entries.entries()) {
    const here = config.batch_shape ?? config.batch_input_shape
    if (i === 0 && here !== undefined && here !== null) shape = here
    if (i === 0) rank = rankOf(reading, shape)
    if (kind === 'InputLayer') {
      if (i > 0) throw errors.unsupported(`layer ${describe(name)} (InputLayer) must be the first one`)
      if (config.sparse === true || config.ragged === true)
        throw errors.unsupported(`layer ${describe(name)} (InputLayer) must be neither sparse nor ragged`)
      continue
    }
    const spec = readLayer(reading, kind, config, rank)
    if (!spec) continue
    layers.push({ name, kind, spec })
    rank = rankAfter(spec, rank)
  }
  const first = layers[0]?.spec
  if (!first) throw errors.unsupported('the model has no layers')
  noteTurnedMask(reading, layers)
  if (first.type === 'embedding') return { layers, inputSize: first.inputDim, sequence: true }
  const sizes = shape as unknown[]
  const features = sizes.at(-1)
  if (!isSize(features)) throw errors.unsupported(`the input's shape must end in the number of features, got ${describe(features)}`)
  if (sizes.length > 3) throw errors.unsupported(`the input has ${sizes.length} dimensions; [B, I] and [B, T, I] can be read`)
  return { layers, inputSize: features, sequence: sizes.length === 3 }
}

function rankOf({ errors }: Reading, shape: unknown): number {
  if (shape === undefined || shape === null)
    throw errors.unsupported('the model was saved before it was built: call it once, or give it an Input layer')
  const sound = Array.isArray(shape) && shape.length >= 2 && shape.length <= 8 && shape.every((n) => n === null || isSize(n))
  if (!sound) throw errors.corrupt(`the input's shape must be an array of sizes and nulls, got ${describe(shape)}`)
  return (shape as unknown[]).length
}

function rankAfter(spec: LayerSpec, rank: number): number {
  if (spec.type === 'embedding') return rank + 1
  const gru = spec.type === 'bidirectional' ? spec.layer : spec
  return gru.type === 'gru' && !gru.returnSequences ? 2 : rank
}

/** Keras turns the outputs of go_backwards around and leaves their mask as it was. */
function noteTurnedMask({ notes }: Reading, layers: readonly ReadLayer[]): void {
  const first = layers[0]!.spec
  if (first.type !== 'masking' && !(first.type === 'embedding' && first.maskZero)) return
  const turned = layers.findIndex(({ spec }) => spec.type === 'gru' && spec.goBackwards && spec.returnSequences)
  const reads = layers.findIndex(({ spec }, i) => i > turned && (spec.type === 'gru' || spec.type === 'bidirectional'))
  if (turned < 0 || reads < 0) return
  notes.push(
    `layer ${describe(layers[turned]!.name)}: its mask is turned around with its outputs here and is not in Keras, so that ${describe(layers[reads]!.name)} computes other numbers for rows with masked steps`,
  )
}

/** The layers in the order of the one path from input to output. */
function chainOf(reading: Reading, entries: readonly Entry[], config: Record<string, unknown>): Entry[] {
  const { unsupported } = reading.errors
  const byName = new Map(entries.map((entry) => [entry.name, entry]))
  const inputs = entries.filter(({ kind }) => kind === 'InputLayer')
  if (inputs.length !== 1 || byName.size !== entries.length)
    throw unsupported(`the Functional model has ${inputs.length} inputs, one can be read`)
  // masks of an embedding or masking layer travel by themselves here
  const masks = new Set(entries.filter(({ kind }) => kind === 'NotEqual' || kind === 'Any').map(({ name }) => name))
  const followers = new Map<string, Entry>()
  for (const entry of entries) {
    if (entry.kind === 'InputLayer' || masks.has(entry.name)) continue
    const sources = sourcesOf(entry.nodes).filter((source) => !masks.has(source))
    const [source] = sources
    if (sources.length !== 1 || source === undefined || !byName.has(source) || followers.has(source)) {
      throw unsupported(
        `layer ${describe(entry.name)} (${entry.kind}): the Functional model is no plain chain, in which each layer takes the output of the one before it`,
      )
    }
    followers.set(source, entry)
  }
  const chain = [inputs[0]!]
  for (let next = followers.get(chain[0]!.name); next && chain.length <= entries.length; next = followers.get(next.name)) chain.push(next)
  const output = namesIn(config.output_layers)
  if (chain.length !== entries.length - masks.size || output.length !== 1 || output[0] !== chain.at(-1)!.name) {
    throw unsupported('the Functional model is no plain chain from one input to one output')
  }
  checkMasks(
    reading,
    entries.filter(({ name }) => masks.has(name)),
    chain[1],
  )
  return chain
}

/** Keras 3 writes down how an Embedding or a Masking layer makes its mask: input != value. */
function checkMasks({ errors }: Reading, makers: readonly Entry[], first: Entry | undefined): void {
  const value =
    first?.kind === 'Embedding' && first.config.mask_zero === true
      ? 0
      : first?.kind === 'Masking'
        ? (first.config.mask_value ?? 0)
        : undefined
  for (const { name, kind, nodes } of makers) {
    const node: unknown = Array.isArray(nodes) && nodes.length === 1 ? nodes[0] : undefined
    const compared = isObject(node) && Array.isArray(node.args) ? node.args[1] : undefined
    if (value !== undefined && (kind === 'Any' || compared === value)) continue
    throw errors.unsupported(
      `layer ${describe(name)} (${kind}): a mask that no Embedding with mask_zero and no Masking layer makes cannot be read`,
    )
  }
}

/** Names of the layers whose outputs a layer takes: [["gru", 0, 0, {}]] in Keras 2, tensors with a keras_history in Keras 3. */
function sourcesOf(nodes: unknown): string[] {
  if (!Array.isArray(nodes) || nodes.length !== 1) return []
  const node = nodes[0]
  if (Array.isArray(node))
    return node.flatMap((input: unknown) => (Array.isArray(input) && typeof input[0] === 'string' ? [input[0]] : ['']))
  if (!isObject(node)) return []
  const { args, kwargs } = node
  const given = [...(Array.isArray(args) ? args : [args]), ...(isObject(kwargs) ? Object.values(kwargs) : [])]
  return given.flatMap((value: unknown) => {
    const history = isObject(value) && isObject(value.config) ? value.config.keras_history : undefined
    if (Array.isArray(history) && typeof history[0] === 'string') return [history[0]]
    return typeof value === 'object' && value !== null ? [''] : []
  })
}

/** ["dense", 0, 0] or [["dense", 0, 0], …]. */
function namesIn(value: unknown): unknown[] {
  if (!Array.isArray(value)) return []
  return Array.isArray(value[0]) ? value.map((entry: unknown) => (Array.isArray(entry) ? entry[0] : undefined)) : [value[0]]
}
