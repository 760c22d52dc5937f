// Models that Keras saved: `.keras` archives, and the `.h5` files before them.
import { Hdf5, type Hdf5Contents } from '../../files/hdf5.js'
import { readBeginning, readWhole } from '../../files/open-file.js'
import { openZip } from '../../files/zip.js'
import { describe, type FloatTensor } from '../../tensor.js'
import { errorsOf, type ImportedModel } from '../model-data.js'
import { type AssembledLayer, assemble } from './assemble.js'
import { keras2, keras3 } from './dialect.js'
import { isObject, type Reading } from './fields.js'
import { assignWeights, type KerasTensors, snakeCase, tensorAt } from './groups.js'
import { mostText, parseJson } from './json.js'
import { fromKeras, variablesOf } from './layer-weights.js'
import { readModelConfig } from './read-config.js'

/**
 * Reads a `.keras` file of Keras 3 (or 2.12 to 2.16), or a whole model in an `.h5` file: a Sequential model, or a Functional one that is one chain of layers.
 *
 * @throws GrusError CORRUPT_FILE; UNSUPPORTED naming layer, class and option, or where h5wasm is missing; INVALID_ARGUMENT if the file cannot be read
 */
export async function importKeras(where: string, path: string): Promise<ImportedModel> {
  const isArchive = (await readBeginning(where, path, 2)).toString('latin1') === 'PK'
  const hdf5 = new Hdf5(where)
  try {
    return isArchive ? await importArchive(where, path, hdf5) : await importLegacy(where, path, hdf5)
  } finally {
    await hdf5.close()
  }
}

async function importArchive(where: string, path: string, hdf5: Hdf5): Promise<ImportedModel> {
  const errors = errorsOf(where, path)
  const zip = await openZip(where, path)
  try {
    const metadata = parseJson(errors, 'metadata.json', await zip.read('metadata.json', mostText))
    const config = parseJson(errors, 'config.json', await zip.read('config.json', mostText))
    if (!zip.has('model.weights.h5')) {
      const other = zip.names.find((name) => name.startsWith('model.weights'))
      if (other) throw errors.unsupported(`the weights are in '${other}'; 'model.weights.h5' can be read: save without sharding`)
    }
    const { datasets } = await hdf5.read(path, await zip.read('model.weights.h5'), ['optimizer'])
    return readKeras(where, path, metadata, config, datasets)
  } finally {
    zip.close()
  }
}

/** What a `.keras` archive says, once it is unpacked. */
export function readKeras(where: string, path: string, metadata: unknown, config: unknown, tensors: KerasTensors): ImportedModel {
  const errors = errorsOf(where, path)
  const reading = readingOf(errors, isObject(metadata) ? metadata.keras_version : undefined)
  if (isObject(config) && !blank(config.compile_config)) reading.notes.push('compile_config (optimizer, loss, metrics) is left out')
  const model = readModelConfig(reading, config)
  return assemble(where, reading, model, (layers) => {
    noteTypes(reading, tensors)
    const grouped = layers.map(({ read, placed }) => ({
      placed,
      group: read.kind === 'TimeDistributed' ? 'time_distributed/layer' : snakeCase(read.kind),
    }))
    return assignWeights(errors, errors.corrupt, tensors, grouped)
  })
}

async function importLegacy(where: string, path: string, hdf5: Hdf5): Promise<ImportedModel> {
  const bytes = await readWhole(where, path)
  return readLegacy(where, path, await hdf5.read(path, bytes, ['optimizer_weights', 'optimizer'], legacyAttributes))
}

export const legacyAttributes: readonly string[] = ['model_config', 'keras_version', 'training_config', 'weight_names']

/** What an `.h5` file of a whole model says: its configuration is an attribute, weights lie under the layers' names. */
export function readLegacy(where: string, path: string, { datasets, attributes }: Hdf5Contents): ImportedModel {
  const errors = errorsOf(where, path)
  const root = attributes.get('') ?? {}
  if (typeof root.model_config !== 'string') {
    const text = 'the file holds weights alone, no model_config: make the model with sequential(…) and call model.loadWeights(path)'
    throw datasets.size > 0 ? errors.unsupported(text) : errors.corrupt('the file holds no model: model_config is missing')
  }
  const reading = readingOf(errors, root.keras_version)
  if (root.training_config !== undefined) reading.notes.push('training_config (optimizer, loss, metrics) is left out')
  const model = readModelConfig(reading, parseJson(errors, 'model_config', root.model_config))
  return assemble(where, reading, model, (layers) => {
    noteTypes(reading, datasets)
    return new Map(layers.flatMap((layer) => [...legacyWeights(errors, datasets, attributes, layer)]))
  })
}

function legacyWeights(
  errors: ReturnType<typeof errorsOf>,
  datasets: KerasTensors,
  attributes: Hdf5Contents['attributes'],
  { read, placed }: AssembledLayer,
): Map<string, FloatTensor> {
  const group = `model_weights/${read.name}`
  const listed = attributes.get(group)?.weight_names ?? []
  const names = typeof listed === 'string' ? [listed] : listed
  const variables = variablesOf(placed)
  if (names.length !== variables.length) {
    throw errors.corrupt(`layer ${describe(read.name)} has ${variables.length} weights, '${group}' lists ${names.length}`)
  }
  const tensors = variables.map(({ shape }, i) => tensorAt(errors, errors.corrupt, datasets, `${group}/${names[i]}`, shape, read.name))
  return fromKeras(placed, tensors)
}

function readingOf(errors: Reading['errors'], version: unknown): Reading {
  const dialect = typeof version === 'string' && /^[12]\./.test(version) ? keras2 : keras3
  const notes = [`saved by Keras${typeof version === 'string' ? ` ${version.slice(0, 40)}` : ''}, read as ${dialect.name} means it`]
  return { errors, dialect, notes }
}

function noteTypes({ notes }: Reading, tensors: KerasTensors): void {
  const others = new Set([...tensors.values()].filter(({ data, dtype }) => data && dtype !== 'float32').map(({ dtype }) => dtype))
  if (others.size > 0) notes.push(`weights: ${[...others].join(', ')} -> float32`)
}

function blank(value: unknown): boolean {
  return value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0)
}
