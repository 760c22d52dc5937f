import { GrusError } from './errors.js'
import type { ModelData } from './interop/model-data.js'
import { type WriterOptions, writeForeign } from './interop/writers.js'
import type { Model } from './model.js'
import { modelInternals } from './model-internals.js'
import type { NamedLayer } from './spec/network.js'

/** See {@link WriterOptions}. */
export type ExportModelOptions = WriterOptions

/**
 * Writes a model for another framework: `.onnx`; `.keras` or `.weights.h5` (Keras 3); `.pt`, `.pth` or `.safetensors` (a PyTorch state dict). The file is
 * written aside and renamed: a failure leaves an old one as it was. Tokenizer, normalizer and labels have no place in these formats: `model.save` keeps them.
 *
 * @throws GrusError UNSUPPORTED naming the layer, the option and the nearest form that the format can hold; INVALID_ARGUMENT for a wrong option, a
 *   model that is not built, or a file that cannot be written
 */
export async function exportModel(model: Model, path: string, options: ExportModelOptions = {}): Promise<void> {
  const where = 'exportModel'
  const data = await dataOf(where, model)
  await keepOurs(where, path)
  await writeForeign(where, data, path, options)
}

async function dataOf(where: string, model: Model): Promise<ModelData> {
  const internals = modelInternals(model, where)
  internals.checkAlive(where)
  const { size, sequence } = internals.input()
  if (size === undefined || sequence === undefined || !model.built) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] the model is not built yet: call build(inputSize), or give it data first`)
  }
  // a built model's layers have their names
  return { name: model.name, layers: model.layers as readonly NamedLayer[], inputSize: size, sequence, weights: await model.getWeights() }
}

/** Both kinds of files may end in .safetensors; a state dict in the place of a model would lose its layers. */
async function keepOurs(where: string, path: string): Promise<void> {
  if (typeof path !== 'string' || !path.toLowerCase().endsWith('.safetensors')) return
  const { detectFormat } = await import('./interop/detect.js')
  const there = await detectFormat(where, path).catch(() => undefined)
  if (there?.format !== 'grus') return
  throw new GrusError(
    'INVALID_ARGUMENT',
    `[${where}] ${path} is what model.save wrote: a state dict there would lose its layers; give another path`,
  )
}
