// Layers models of TensorFlow.js: model.json and the files of weights beside it.
import { dirname, join } from 'node:path'
import { readWhole } from '../../files/open-file.js'
import { describe, type FloatTensor } from '../../tensor.js'
import { type AssembledLayer, assemble } from '../keras/assemble.js'
import { tfjs } from '../keras/dialect.js'
import { isObject, type Reading } from '../keras/fields.js'
import { tensorAt } from '../keras/groups.js'
import { mostText, parseJson } from '../keras/json.js'
import { fromKeras, variablesOf } from '../keras/layer-weights.js'
import { readModelConfig } from '../keras/read-config.js'
import { errorsOf, type ImportedModel } from '../model-data.js'
import { type ReadShard, readManifest } from './manifest.js'

/**
 * Reads a layers model of TensorFlow.js: a Sequential model, or a functional one that is one chain of layers. Its weights lie in files beside it.
 *
 * @param path - of model.json
 * @throws GrusError CORRUPT_FILE (a missing file of weights too); UNSUPPORTED naming layer, class and option, or for graph models; INVALID_ARGUMENT if
 *   model.json cannot be read
 */
export async function importTfjs(where: string, path: string): Promise<ImportedModel> {
  const beside = (name: string, most: number) => readWhole(where, join(dirname(path), name), most).catch(() => undefined)
  return await readTfjs(where, path, await readWhole(where, path, mostText), beside)
}

/** The same from bytes. */
export async function readTfjs(where: string, path: string, json: Uint8Array, shard: ReadShard): Promise<ImportedModel> {
  const errors = errorsOf(where, path)
  const model = parseJson(errors, 'model.json', json)
  if (!isObject(model)) throw errors.corrupt(`model.json must hold an object, got ${describe(model)}`)
  if (model.format === 'graph-model') {
    throw errors.unsupported(
      "it is a graph model, operations instead of layers; convert the Keras model once more as format 'layers-model'",
    )
  }
  const topology = model.modelTopology
  if (!isObject(topology)) throw errors.corrupt(`modelTopology must be an object, got ${describe(topology)}`)
  const maker = [model.generatedBy, model.convertedBy].find((name) => typeof name === 'string') as string | undefined
  const reading: Reading = { errors, dialect: tfjs, notes: [`saved by ${maker?.slice(0, 60) ?? 'TensorFlow.js'}`] }
  if (isObject(model.trainingConfig) || isObject(topology.training_config)) reading.notes.push('the training configuration is left out')
  const read = readModelConfig(reading, topology.model_config ?? topology)
  const tensors = await readManifest(reading, model.weightsManifest, shard)
  return assemble(where, reading, read, (layers) => weightsOf(errors, layers, tensors))
}

/** A layer's weights are those whose path has its name in it: `gru/kernel`, `sequential/gru/gru_cell/kernel`. */
function weightsOf(
  errors: Reading['errors'],
  layers: readonly AssembledLayer[],
  tensors: ReadonlyMap<string, FloatTensor>,
): Map<string, FloatTensor> {
  const owned = new Map<string, string[]>(layers.map(({ read }) => [read.name, []]))
  for (const name of tensors.keys()) {
    const owner = name
      .split('/')
      .slice(0, -1)
      .find((part) => owned.has(part))
    if (owner === undefined) throw errors.corrupt(`the tensor ${describe(name)} belongs to no layer of the model`)
    owned.get(owner)!.push(name)
  }
  const stored = new Map([...tensors].map(([name, tensor]) => [name, { data: tensor.data, shape: [...tensor.shape], dtype: 'float32' }]))
  const weights = new Map<string, FloatTensor>()
  for (const { read, placed } of layers) {
    const names = owned.get(read.name)!
    const variables = variablesOf(placed)
    const last = (path: string) => path.split('/').at(-1)!.replace(/:\d+$/, '')
    if (names.length !== variables.length || variables.some(({ name }, i) => last(name) !== last(names[i]!))) {
      const wanted = variables.map(({ name }) => last(name)).join(', ') || 'none'
      throw errors.corrupt(`layer ${describe(read.name)} has the weights ${wanted}, the file has ${names.join(', ') || 'none'}`)
    }
    const found = variables.map(({ shape }, i) => tensorAt(errors, errors.corrupt, stored, names[i]!, shape, read.name))
    for (const [name, tensor] of fromKeras(placed, found)) weights.set(name, tensor)
  }
  return weights
}
