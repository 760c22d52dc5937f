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
  await writeForeign(where, await dataOf(where, model), path, options)
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
