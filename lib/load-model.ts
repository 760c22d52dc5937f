import * as z from 'zod'
import { type CheckedEngineOptions, type EngineOptions, engineFields } from './engine-options.js'
import type { Model } from './model.js'
import { readModelFile } from './model-file.js'
import { SequentialModel } from './model-sequential.js'
import { parse, schemaOf } from './spec/parse.js'

export type LoadModelOptions = EngineOptions

const schema = schemaOf<CheckedEngineOptions, LoadModelOptions>()(z.strictObject(engineFields, { error: 'an object' }))

/**
 * Loads what `model.save` wrote: layers, weights (bit for bit), seed, tokenizer, normalizer and labels, on any device.
 *
 * @throws GrusError INVALID_ARGUMENT if the file cannot be read; CORRUPT_FILE, naming the field, if it is truncated, edited or no such model
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  const checked = parse('loadModel', schema, options)
  const file = await readModelFile('loadModel', path)
  const model = new SequentialModel(file.layers, { ...checked, seed: file.seed, name: file.name }, { where: 'loadModel', ...file })
  model.tokenizer = file.tokenizer
  model.normalizer = file.normalizer
  model.labels = file.labels
  return model
}
