import { basename, extname } from 'node:path'
import * as z from 'zod'
import { GrusError } from '../../errors.js'
import { bidirectional, dense, embedding, gru, layerNormalization } from '../../layers.js'
import { activationOrSoftmax, flag, positive } from '../../spec/fields.js'
import { checkLayers } from '../../spec/network.js'
import { parse, schemaOf } from '../../spec/parse.js'
import type { Activation, LayerSpec } from '../../spec/types.js'
import type { FloatTensor } from '../../tensor.js'
import { errorsOf, type ImportedModel, modelData } from '../model-data.js'
import type { ModuleMap } from './assign.js'
import { type ChainOptions, chainOf, type Link } from './chain.js'
import { layerNames } from './layer-names.js'
import { moduleMap } from './load-options.js'
import { floatTensor } from './map-state-dict.js'
import { modulesOf, type Part } from './modules.js'
import { readStateDict, type StateDict, type StateDictOptions } from './read-state-dict.js'

/** What a state dict does not say. */
export interface ImportStateDictOptions extends StateDictOptions, ChainOptions {
  /** Names for the layers: `{ 'encoder.rnn': ['first', 'second'] }`. Default: the modules' names, dots as `_`. */
  map?: ModuleMap
  /** The last gru puts out every step, [B, T, H]; false: its last state. Default false. */
  returnSequences?: boolean
  /** After an nn.Linear, by the module's name: `{ fc: 'softmax' }`. Default `'linear'`. */
  activations?: Readonly<Record<string, Activation | 'softmax'>>
  /** Of every nn.LayerNorm. Default 1e-5, PyTorch's own. */
  epsilon?: number
  /** Id 0 of the embedding is padding. Default false. */
  maskZero?: boolean
  /** The model's. Default: the file's, without its extension. */
  name?: string
}

const text = z.string({ error: 'a string' })
const schema = schemaOf<ImportStateDictOptions, ImportStateDictOptions>()(
  z.strictObject(
    {
      key: text.exactOptional(),
      order: z.array(text, { error: 'an array of module names' }).readonly().exactOptional(),
      embedding: z.union([text, z.literal(false)], { error: "a module's name, or false" }).exactOptional(),
      map: moduleMap.exactOptional(),
      returnSequences: flag.exactOptional(),
      activations: z.record(z.string(), activationOrSoftmax, { error: 'an object from modules to activations' }).readonly().exactOptional(),
      epsilon: positive.exactOptional(),
      maskZero: flag.exactOptional(),
      name: text.exactOptional(),
    },
    { error: 'an object' },
  ),
)

/**
 * A model from a state dict alone: nn.Embedding, nn.GRU, nn.GRUCell, nn.LayerNorm and nn.Linear, one after the other. What the file does not say comes from
 * the options, and is noted.
 *
 * @throws GrusError as readStateDict; INVALID_ARGUMENT where more than one order of the modules fits: give `order` or `embedding`; UNSUPPORTED for other
 *   modules, and if no order fits
 */
export async function importStateDict(where: string, path: string, options: ImportStateDictOptions = {}): Promise<ImportedModel> {
  const checked = parse(where, schema, options)
  const stateDict = await readStateDict(where, path, checked.key === undefined ? {} : { key: checked.key })
  return modelOf(where, stateDict, checked)
}

/** The model of a state dict that has been read. */
export function modelOf(where: string, stateDict: StateDict, checked: ImportStateDictOptions): ImportedModel {
  const { path } = stateDict
  const errors = errorsOf(where, path)
  const modules = modulesOf(stateDict)
  const odd = modules.find(({ reason }) => reason !== undefined)
  if (odd) throw errors.unsupported(`'${odd.prefix}' is ${odd.title}: ${odd.reason}`)
  if (modules.length === 0) throw errors.unsupported('there is no tensor in it')
  for (const prefix of [...Object.keys(checked.activations ?? {}), ...Object.keys(checked.map ?? {})]) {
    if (modules.some((module) => module.prefix === prefix)) continue
    throw errors.invalid(`an option names the module '${prefix}'; there are ${modules.map((module) => `'${module.prefix}'`).join(', ')}`)
  }
  const shapeOf = (key: string) => stateDict.tensors.get(key)?.shape ?? stateDict.unreadable.get(key)?.shape ?? []
  const { links, note } = chainOf(modules, stateDict.inOrder, shapeOf, checked, errors)
  const names = layerNames(links, checked.map ?? {}, errors)
  try {
    const parts = links.flatMap(({ module }) => module.parts)
    const layers = checkLayers(where, layersOf(links, names, checked, shapeOf))
    const weights = new Map(
      layers.flatMap(({ name }, i): [string, FloatTensor][] =>
        [...parts[i]!.keys].map(([local, key]) => [`${name}.${local}`, floatTensor(stateDict, key, errors)]),
      ),
    )
    const name = checked.name ?? basename(path, extname(path))
    const data = modelData(where, name, layers, links[0]!.inputs, false, weights)
    return { ...data, notes: [...stateDict.notes, note, ...notesOf(links, names, checked)] }
  } catch (cause) {
    if (!(cause instanceof GrusError) || cause.code === 'UNSUPPORTED') throw cause
    throw errors.unsupported(`its tensors make no model: ${cause.message.replace(/^\[[^\]]*\] /, '')}`, cause)
  }
}

function layersOf(
  links: readonly Link[],
  names: readonly string[],
  options: ImportStateDictOptions,
  shapeOf: (key: string) => readonly number[],
): LayerSpec[] {
  const lastGru = links.findLastIndex(({ kind }) => kind === 'gru')
  let next = 0
  return links.flatMap(({ module, kind, inputs, outputs }, i): LayerSpec[] => {
    if (kind === 'gru') {
      return module.parts.map((part, layer) => {
        const inner = i < lastGru || layer < module.parts.length - 1
        return gruLayer(part, names[next++]!, inner || (options.returnSequences ?? false), shapeOf)
      })
    }
    const name = names[next++]!
    const { keys } = module.parts[0]!
    if (kind === 'embedding') return [embedding({ inputDim: inputs, outputDim: outputs, maskZero: options.maskZero ?? false, name })]
    if (kind === 'layerNorm') return [layerNormalization({ epsilon: options.epsilon ?? 1e-5, center: keys.has('bias'), name })]
    return [dense({ units: outputs, useBias: keys.has('bias'), activation: options.activations?.[module.prefix] ?? 'linear', name })]
  })
}

function gruLayer({ keys }: Part, name: string, returnSequences: boolean, shapeOf: (key: string) => readonly number[]): LayerSpec {
  const units = shapeOf(keys.get('weight_hh_l0') ?? '')[1] ?? 0
  const options = { units, useBias: keys.has('bias_ih_l0'), returnSequences }
  return keys.has('weight_hh_l0_reverse') ? bidirectional(gru(options), { name }) : gru({ ...options, name })
}

function notesOf(
  links: readonly Link[],
  names: readonly string[],
  { activations, returnSequences, epsilon }: ImportStateDictOptions,
): string[] {
  const lastGru = links.findLast(({ kind }) => kind === 'gru')
  let next = 0
  return links.flatMap((link) => {
    const { module, kind } = link
    const layers = module.parts.map(() => `'${names[next++]}'`).join(', ')
    const lines = [`${layers}: ${module.prefix === '' ? '' : `'${module.prefix}', `}${module.title}`]
    if (kind === 'linear' && activations?.[module.prefix] === undefined) {
      lines.push(`${layers}: activation 'linear', as a state dict says none (option activations)`)
    }
    if (kind === 'layerNorm' && epsilon === undefined)
      lines.push(`${layers}: epsilon 1e-5, PyTorch's default, as a state dict says none (option epsilon)`)
    if (link === lastGru && returnSequences === undefined) {
      const state = module.parts.at(-1)!.keys.has('weight_hh_l0_reverse')
        ? 'the last states of both directions side by side, h_n and not output[:, -1]'
        : 'its last state'
      lines.push(`${layers}: puts out ${state} (option returnSequences: every step)`)
    }
    return lines
  })
}
