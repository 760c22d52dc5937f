// How a model lies in a safetensors file: weights as tensors, everything else as JSON in its metadata.
import * as z from 'zod'
import { type Normalizer, normalizer } from './data/normalizer.js'
import { type TextVectorizer, textVectorizer } from './data/text.js'
import { GrusError } from './errors.js'
import { readSafetensors, writeSafetensors } from './files/safetensors.js'
import type { Model } from './model.js'
import { digest } from './model-digest.js'
import { checkWeights } from './model-weights.js'
import { flag, seed, size } from './spec/fields.js'
import { lower } from './spec/lower.js'
import { checkLayers, inputOf, type NamedLayer } from './spec/network.js'
import { parse } from './spec/parse.js'
import { describe, type FloatTensor, type Tensor } from './tensor.js'

const format = 'grus'
const formatVersion = '1'

const architectureSchema = z.strictObject(
  {
    name: z.string({ error: 'a string' }).max(1000, { error: 'a string of at most 1000 characters' }),
    inputSize: size,
    sequence: flag,
    layers: z.array(z.unknown(), { error: 'an array of layers' }),
  },
  { error: 'an object' },
)
const labelsSchema = z.array(z.string({ error: 'a string' }), { error: 'an array of strings' })

/** What of a model goes into its file, the weights aside. */
type Saved = Pick<Model, 'name' | 'layers' | 'seed'> & Partial<Pick<Model, 'tokenizer' | 'normalizer' | 'labels'>>

export async function saveModel(
  path: string,
  model: Saved,
  { inputSize, sequence }: { inputSize: number; sequence: boolean },
  weights: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const { name, layers, tokenizer, normalizer: scaler, labels } = model
  const metadata: Record<string, string> = {
    format,
    formatVersion,
    architecture: JSON.stringify({ name, inputSize, sequence, layers }),
    seed: String(model.seed),
  }
  if (tokenizer) metadata.tokenizer = readable('tokenizer', tokenizer, textVectorizer.fromJSON)
  if (scaler) metadata.normalizer = readable('normalizer', scaler, normalizer.fromJSON)
  if (labels) metadata.labels = JSON.stringify(parse('model.save', labelsSchema, labels, 'labels'))
  metadata.sha256 = digest(metadata, weights)
  await writeSafetensors(path, weights, metadata, 'model.save')
}

/** JSON that loadModel can read: users may have put anything into the field. */
function readable(field: string, value: unknown, read: (json: unknown) => unknown): string {
  try {
    const text = JSON.stringify(value)
    read(JSON.parse(text))
    return text
  } catch (cause) {
    throw new GrusError('INVALID_ARGUMENT', `[model.save] ${field} cannot be saved: ${(cause as Error).message}`, { cause })
  }
}

/** What a model's file holds, checked. */
export interface ModelFile {
  name: string
  layers: NamedLayer[]
  inputSize: number
  sequence: boolean
  seed: number
  tokenizer: TextVectorizer | undefined
  normalizer: Normalizer | undefined
  labels: string[] | undefined
  weights: Map<string, FloatTensor>
}

/**
 * Reads and checks a model's file; nothing is built.
 *
 * @throws GrusError CORRUPT_FILE naming the field that is wrong, INVALID_ARGUMENT if the file cannot be read
 */
export async function readModelFile(where: string, path: string): Promise<ModelFile> {
  const { tensors, metadata } = await readSafetensors(path, where)
  return corruptIn(where, path, () => parseModel(where, tensors, metadata))
}

function parseModel(where: string, tensors: Map<string, Tensor>, metadata: Readonly<Record<string, string>>): ModelFile {
  if (metadata.format !== format)
    throw new Error(`__metadata__.format must be '${format}', got ${describe(metadata.format)}: no model of this library`)
  if (metadata.formatVersion !== formatVersion) {
    throw new Error(`__metadata__.formatVersion must be '${formatVersion}', got ${describe(metadata.formatVersion)}`)
  }
  const known = ['format', 'formatVersion', 'architecture', 'seed', 'tokenizer', 'normalizer', 'labels', 'sha256']
  const unknown = Object.keys(metadata).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new Error(`__metadata__ has an unknown field '${unknown}'`)
  const { name, inputSize, sequence, layers: given } = parse(where, architectureSchema, json(metadata, 'architecture'), 'architecture')
  const layers = checkLayers(where, given, 'architecture.layers')
  const input = inputOf(layers)
  if ((input.size ?? inputSize) !== inputSize) throw new Error(`architecture.inputSize must be ${input.size}, got ${inputSize}`)
  if ((input.sequence ?? sequence) !== sequence) throw new Error(`architecture.sequence must be ${input.sequence}, got ${sequence}`)
  const seedValue = parse(where, z.strictObject({ seed }), { seed: json(metadata, 'seed') }, '__metadata__').seed
  const weights = checkWeights(where, tensors, lower(where, layers, inputSize, sequence, seedValue).parameters)
  const file = {
    name,
    layers,
    inputSize,
    sequence,
    seed: seedValue,
    tokenizer: metadata.tokenizer === undefined ? undefined : textVectorizer.fromJSON(json(metadata, 'tokenizer')),
    normalizer: metadata.normalizer === undefined ? undefined : normalizer.fromJSON(json(metadata, 'normalizer')),
    labels: metadata.labels === undefined ? undefined : parse(where, labelsSchema, json(metadata, 'labels'), 'labels'),
    weights,
  }
  checkDigest(metadata, weights)
  return file
}

/** After all else, which says more exactly what is wrong. A program that changes a file on purpose leaves the field out. */
function checkDigest({ sha256, ...metadata }: Readonly<Record<string, string>>, weights: ReadonlyMap<string, Tensor>): void {
  if (sha256 === undefined) return
  const found = digest(metadata, weights)
  if (sha256 !== found) {
    throw new Error(`the content must have the SHA-256 ${describe(sha256)} it was saved with, got '${found}': it was changed since`)
  }
}

function json(metadata: Readonly<Record<string, string>>, field: string): unknown {
  const text = metadata[field]
  if (text === undefined) throw new Error(`__metadata__.${field} is missing`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`__metadata__.${field}: ${(cause as Error).message}`, { cause })
  }
}

/** Whatever is wrong with a file's content is the file's fault. */
function corruptIn<T>(where: string, path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const text = (cause as Error).message.replace(/^\[[^\]]*\] /, '')
    throw new GrusError('CORRUPT_FILE', `[${where}] ${path}: ${text}`, { cause })
  }
}
