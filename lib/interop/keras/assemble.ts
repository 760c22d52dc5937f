// The last steps of every reader here: names, sizes, weights, and the checks of a model that is built.
import { GrusError } from '../../errors.js'
import { checkLayers, type PlacedLayer, placeLayers } from '../../spec/network.js'
import type { LayerSpec } from '../../spec/types.js'
import { describe, type FloatTensor } from '../../tensor.js'
import { type ImportedModel, modelData } from '../model-data.js'
import type { Reading } from './fields.js'
import type { ReadModel } from './read-config.js'
import type { ReadLayer } from './read-layers.js'

/** A layer of the file and what became of it. */
export interface AssembledLayer {
  read: ReadLayer
  placed: PlacedLayer
}

/** @param weightsOf - finds the weights under grus' names */
export function assemble(
  where: string,
  reading: Reading,
  model: ReadModel,
  weightsOf: (layers: readonly AssembledLayer[]) => ReadonlyMap<string, FloatTensor>,
): ImportedModel {
  const specs = nameLayers(reading, model.layers)
  const placed = blaming(reading, 'unsupported', () => {
    const named = checkLayers(where, specs, 'layers', 'UNSUPPORTED')
    return placeLayers(where, named, model.inputSize, model.sequence)
  })
  const weights = weightsOf(placed.map((layer, i) => ({ read: model.layers[i]!, placed: layer })))
  const data = blaming(reading, 'corrupt', () => modelData(where, model.name, specs, model.inputSize, model.sequence, weights))
  const recurrent = placed.some(({ spec }) => spec.type === 'gru' || spec.type === 'bidirectional')
  if (recurrent) reading.notes.push('weights: gates z, r, n -> r, z, n; matrices transposed')
  return { ...data, notes: reading.notes }
}

/** Our names have letters, digits, '_' and '-' alone, and no two are the same. */
function nameLayers({ notes }: Reading, layers: readonly ReadLayer[]): LayerSpec[] {
  const taken = new Set<string>()
  return layers.map(({ name, spec }, i) => {
    const ours = name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 90) || spec.type
    const unique = taken.has(ours) ? `${ours}_${i}` : ours
    taken.add(unique)
    if (unique !== name) notes.push(`layer ${describe(name)} is called ${describe(unique)} here`)
    return { ...spec, name: unique }
  })
}

/** Whatever a check of layers or weights says is said of the file. */
export function blaming<T>({ errors }: Pick<Reading, 'errors'>, kind: 'corrupt' | 'unsupported', what: () => T): T {
  try {
    return what()
  } catch (cause) {
    if (!(cause instanceof GrusError)) throw cause
    throw errors[cause.code === 'UNSUPPORTED' ? 'unsupported' : kind](cause.message.replace(/^\[[^\]]*\] /, ''), cause)
  }
}
