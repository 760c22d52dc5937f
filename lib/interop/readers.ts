// Every format that models come from, behind one function. Each reader is loaded when it is needed.
import * as z from 'zod'
import { GrusError } from '../errors.js'
import { listOf } from '../spec/fields.js'
import { oneOf } from '../spec/parse.js'
import type { FileFormat } from './detect.js'
import type { ImportedModel } from './model-data.js'
import type { OnnxImportOptions } from './onnx/import.js'
import type { ImportStateDictOptions } from './pytorch/import-state-dict.js'

export type ModelFormat = 'keras' | 'onnx' | 'pytorch' | 'tfjs'

/** Groups of another format than the file's are refused. */
export interface ReaderOptions {
  /** Default: by the file's content. */
  format?: ModelFormat
  onnx?: OnnxImportOptions
  pytorch?: ImportStateDictOptions
}

const formats = ['keras', 'onnx', 'pytorch', 'tfjs'] as const
// what is in a group is checked by its reader
const group = z.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), { error: 'an object' })

export const readerFields: {
  format: z.ZodType<ModelFormat | undefined>
  onnx: z.ZodType<object | undefined>
  pytorch: z.ZodType<object | undefined>
} = {
  format: z.enum(formats, { error: listOf(formats) }).exactOptional(),
  onnx: group.exactOptional(),
  pytorch: group.exactOptional(),
}

/** @throws GrusError as the readers do; INVALID_ARGUMENT for options of another format than the file has */
export async function readForeign(where: string, path: string, options: ReaderOptions): Promise<ImportedModel> {
  const { format, path: file } = await formatOf(where, path, options.format)
  const other = (['onnx', 'pytorch'] as const).find((name) => name !== format && options[name] !== undefined)
  if (other) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${other}: these options do not belong to ${path}, whose format is '${format}'`)
  }
  switch (format) {
    case 'keras':
    case 'hdf5':
      return (await import('./keras/import.js')).importKeras(where, file)
    case 'tfjs':
      return (await import('./tfjs/import.js')).importTfjs(where, file)
    case 'onnx':
      return (await import('./onnx/import.js')).importOnnx(where, file, options.onnx ?? {})
    case 'pytorch':
      return (await import('./pytorch/import-state-dict.js')).importStateDict(where, file, options.pytorch ?? {})
    default:
      throw new GrusError('INVALID_ARGUMENT', `[${where}] ${path}: ${instead[format]}`)
  }
}

/** What the file holds; a given format counts where the content says nothing. */
async function formatOf(where: string, path: string, given: ModelFormat | undefined): Promise<{ format: FileFormat; path: string }> {
  if (given !== undefined) oneOf(where, 'format', given, formats)
  const { detectFormat } = await import('./detect.js')
  try {
    const found = await detectFormat(where, path)
    const format = found.format === 'hdf5' ? 'keras' : found.format
    if (given === undefined || given === format) return found
    throw new GrusError('INVALID_ARGUMENT', `[${where}] format is '${given}', but the content of ${path} is that of '${format}'`)
  } catch (error) {
    if (given === undefined || !(error instanceof GrusError) || error.code !== 'CORRUPT_FILE') throw error
    return { format: given, path }
  }
}

/** What to do with a file that holds no foreign model. */
const instead = {
  grus: 'this is a model of grus: loadModel reads it',
  npy: 'an .npy file is one array, not a model: readNpy reads it',
  npz: 'an .npz file has arrays, not a model: readNpz reads it',
} as const
