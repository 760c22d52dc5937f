import * as z from 'zod'
import { type CheckedEngineOptions, type EngineOptions, engineFields } from './engine-options.js'
import { type ReaderOptions, readerFields, readForeign } from './interop/readers.js'
import type { Model } from './model.js'
import { SequentialModel } from './model-sequential.js'
import { seed } from './spec/fields.js'
import { parse } from './spec/parse.js'

export interface ImportModelOptions extends EngineOptions, ReaderOptions {
  /** Of dropout masks and of the trainer's shuffles from here on. Default: drawn at random. */
  seed?: number
  /** Called with each thing that was found and converted, a line each: `gru: gates z, r, n -> r, z, n`. */
  onNote?: (line: string) => void
}

const schema = z.strictObject(
  {
    ...engineFields,
    ...readerFields,
    seed: seed.exactOptional(),
    onNote: z.custom<(line: string) => void>((value) => typeof value === 'function', { error: 'a function' }).exactOptional(),
  },
  { error: 'an object' },
)

/**
 * Reads a model of another framework, whole: layers and weights, in grus' conventions, ready to predict and to be trained further. The format is found
 * by content: a Keras 3 `.keras` file, a TensorFlow.js `model.json` (or its folder), an ONNX graph around GRUs, or a PyTorch state dict (`.pt`, `.pth`,
 * `.safetensors`), whose layers follow from its tensors' names and shapes. What each may hold: docs/interop.md.
 *
 * @throws GrusError UNSUPPORTED naming the node or layer, the attribute and the nearest form that can be represented; CORRUPT_FILE for a damaged file;
 *   INVALID_ARGUMENT for a wrong option, a file that cannot be read, or one that fits several readings
 */
export async function importModel(path: string, options: ImportModelOptions = {}): Promise<Model> {
  const where = 'importModel'
  const { onNote, seed: drawn, format, onnx, pytorch, ...engine } = parse<CheckedOptions>(where, schema as never, options)
  const data = await readForeign(where, path, { format, onnx, pytorch } as ReaderOptions)
  data.notes.forEach((line) => void onNote?.(line))
  return new SequentialModel(data.layers, { ...engine, name: data.name, ...(drawn !== undefined && { seed: drawn }) }, { where, ...data })
}

type CheckedOptions = CheckedEngineOptions & ReaderOptions & Pick<ImportModelOptions, 'seed' | 'onNote'>
