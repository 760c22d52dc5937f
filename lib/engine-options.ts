// Where and how a model or a Gru computes.
import * as z from 'zod'
import { pickDevice } from './diagnose.js'
import { GrusError } from './errors.js'
import type { NativeEngineOptions } from './native.js'
import { few, flag, listOf } from './spec/fields.js'

/** `'cuda'` is the first GPU, `'cuda:1'` the second. */
export type DeviceName = 'cpu' | 'cuda' | `cuda:${number}`

/**
 * Numbers inside the layers. `'float32'`: nothing is rounded below it; `'tf32'`: matrix products may round their inputs to a mantissa of 10 bits;
 * `'bfloat16'`, `'float16'`: the GRU computes on such numbers (dense layers as with `'tf32'`), with float32 weights, gradients and optimizer.
 */
export type Precision = 'float32' | 'tf32' | 'bfloat16' | 'float16'

/**
 * Of the GRUs that cuDNN computes. `'heuristic'`: by the shape; `'autotune'`: the fastest of those that agree with `'standard'`, timed once for each
 * shape and remembered on disk. One that cuDNN refuses for a shape gives way to `'standard'`.
 */
export type GruAlgorithm = 'heuristic' | 'standard' | 'persistStatic' | 'persistDynamic' | 'persistStaticSmallH' | 'autotune'

/** Options of everything that computes. */
export interface EngineOptions {
  /** `'cuda'` and `'cuda:1'` throw where they cannot run; `'auto'` takes the first GPU where it can, else the CPU. Default `'auto'`. */
  device?: 'auto' | DeviceName
  /** `'bfloat16'` and `'float16'` need a GPU. The CPU computes `'tf32'` in float32. Default `'float32'`. */
  precision?: Precision
  /** On GPUs. Default `'heuristic'`. */
  algorithm?: GruAlgorithm
  /** On GPUs: a pass that was seen before is captured as a CUDA graph and replayed; results are the same. Default true. */
  graphs?: boolean
  /**
   * `'bfloat16'`: on the CPU, inference reads a GRU's weights rounded to 8 bits of mantissa: half the bytes, which is what the time of few rows and
   * large layers goes into. Sums and states stay float32, and so do training and saved weights. Not on a GPU (`precision: 'bfloat16'` there); with
   * device `'auto'` it takes the CPU. Default `'float32'`.
   */
  inferenceWeights?: 'float32' | 'bfloat16'
  /** Of the CPU. Default: {@link getThreads}. The result does not depend on it. */
  threads?: number
}

export type CheckedEngineOptions = Required<Omit<EngineOptions, 'threads'>> & Pick<EngineOptions, 'threads'>

const devices = ['auto', 'cpu', 'cuda'] as const
const deviceText = { error: `${listOf(devices)}, 'cuda:1' …` }
export const precisions = ['float32', 'tf32', 'bfloat16', 'float16'] as const
const weightTypes = ['float32', 'bfloat16'] as const
export const algorithms = ['heuristic', 'standard', 'persistStatic', 'persistDynamic', 'persistStaticSmallH', 'autotune'] as const

type DeviceSchema = z.ZodType<'auto' | DeviceName, 'auto' | DeviceName>
const device: DeviceSchema = z.custom<'auto' | DeviceName>(
  (value) => typeof value === 'string' && /^(auto|cpu|cuda(:(0|[1-9]\d{0,2}))?)$/.test(value),
  deviceText,
)

/** Fields of a schema. */
export const engineFields: {
  device: z.ZodDefault<DeviceSchema>
  precision: z.ZodDefault<z.ZodType<Precision, Precision>>
  algorithm: z.ZodDefault<z.ZodType<GruAlgorithm, GruAlgorithm>>
  graphs: z.ZodDefault<z.ZodBoolean>
  inferenceWeights: z.ZodDefault<z.ZodType<'float32' | 'bfloat16', 'float32' | 'bfloat16'>>
  threads: z.ZodExactOptional<z.ZodNumber>
} = {
  device: device.default('auto'),
  precision: z.enum(precisions, { error: listOf(precisions) }).default('float32'),
  algorithm: z.enum(algorithms, { error: listOf(algorithms) }).default('heuristic'),
  graphs: flag.default(true),
  inferenceWeights: z.enum(weightTypes, { error: listOf(weightTypes) }).default('float32'),
  threads: few.exactOptional(),
}

/** As native code takes them. */
export function lowerEngine({
  device,
  precision,
  algorithm,
  graphs,
  inferenceWeights,
  threads,
}: CheckedEngineOptions): NativeEngineOptions {
  const [kind, index] = device.split(':') as ['auto' | 'cpu' | 'cuda', string?]
  return {
    device: kind,
    index: Number(index ?? 0),
    precision,
    algorithm,
    graphs,
    halfWeights: inferenceWeights === 'bfloat16',
    threads: threads ?? 0,
  }
}

/**
 * The options as they will be used: what only the CPU does settles device `'auto'`.
 *
 * @throws GrusError BACKEND_UNAVAILABLE for a GPU where there is none; UNSUPPORTED for what the device does not do
 */
export function settleEngine<Options extends CheckedEngineOptions>(where: string, options: Options): Options {
  checkPrecision(where, options)
  if (options.inferenceWeights === 'float32' || options.device === 'cpu') return options
  if (options.device === 'auto') return { ...options, device: 'cpu' }
  throw new GrusError(
    'UNSUPPORTED',
    `[${where}] inferenceWeights 'bfloat16' is the CPU's, and the device is '${options.device}': use precision 'bfloat16' on a GPU`,
  )
}

function checkPrecision(where: string, { device, precision }: CheckedEngineOptions): void {
  const narrow = precision === 'bfloat16' || precision === 'float16'
  if (device === 'auto' ? !narrow : device === 'cpu' && !narrow) return
  const picked = pickDevice(where, device)
  if (!narrow || picked.device !== 'cpu') return
  throw new GrusError(
    'UNSUPPORTED',
    `[${where}] precision '${precision}' needs a GPU, and the device is the CPU${device === 'auto' ? ' (no GPU can be used here)' : ''}: use precision 'float32'`,
  )
}
