// Every format that models come from, behind one function. Each reader is loaded when it is needed.
import * as z from 'zod'
import { GrusError } from '../errors.js'
import { listOf } from '../spec/fields.js'
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
  const { format, path: file } = options.format
    ? { format: options.format, path }
    : await (await import('./detect.js')).detectFormat(where, path)
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

/** What to do with a file that holds no foreign model. */
const instead = {
  grus: 'this is a model of grus: loadModel reads it',
  npy: 'an .npy file is one array, not a model: readNpy reads it',
  npz: 'an .npz file has arrays, not a model: readNpz reads it',
} as const
