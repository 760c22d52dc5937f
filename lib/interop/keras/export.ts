// Models for Keras: whole ones as `.keras` archives, weights alone as `.weights.h5`.
import { Hdf5 } from '../../files/hdf5.js'
import { cannot, checkPath } from '../../files/paths.js'
import { replaceFile } from '../../files/replace-file.js'
import { writeZip } from '../../files/zip.js'
import { type PlacedLayer, placeLayers } from '../../spec/network.js'
import { describe, type FloatTensor } from '../../tensor.js'
import { errorsOf, type ModelData } from '../model-data.js'
import { isSize } from './fields.js'
import { groupOf } from './groups.js'
import { toKeras, variablesOf } from './layer-weights.js'
import { writeConfig } from './write-config.js'

export interface ExportKerasOptions {
  /** Rows of each batch: Keras fixes it for a model with stateful layers, and needs it there. Default: any. */
  batchSize?: number
}

/**
 * Writes a `.keras` file that `keras.saving.load_model` of Keras 3 reads: a Sequential model with the same layers and weights.
 *
 * @throws GrusError UNSUPPORTED naming the layer and option that Keras has not, or where h5wasm is missing; INVALID_ARGUMENT if it cannot be written
 */
export async function exportKeras(where: string, data: ModelData, path: string, { batchSize }: ExportKerasOptions = {}): Promise<void> {
  checkPath(where, path)
  const placed = placeLayers(where, data.layers, data.inputSize, data.sequence)
  const errors = errorsOf(where, path)
  if (batchSize !== undefined && !isSize(batchSize))
    throw errors.invalid(`batchSize must be a positive integer, got ${describe(batchSize)}`)
  const config = writeConfig(errors, data, placed, batchSize ?? null)
  const text = (value: unknown) => Buffer.from(JSON.stringify(value))
  await writeZip(where, path, [
    { name: 'metadata.json', data: text({ keras_version: '3.0.0' }) },
    { name: 'config.json', data: text(config) },
    { name: 'model.weights.h5', data: await weightsFile(where, data, placed) },
  ])
}

/**
 * Writes a `.weights.h5` file that `load_weights` of Keras 3 reads into a model of the same kinds of layers.
 *
 * @throws GrusError UNSUPPORTED where h5wasm is missing; INVALID_ARGUMENT if it cannot be written
 */
export async function exportKerasWeights(where: string, data: ModelData, path: string): Promise<void> {
  checkPath(where, path)
  const bytes = await weightsFile(where, data, placeLayers(where, data.layers, data.inputSize, data.sequence))
  try {
    await replaceFile(path, [bytes])
  } catch (cause) {
    throw cannot(where, 'write', path, cause)
  }
}

async function weightsFile(where: string, data: ModelData, placed: readonly PlacedLayer[]): Promise<Uint8Array> {
  const hdf5 = new Hdf5(where)
  try {
    return await hdf5.write(kerasTensors(placed, data.weights))
  } finally {
    await hdf5.close()
  }
}

/** `layers/gru_1/cell/vars/0` and so on, counted by class. */
export function kerasTensors(placed: readonly PlacedLayer[], weights: ReadonlyMap<string, FloatTensor>): Map<string, FloatTensor> {
  const counts = new Map<string, number>()
  const tensors = new Map<string, FloatTensor>()
  for (const layer of placed) {
    const group = groupOf(layer)
    const count = counts.get(group) ?? 0
    counts.set(group, count + 1)
    const place = `layers/${group}${count === 0 ? '' : `_${count}`}`
    const values = toKeras(layer, weights)
    variablesOf(layer).forEach(({ path }, i) => void tensors.set(`${place}/${path}`, values[i]!))
  }
  return tensors
}
