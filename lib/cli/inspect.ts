import { Command } from 'commander'
import { GrusError } from '../errors.js'
import { detectFormat, type FileFormat } from '../interop/detect.js'
import type { ModelData } from '../interop/model-data.js'
import { readForeign } from '../interop/readers.js'
import { readShapes } from '../interop/shapes.js'
import { readModelFile } from '../model-file.js'
import { layerParams, shapeOf, summaryLines } from '../model-summary.js'
import { placeLayers } from '../spec/network.js'
import { showShape, sizeOf } from '../tensor.js'

const where = 'grus inspect'

/** What `--json` prints: a model with its layers, or the tensors of a file that is none. */
interface Report {
  format: FileFormat
  notes: readonly string[]
  model?: { name: string; inputSize: number; sequence: boolean; layers: LayerReport[]; parameters: number }
  tensors: Record<string, readonly number[]>
}

interface LayerReport {
  name: string
  type: string
  outputShape: readonly (number | string)[]
  parameters: number
  options: object
}

/** The exit status is 0 for every file whose content could be shown. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .description('show the layers, shapes, parameter counts and conventions of a model, or the arrays of a file')
    .argument('<file>', 'any file that import reads, a grus model, .weights.h5, .npy, .npz')
    .option('--json', 'print them as JSON')
    .option('--key <key>', 'PyTorch: which dictionary of a checkpoint')
    .action(async (file: string, { json, key }: { json?: boolean; key?: string }) => {
      const found = await detectFormat(where, file)
      const { data, tensors, notes } = await read(found, key)
      const report: Report = {
        format: found.format,
        notes,
        ...(data && { model: modelReport(data) }),
        tensors: Object.fromEntries(tensors),
      }
      console.log(json ? JSON.stringify(report, null, 2) : lines(report, data, tensors).join('\n'))
    })
}

interface Content {
  data?: ModelData
  tensors: ReadonlyMap<string, readonly number[]>
  notes: readonly string[]
}

/** A model where the file holds one that grus can represent, else its tensors and the reason. */
async function read({ format, path }: { format: FileFormat; path: string }, key: string | undefined): Promise<Content> {
  if (format === 'grus') {
    const data = await readModelFile(where, path)
    return { data, tensors: shapesOf(data), notes: [] }
  }
  if (format === 'npy' || format === 'npz') return { tensors: await readShapes(where, path, format), notes: [] }
  try {
    const data = await readForeign(where, path, {
      format: format === 'hdf5' ? 'keras' : format,
      ...(key !== undefined && { pytorch: { key } }),
    })
    return { data, tensors: shapesOf(data), notes: data.notes }
  } catch (error) {
    const arrays = format === 'pytorch' || format === 'hdf5'
    if (!arrays || !(error instanceof GrusError) || error.code === 'CORRUPT_FILE') throw error
    return { tensors: await readShapes(where, path, format, key), notes: [`no model follows from these arrays: ${error.message}`] }
  }
}

function shapesOf({ weights }: ModelData): ReadonlyMap<string, readonly number[]> {
  return new Map([...weights].map(([name, { shape }]) => [name, shape]))
}

function place({ layers, inputSize, sequence }: ModelData) {
  return placeLayers(where, layers, inputSize, sequence)
}

function modelReport(data: ModelData): NonNullable<Report['model']> {
  const layers = place(data).map((layer) => {
    const { name, type, ...options } = layer.spec
    return { name, type, outputShape: shapeOf(layer), parameters: layerParams(layer), options }
  })
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0)
  return { name: data.name, inputSize: data.inputSize, sequence: data.sequence, layers, parameters }
}

function lines({ format, notes }: Report, data: ModelData | undefined, tensors: ReadonlyMap<string, readonly number[]>): string[] {
  const found = notes.length > 0 ? ['found:', ...notes.map((note) => `- ${note}`)] : []
  const width = Math.max(0, ...[...tensors.keys()].map((name) => name.length))
  const listed = [...tensors].map(([name, shape]) => `  ${name.padEnd(width)}  ${showShape(shape)}`)
  if (!data) {
    const total = [...tensors.values()].reduce((sum, shape) => sum + sizeOf(shape), 0)
    return [`format: ${format}`, ...found, 'arrays:', ...listed, `numbers: ${total.toLocaleString('en-US')}`]
  }
  const input =
    data.layers[0]!.type === 'embedding'
      ? `ids [B, T] below ${data.inputSize}`
      : data.sequence
        ? `[B, T, ${data.inputSize}]`
        : `[B, ${data.inputSize}]`
  return [`format: ${format}`, `input: ${input}`, ...summaryLines(data.name, data.layers, place(data)), 'weights:', ...listed, ...found]
}
