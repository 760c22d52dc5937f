import { modelDataOf } from './interop/of-model.js'
import { type WriterOptions, writeForeign } from './interop/writers.js'
import type { Model } from './model.js'

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
  await writeForeign(where, await modelDataOf(where, model), path, options)
}
