import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import * as z from 'zod'
import { GrusError } from '../../errors.js'
import { cannot, checkPath } from '../../files/paths.js'
import { replaceFiles } from '../../files/replace-file.js'
import { checkWeights } from '../../model-weights.js'
import { flag } from '../../spec/fields.js'
import { lower } from '../../spec/lower.js'
import { parse, schemaOf } from '../../spec/parse.js'
import type { ModelData } from '../model-data.js'
import { encodeModel, type ModelToWrite } from './encode.js'
import { exportGraph } from './export-graph.js'
import { moveOut } from './external-data.js'

export interface OnnxExportOptions {
  /** The graph has an input `lengths`, int32 [batch]: the valid steps of each row, counted from its start. Default false. */
  lengths?: boolean
  /** The version of ONNX' operators, from 14 to 22. Default 14; 17 for a model with layerNormalization, which is new there. */
  opset?: number
  /** Writes the weights to a second file `PATH.data`, which must stay beside the first. Default: only where the model would not fit into 2 GB. */
  externalData?: boolean
}

/** What a message of protocol buffers may hold. */
const largestMessage = 2 ** 31 - 1

const opsetText = 'an integer from 14 to 22'
const optionsSchema = schemaOf<{ lengths: boolean; opset?: number; externalData?: boolean }, OnnxExportOptions>()(
  z.strictObject(
    {
      lengths: flag.default(false),
      opset: z.int({ error: opsetText }).min(14, { error: opsetText }).max(22, { error: opsetText }).exactOptional(),
      externalData: flag.exactOptional(),
    },
    { error: 'an object' },
  ),
)

/**
 * Writes a model as ONNX, for inference. Batch and time are free (`batch`, `time`).
 *
 * - Inputs: `x` float32 [batch, time, I] or [batch, I], or `ids` int64 [batch, time]; `lengths` int32 [batch] if asked for; for each gru with `returnState` or
 *   `stateful` `NAME.initial_h` [D, batch, H].
 * - Outputs: `y` float32 [batch, time, K] or [batch, K]; `NAME.h_n` [D, batch, H] for each of those.
 *
 * Masks that a layer makes (`masking`, an embedding's `maskZero`) are made by the graph too, in any pattern. Dropout, initializers and regularizers are of
 * training and are left out.
 *
 * @throws GrusError INVALID_ARGUMENT for wrong options and what cannot be written; then an old file is as it was
 */
export async function exportOnnx(
  where: string,
  data: ModelData,
  path: string,
  options: OnnxExportOptions = {},
  limit: number = largestMessage,
): Promise<void> {
  checkPath(where, path)
  const { externalData, ...rest } = parse(where, optionsSchema, options)
  const model = onnxModel(where, data, rest)
  const whole = encodeModel(model)
  if (!externalData && whole.length <= limit) return write([{ path, parts: whole.parts }])
  if (externalData === false) {
    const text = `externalData must not be false: the model takes ${whole.length} bytes, and one file holds ${limit} at most`
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${text}`)
  }
  const { graph, parts } = moveOut(model.graph, `${basename(path)}.data`)
  const outside = parts.length > 0 ? [{ path: `${path}.data`, parts }] : []
  return write([...outside, { path, parts: encodeModel({ ...model, graph }).parts }])

  async function write(files: { path: string; parts: readonly Uint8Array[] }[]): Promise<void> {
    try {
      await replaceFiles(files)
    } catch (cause) {
      throw cannot(where, 'write', path, cause)
    }
  }
}

/** A model as ONNX has it; weights are views of the model's own where they can be. */
export function onnxModel(where: string, data: ModelData, { lengths, opset }: { lengths: boolean; opset?: number }): ModelToWrite {
  const { layers, parameters } = lower(where, data.layers, data.inputSize, data.sequence, 0)
  const weights = checkWeights(where, data.weights, parameters)
  const normalizes = data.layers.find(({ type }) => type === 'layerNormalization')
  if (normalizes && opset !== undefined && opset < 17) {
    throw new GrusError(
      'INVALID_ARGUMENT',
      `[${where}] opset must be 17 or later for layer '${normalizes.name}' (layerNormalization), got ${opset}`,
    )
  }
  const version = opset ?? (normalizes ? 17 : 14)
  return {
    irVersion: version < 15 ? 7 : version < 19 ? 8 : version < 21 ? 9 : 10,
    opsets: [{ domain: '', version }],
    producerName: 'grus',
    producerVersion: ownVersion(),
    graph: exportGraph(where, { name: data.name, layers, sequence: data.sequence, weights, lengths }),
  }
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
