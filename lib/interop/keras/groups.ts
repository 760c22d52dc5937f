// Where a layer's weights lie in a Keras weights file: groups are named by class and counted, `layers/gru_1/cell/vars/0`, whatever the layers are called.
import type { Hdf5Dataset } from '../../files/hdf5.js'
import type { PlacedLayer } from '../../spec/network.js'
import { type FloatTensor, showShape, sizeOf } from '../../tensor.js'
import type { errorsOf } from '../model-data.js'
import { fromKeras, variablesOf } from './layer-weights.js'

/** A file's weights by path, as `readKerasWeights` gives them. */
export type KerasTensors = ReadonlyMap<string, Hdf5Dataset>

/** A layer and the path of its group within `layers`, without a number: `gru`, `time_distributed/layer`. */
export interface GroupedLayer {
  placed: PlacedLayer
  group: string
}

/** The class's group for a layer of ours. */
export function groupOf({ spec }: PlacedLayer): string {
  return spec.type === 'layerNormalization' ? 'layer_normalization' : spec.type
}

/** GRU -> gru, TimeDistributed -> time_distributed, as Keras makes them. */
export function snakeCase(kind: string): string {
  return kind
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
}

/** Of optimizers, metrics and random numbers. */
function isWeight(path: string): boolean {
  const parts = path.split('/')
  return parts[0] !== 'optimizer' && parts[0] !== 'metrics' && !parts.includes('seed_generator') && !parts.includes('states')
}

const roots = ['layers', '_layer_checkpoint_dependencies']

/**
 * Finds each layer's weights, and checks that there are no others. The k-th layer of a class that has weights takes the class's k-th group with weights.
 *
 * @param wrong - makes the error for weights that do not fit the layers
 */
export function assignWeights(
  errors: ReturnType<typeof errorsOf>,
  wrong: (text: string) => Error,
  tensors: KerasTensors,
  layers: readonly GroupedLayer[],
): Map<string, FloatTensor> {
  const groups = groupsIn(errors, tensors)
  const taken = new Set<string>()
  const used = new Map<string, number>()
  const weights = new Map<string, FloatTensor>()
  for (const { placed, group } of layers) {
    const variables = variablesOf(placed)
    if (variables.length === 0) continue
    const [kind, ...inner] = group.split('/') as [string, ...string[]]
    const count = used.get(kind) ?? 0
    used.set(kind, count + 1)
    const place = groups.get(kind)?.[count]
    if (place === undefined) {
      const held = [...groups].map(([name, places]) => `${places.length} ${name}`).join(', ') || 'none'
      throw wrong(`layer '${placed.spec.name}' needs group ${count + 1} of '${kind}', the weights are of ${held}`)
    }
    const found = variables.map(({ path, shape }) => {
      const full = [place, ...inner, path].join('/')
      taken.add(full)
      return tensorAt(errors, wrong, tensors, full, shape, placed.spec.name)
    })
    for (const [name, tensor] of fromKeras(placed, found)) weights.set(name, tensor)
  }
  const left = [...tensors.keys()].find((path) => isWeight(path) && !taken.has(path))
  if (left !== undefined) throw wrong(`'${left}' belongs to no layer of the model`)
  return weights
}

/** @throws `wrong` for a missing tensor or another shape, UNSUPPORTED for what holds no floats */
export function tensorAt(
  errors: ReturnType<typeof errorsOf>,
  wrong: (text: string) => Error,
  tensors: KerasTensors,
  path: string,
  shape: readonly number[],
  layer: string,
): FloatTensor {
  const tensor = tensors.get(path)
  if (!tensor) throw wrong(`'${path}' of layer '${layer}' is missing: ${showShape(shape)}`)
  if (tensor.data === undefined)
    throw errors.unsupported(`'${path}' of layer '${layer}' holds ${tensor.dtype}; what float32 holds can be read`)
  if (showShape(tensor.shape) !== showShape(shape) || tensor.data.length !== sizeOf(shape)) {
    throw wrong(`'${path}' of layer '${layer}' must have shape ${showShape(shape)}, got ${showShape(tensor.shape)}`)
  }
  return { data: tensor.data, shape: [...shape] }
}

/** Paths of the groups with weights, by class, in the order of their numbers. */
function groupsIn(errors: ReturnType<typeof errorsOf>, tensors: KerasTensors): Map<string, string[]> {
  const groups = new Map<string, Map<number, string>>()
  for (const path of tensors.keys()) {
    if (!isWeight(path)) continue
    const [root, group] = path.split('/') as [string, string?]
    if (!roots.includes(root) || group === undefined) {
      throw errors.unsupported(`'${path}' is no weight of a layer of a Sequential or Functional model; those lie in layers/`)
    }
    const [, kind, number] = /^(.+?)(?:_(\d{1,6}))?$/.exec(group)!
    const places = groups.get(kind!) ?? new Map<number, string>()
    groups.set(kind!, places.set(Number(number ?? 0), `${root}/${group}`))
  }
  return new Map([...groups].map(([kind, places]) => [kind, [...places].sort(([a], [b]) => a - b).map(([, place]) => place)]))
}
