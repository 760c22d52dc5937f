// The modules of a state dict, told by the names and shapes of their tensors.
import { showShape } from '../../tensor.js'
import type { StateDict } from './read-state-dict.js'

/** What one layer of grus can take. */
export interface Part {
  /** `matrix`: a weight [M, N] alone, which nn.Embedding and nn.Linear(bias=False) both have. */
  kind: 'gru' | 'linear' | 'matrix' | 'layerNorm'
  /** From the names within a layer of grus, `weight_ih_l0`, to the state dict's. */
  keys: ReadonlyMap<string, string>
}

export interface TorchModule {
  /** Without the last dot: `encoder.rnn`. Empty for the state dict of a module by itself. */
  prefix: string
  /** `nn.GRU(3, 4, num_layers=2)`, for messages. */
  title: string
  keys: readonly string[]
  /** One, or one for each layer of an nn.GRU. Empty for what no layer of grus can be. */
  parts: readonly Part[]
  /** Why there are no parts. */
  reason?: string
}

type ShapeOf = (key: string) => readonly number[]

/** The modules in the order in which their first tensors come. */
export function modulesOf(stateDict: StateDict): TorchModule[] {
  const groups = new Map<string, string[]>()
  for (const key of [...stateDict.tensors.keys(), ...stateDict.unreadable.keys()]) {
    const prefix = prefixOf(key)
    const group = groups.get(prefix)
    if (group) group.push(key)
    else groups.set(prefix, [key])
  }
  const shapeOf: ShapeOf = (key) => stateDict.tensors.get(key)?.shape ?? stateDict.unreadable.get(key)?.shape ?? []
  return [...groups].map(([prefix, keys]) => ({ prefix, keys, ...recognize(prefix, keys, shapeOf) }))
}

/** Parametrizations keep their tensors deeper than the module that they belong to. */
function prefixOf(key: string): string {
  const at = key.search(/(^|\.)parametrizations\./)
  return key.slice(0, Math.max(0, at >= 0 ? at : key.lastIndexOf('.')))
}

function recognize(prefix: string, keys: readonly string[], shapeOf: ShapeOf): Pick<TorchModule, 'title' | 'parts' | 'reason'> {
  const names = new Map(keys.map((key) => [prefix === '' ? key : key.slice(prefix.length + 1), key]))
  const shape = (name: string) => shapeOf(names.get(name) ?? '')
  const refuse = (title: string, reason: string) => ({ title, parts: [], reason })
  const has = (pattern: RegExp) => [...names.keys()].some((name) => pattern.test(name))
  if (has(/^parametrizations\.|^weight.*_[gv]$/)) {
    return refuse('a parametrized module', 'it is parametrized (weight_norm, spectral_norm): remove that before saving')
  }
  if (has(/^weight_hr/)) return refuse('nn.LSTM', 'it has a proj_size, which no GRU has')
  if (has(/^weight_ih(_l0)?$/) && has(/^weight_hh(_l0)?$/)) return recurrent(names, shape)
  if (has(/^running_mean$/)) return refuse('nn.BatchNorm', 'batch normalization is not among the layers')
  if (has(/^in_proj_weight$/)) return refuse('nn.MultiheadAttention', 'attention is not among the layers')
  const weight = shape('weight')
  const only = (...allowed: string[]) => names.has('weight') && [...names.keys()].every((name) => allowed.includes(name))
  if (only('weight', 'bias') && weight.length === 2) {
    if (!names.has('bias')) return { title: `weight ${showShape(weight)}`, parts: [{ kind: 'matrix', keys: names }] }
    return { title: `nn.Linear(${weight[1]}, ${weight[0]})`, parts: [{ kind: 'linear', keys: names }] }
  }
  if (only('weight', 'bias') && weight.length === 1) {
    return { title: `nn.LayerNorm(${weight[0]})`, parts: [{ kind: 'layerNorm', keys: names }] }
  }
  const found = [...names.keys()].slice(0, 4).map((name) => `${name} ${showShape(shape(name))}`)
  return refuse(`a module with ${found.join(', ')}`, 'it is none of nn.Embedding, nn.GRU, nn.GRUCell, nn.LayerNorm and nn.Linear')
}

const gruName = /^(?:weight|bias)_(?:ih|hh)_l(\d{1,4})(_reverse)?$/

function recurrent(names: ReadonlyMap<string, string>, shape: ShapeOf): Pick<TorchModule, 'title' | 'parts' | 'reason'> {
  const cell = names.has('weight_ih')
  const [rows = 0, hidden = 0] = shape(cell ? 'weight_hh' : 'weight_hh_l0')
  const kind = { 1: 'RNN', 3: 'GRU', 4: 'LSTM' }[rows / hidden]
  const type = `nn.${kind ?? 'RNN'}${cell ? 'Cell' : ''}`
  if (kind !== 'GRU') return { title: type, parts: [], reason: `it is an ${type}, and not a GRU` }
  const layers: Map<string, string>[] = []
  for (const [name, key] of names) {
    const local = cell ? `${name}_l0` : name
    const match = gruName.exec(local)
    if (!match) return { title: type, parts: [], reason: `it has a tensor '${name}', which is none of an ${type}` }
    const layer = Number(match[1])
    layers[layer] ??= new Map()
    layers[layer].set(local.replace(/_l\d+/, '_l0'), key)
  }
  if (layers.length > names.size || layers.includes(undefined as never)) {
    return { title: type, parts: [], reason: 'the tensors of one of its layers are missing' }
  }
  const [, inputs = 0] = shape(cell ? 'weight_ih' : 'weight_ih_l0')
  const options = [
    ...(layers.length > 1 ? [`num_layers=${layers.length}`] : []),
    ...(names.has(cell ? 'bias_ih' : 'bias_ih_l0') ? [] : ['bias=False']),
    ...(names.has('weight_ih_l0_reverse') ? ['bidirectional=True'] : []),
  ]
  const title = `${type}(${[inputs, hidden, ...options].join(', ')})`
  return { title, parts: layers.map((keys) => ({ kind: 'gru', keys })) }
}
