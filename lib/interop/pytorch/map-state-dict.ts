import { GrusError } from '../../errors.js'
import type { PlacedLayer } from '../../spec/network.js'
import { type FloatTensor, sameShape, showShape } from '../../tensor.js'
import { negateUpdateGate } from '../blocks.js'
import { errorsOf } from '../model-data.js'
import { assign, listModules, type ModuleMap } from './assign.js'
import { unlikeTorch } from './convention.js'
import { modulesOf, type Part } from './modules.js'
import type { StateDict } from './read-state-dict.js'
import { type Slot, slotsOf } from './slots.js'

export interface MapOptions {
  /**
   * PyTorch's modules and the layers that take their weights: `{ 'encoder.rnn': ['gru', 'gru_1'], fc: 'dense' }`. What it leaves out is found by names, else
   * by kinds and shapes.
   */
  map?: ModuleMap
  /** false: what is missing stays as it is, and what is unexpected is left out. Default true. */
  strict?: boolean
}

export interface MappedWeights {
  /** Under the layers' names and in their conventions; with `strict: false` not necessarily all. */
  weights: Map<string, FloatTensor>
  /** The model's names, as PyTorch's load_state_dict reports them. */
  missingKeys: string[]
  /** The file's names. */
  unexpectedKeys: string[]
}

/**
 * The weights of a state dict for the layers of a model.
 *
 * @throws GrusError UNSUPPORTED for layers or modules that are no nn.GRU, and tensors of other types; INVALID_ARGUMENT for missing or unexpected names, and
 *   where more than one assignment fits; SHAPE_MISMATCH
 */
export function mapStateDict(where: string, stateDict: StateDict, layers: readonly PlacedLayer[], options: MapOptions = {}): MappedWeights {
  const { map = {}, strict = true } = options
  const errors = errorsOf(where, stateDict.path)
  const unlike = layers.map(({ spec }) => unlikeTorch(spec)).find((reason) => reason !== undefined)
  if (unlike !== undefined) throw errors.unsupported(unlike)
  const slots = slotsOf(layers)
  const modules = modulesOf(stateDict)
  const shapeOf = (key: string) => stateDict.tensors.get(key)?.shape ?? stateDict.unreadable.get(key)?.shape ?? []
  const { parts, left } = assign(modules, slots, layers, { map, strict, inOrder: stateDict.inOrder, shapeOf, invalid: errors.invalid })
  const odd = strict ? left.find(({ reason }) => reason !== undefined) : undefined
  if (odd) {
    throw errors.unsupported(`'${odd.prefix}' is ${odd.title}: ${odd.reason}. With strict: false it is left out`)
  }
  const wanted = slots.flatMap((slot) => wantedOf(slot, parts.get(slot)))
  const missingKeys = wanted.filter(({ key }) => key === undefined).map(({ name }) => name)
  const used = new Set(wanted.map(({ key }) => key))
  const unexpectedKeys = modules.flatMap(({ keys }) => keys.filter((key) => !used.has(key)))
  const mismatches = wanted.filter(({ key, shape }) => key !== undefined && !sameShape(shapeOf(key), shape))
  const problems = [
    ...(strict && missingKeys.length > 0 ? [`missing keys: ${quote(missingKeys)}`] : []),
    ...(strict && unexpectedKeys.length > 0 ? [`unexpected keys: ${quote(unexpectedKeys)}`] : []),
    ...mismatches.map(
      ({ name, key, shape }) => `size mismatch for ${name}: ${showShape(shapeOf(key!))} in the file, ${showShape(shape)} in the model`,
    ),
  ]
  if (problems.length > 0) {
    const help = `The file's modules ${listModules(modules)}; the layers with weights are ${quote(slots.map(({ name }) => name))}. Option map says which is which${strict ? ', strict: false leaves missing weights as they are' : ''}`
    const text = errors.invalid(`${problems.join('; ')}. ${help}`).message
    throw new GrusError(mismatches.length > 0 ? 'SHAPE_MISMATCH' : 'INVALID_ARGUMENT', text)
  }
  const weights = new Map<string, FloatTensor>()
  for (const { name, key, negateUpdate } of wanted) {
    if (key === undefined) continue
    const tensor = floatTensor(stateDict, key, errors)
    weights.set(name, negateUpdate ? negateUpdateGate(tensor) : tensor)
  }
  return { weights, missingKeys, unexpectedKeys }
}

interface Wanted {
  /** The layer's and the weight's. */
  name: string
  /** In the state dict; undefined: missing. */
  key: string | undefined
  shape: readonly number[]
  negateUpdate: boolean
}

function wantedOf(slot: Slot, part: Part | undefined): Wanted[] {
  const { spec } = slot.layer
  const gru = spec.type === 'gru' ? spec : spec.type === 'bidirectional' ? spec.layer : undefined
  return [...slot.shapes].map(([name, shape]) => ({
    name: `${slot.name}.${name}`,
    key: part?.keys.get(name),
    shape,
    negateUpdate: gru?.updateGate === 'write',
  }))
}

export function floatTensor({ tensors, unreadable }: StateDict, key: string, errors: ReturnType<typeof errorsOf>): FloatTensor {
  const reason = unreadable.get(key)?.reason
  if (reason !== undefined) throw errors.unsupported(`tensor '${key}' ${reason}`)
  const tensor = tensors.get(key)!
  if (!(tensor.data instanceof Float32Array)) throw errors.unsupported(`tensor '${key}' holds integers, weights are floating-point numbers`)
  return tensor as FloatTensor
}

function quote(names: readonly string[]): string {
  const shown = names.slice(0, 50).map((name) => `'${name}'`)
  return `${shown.join(', ')}${names.length > 50 ? `, and ${names.length - 50} more` : ''}`
}
