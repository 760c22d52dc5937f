// Every format that models go to, behind one function. Each writer is loaded when it is needed.
import * as z from 'zod'
import { GrusError } from '../errors.js'
import { checkPath } from '../files/paths.js'
import { listOf } from '../spec/fields.js'
import { parse } from '../spec/parse.js'
import type { ExportKerasOptions } from './keras/export.js'
import type { ModelData } from './model-data.js'
import type { OnnxExportOptions } from './onnx/export.js'

export type ExportFormat = 'keras' | 'onnx' | 'pytorch'

export interface WriterOptions {
  /** Default: by the path's extension. */
  format?: ExportFormat
  /** Of a `.keras` file: `batchSize`, which a stateful model needs. Default: any size. */
  keras?: ExportKerasOptions
  /** `lengths` (default false), `opset` (default 14, or 17 where a layer needs it), `externalData` (default: beyond 2 GB). */
  onnx?: OnnxExportOptions
}

const formats = ['keras', 'onnx', 'pytorch'] as const
const extensions: Record<ExportFormat, readonly string[]> = {
  keras: ['.keras', '.weights.h5'],
  onnx: ['.onnx'],
  pytorch: ['.pt', '.pth', '.safetensors'],
}
// what is in a group is checked by its writer
const group = z.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), { error: 'an object' })
const schema = z.strictObject(
  {
    format: z.enum(formats, { error: listOf(formats) }).exactOptional(),
    keras: group.exactOptional(),
    onnx: group.exactOptional(),
  },
  { error: 'an object' },
)

/** @throws GrusError as the writers do; INVALID_ARGUMENT for an extension that is none of the format's */
export async function writeForeign(where: string, data: ModelData, path: string, options: WriterOptions): Promise<void> {
  checkPath(where, path)
  const given = parse(where, schema as z.ZodType<WriterOptions>, options)
  const format = given.format ?? formats.find((name) => extensions[name].some((end) => path.toLowerCase().endsWith(end)))
  if (!format || !extensions[format].some((end) => path.toLowerCase().endsWith(end))) {
    const known = format ? extensions[format] : formats.flatMap((name) => extensions[name])
    throw new GrusError('INVALID_ARGUMENT', `[${where}] path must end in ${known.join(', ')}, got '${path}'`)
  }
  const other = (['keras', 'onnx'] as const).find((name) => name !== format && given[name] !== undefined)
  if (other) throw new GrusError('INVALID_ARGUMENT', `[${where}] ${other}: these options belong to format '${other}', not '${format}'`)
  if (format === 'onnx') return (await import('./onnx/export.js')).exportOnnx(where, data, path, given.onnx ?? {})
  if (format === 'pytorch') return (await import('./pytorch/export-state-dict.js')).exportStateDict(where, data, path)
  const keras = await import('./keras/export.js')
  return path.toLowerCase().endsWith('.keras')
    ? keras.exportKeras(where, data, path, given.keras ?? {})
    : keras.exportKerasWeights(where, data, path)
}
