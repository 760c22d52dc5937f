// Loads the addon and declares its surface by hand: the only file that knows a .node exists.
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeviceMemory } from './device-memory.js'
import type { DeviceName } from './engine-options.js'
import { GrusError, type GrusErrorCode } from './errors.js'

export type NativeActivation = { kind: string; alpha: number; beta: number }

/** One GRU of the binding. Names of kinds are those of native/core/activation.h. */
export interface NativeGruOptions {
  inputSize: number
  hiddenSize: number
  numLayers: number
  direction: 'forward' | 'backward' | 'both'
  bias: boolean
  resetAfter: boolean
  /** per direction: r and z, then n */
  recurrentActivation: [NativeActivation, NativeActivation]
  activation: [NativeActivation, NativeActivation]
  clip: number
}

export interface NativeRegularizer {
  l1: number
  l2: number
}

/** A layer as native/description.h has it; every field is given for the kinds that use it. */
export type NativeLayer = { name: string; inputSize: number; outputSize: number } & (
  | { kind: 'embedding'; maskZero: boolean; kernelRegularizer: NativeRegularizer }
  | {
      kind: 'gru'
      gru: NativeGruOptions
      returnSequences: boolean
      /** a returned sequence stays in the order it was computed in; needs direction backward */
      goBackwards: boolean
      stateful: boolean
      returnState: boolean
      zeroOutputForMask: boolean
      trainBiasHh: boolean
      merge: 'concat' | 'sum' | 'mul' | 'ave'
      rate: number
      kernelRegularizer: NativeRegularizer
      recurrentRegularizer: NativeRegularizer
      biasRegularizer: NativeRegularizer
    }
  | { kind: 'dense'; bias: boolean; kernelRegularizer: NativeRegularizer; biasRegularizer: NativeRegularizer }
  | { kind: 'layerNormalization'; epsilon: number; center: boolean; scale: boolean }
  | { kind: 'activation'; activation: NativeActivation }
  | { kind: 'softmax' }
  | { kind: 'dropout'; rate: number }
)

export interface NativeModel {
  /** true: x is Int32Array ids [B, T]; false: Float32Array features */
  ids: boolean
  /** features only: [B, T, I] if true, [B, I] if false */
  sequence: boolean
  inputSize: number
  seed: number
  layers: NativeLayer[]
}

export interface NativeLoss {
  kind: 'binaryCrossentropy' | 'categoricalCrossentropy' | 'sparseCategoricalCrossentropy' | 'mse' | 'mae' | 'huber'
  fromLogits: boolean
  delta: number
  labelSmoothing: number
}

export interface NativeMetric {
  kind:
    | 'binaryAccuracy'
    | 'categoricalAccuracy'
    | 'sparseCategoricalAccuracy'
    | 'mae'
    | 'mse'
    | 'rmse'
    | 'precision'
    | 'recall'
    | 'f1'
    | 'auc'
    | 'topK'
  threshold: number
  k: number
  bins: number
}

export interface NativeOptimizer {
  kind: 'sgd' | 'adam' | 'adamW' | 'rmsprop' | 'adagrad' | 'adadelta' | 'adamax' | 'nadam'
  beta1: number
  beta2: number
  epsilon: number
  momentum: number
  rho: number
  weightDecay: number
  initialAccumulator: number
  nesterov: boolean
  amsgrad: boolean
  centered: boolean
  torchEpsilon: boolean
  clipNorm: number
  clipValue: number
  globalClipNorm: number
}

export interface NativeTraining {
  loss: NativeLoss
  metrics: NativeMetric[]
  optimizer: NativeOptimizer
}

/** One batch, batch-major as users hold it; native copies it before the call returns. */
export interface NativeBatch {
  batch: number
  /** 1 when the input is not a sequence */
  steps: number
  /** [B, T] ids, [B, T, I] or [B, I] features */
  x: Float32Array | Int32Array
  /** [B, T], 1 valid, 0 not; absent: all valid. With an embedding of maskZero, native adds id != 0. */
  mask?: Uint8Array
  /** [B, T?, K] values, or int32 labels [B, T?] */
  y?: Float32Array | Int32Array
  /** sample weights: one a row of the output, [B] or [B, T] */
  weights?: Float32Array
}

/** A named tensor of a model or a Gru: PyTorch's shapes, gates r, z, n. */
export interface NativeParameter {
  name: string
  shape: number[]
  trainable: boolean
}

export interface NativeOptimizerState {
  /** updates done */
  step: number
  /** keys the dropout masks */
  trainSteps: number
  /** of float16's loss scaling: the scale, 1 where there is none, and the updates since it last changed */
  lossScale: number
  lossScaleStreak: number
  /** the optimizer's slots one after the other, each as flat values */
  values: Float32Array
}

/** Flat values are all tensors of parameters() one after the other, in that order, row-major. */
export interface NativeSession {
  /** `cuda:1` for a GPU that is not the first */
  readonly device: DeviceName
  readonly engine: string
  /** Features of a row of the output, and whether it is a sequence. */
  readonly outputSize: number
  readonly outputIsSequence: boolean
  parameters(): NativeParameter[]
  readParameters(): Promise<Float32Array>
  writeParameters(values: Float32Array): Promise<void>
  /** Sets loss, metrics and optimizer, with fresh optimizer state. */
  configure(training: NativeTraining): Promise<void>
  /** One whole step: forward, loss, backward, clip, update; adds to the running statistics. */
  trainStep(batch: NativeBatch, learningRate: number): Promise<void>
  /** Forward and statistics only. */
  evaluateStep(batch: NativeBatch): Promise<void>
  /** [sum of loss * samples, samples, then each metric's statistics]; reset starts them anew. */
  statistics(reset: boolean): Promise<Float64Array>
  /** Inference: y [B, T?, K] batch-major. */
  predict(batch: NativeBatch): Promise<Float32Array>
  /**
   * predict on this thread, into y: positional, as every field of an object would cost as much as the call. Throws INVALID_ARGUMENT while
   * promises of this object are unsettled, those of writeParameters and writeStates excepted.
   */
  predictSync(batch: number, steps: number, x: Float32Array | Int32Array, mask: Uint8Array | undefined, y: Float32Array): void
  /** The door for losses made elsewhere: forward keeps what backward needs. */
  forward(batch: NativeBatch, training: boolean): Promise<Float32Array>
  /** dy [B, T?, K] -> dx [B, T?, I], null for ids. Gradients (regularisers included) replace the last ones. */
  backward(dy: Float32Array): Promise<Float32Array | null>
  readGradients(): Promise<Float32Array>
  /** One optimizer update with the gradients of the last backward. */
  update(learningRate: number): Promise<void>
  readOptimizer(): Promise<NativeOptimizerState>
  writeOptimizer(state: NativeOptimizerState): Promise<void>
  /** Updates that were skipped since configure because a float16 gradient overflowed. */
  skippedUpdates(): Promise<number>
  /** Final states [D, B, H] of the last batch, one per gru layer with returnState or stateful, in layer order. */
  readStates(): Promise<Float32Array[]>
  /** hx of the next batch for those layers; an empty array: zeros. batch is their B. */
  writeStates(states: Float32Array[], batch: number): Promise<void>
  memory(): DeviceMemory
  /** Queued work is rejected with DISPOSED, work in flight ends normally, memory is freed. Any number of times. */
  dispose(): void
}

/** One GRU, forward and backward; time-major flag says how x, y, dx, dy lie. */
export interface NativeGru {
  /** `cuda:1` for a GPU that is not the first */
  readonly device: DeviceName
  readonly engine: string
  parameters(): NativeParameter[]
  writeParameters(values: Float32Array): Promise<void>
  forward(call: {
    batch: number
    steps: number
    timeMajor: boolean
    training: boolean
    x: Float32Array
    hx?: Float32Array | undefined
    /** [B, T], any pattern; undefined: all valid */
    mask?: Uint8Array | undefined
  }): Promise<{ y: Float32Array; hy: Float32Array }>
  /** forward without training on this thread, into y and hy; as predictSync. */
  forwardSync(
    batch: number,
    steps: number,
    timeMajor: boolean,
    x: Float32Array,
    hx: Float32Array | undefined,
    mask: Uint8Array | undefined,
    y: Float32Array,
    hy: Float32Array,
  ): void
  /** For the last forward with training: true. gradients: flat values as in parameters(). */
  backward(call: { dy?: Float32Array; dhy?: Float32Array }): Promise<{ dx: Float32Array; dhx: Float32Array; gradients: Float32Array }>
  memory(): DeviceMemory
  dispose(): void
}

/** One GRU with all its arrays on its device, for timing (lib/bench). Arrays are random, the same for the same sizes. */
export interface NativeGruBench {
  readonly device: DeviceName
  readonly engine: string
  prepare(shape: { batch: number; steps: number; training: boolean }): Promise<void>
  /** Passes back to back, then the wait for the last; the results are milliseconds of one pass, enqueueMs without the wait. */
  run(passes: number): Promise<{ ms: number; enqueueMs: number }>
  /** Milliseconds of one product of square matrices. */
  product(size: number, passes: number): Promise<number>
  /** At most so many values of each array, time-major; weights and gradients as in NativeGru where they are whole, empty where there are none. */
  read(most: number): Promise<NativeBenchValues>
  /** Frees the arrays; dispose does not wait for that. */
  release(): Promise<void>
  memory(): { allocations: number; bytes: number }
  dispose(): void
}

export type NativeBenchValues = Record<'x' | 'weights' | 'dy' | 'y' | 'hy' | 'dx' | 'gradients', Float32Array>

/** native/engine_options.h */
export interface NativeEngineOptions {
  device: 'auto' | 'cpu' | 'cuda'
  /** which GPU */
  index: number
  precision: 'float32' | 'tf32' | 'bfloat16' | 'float16'
  algorithm: 'heuristic' | 'standard' | 'persistStatic' | 'persistDynamic' | 'persistStaticSmallH' | 'autotune'
  graphs: boolean
  /** of inference on the CPU: bfloat16 */
  halfWeights: boolean
  /** 0: the default */
  threads: number
}

/** native/cuda_report.h; what is not known is an empty string */
export interface NativeCudaReport {
  /** this build has a CUDA engine */
  built: boolean
  /** there is an NVIDIA driver */
  driver: boolean
  available: boolean
  /** GPUs */
  devices: number
  problem: string
  /** why results may be wrong although it is available */
  warning: string
  components: { name: string; ok: boolean; file: string; version: string; path: string; problem: string; tried: string[] }[]
  advice: string[]
}

export interface NativeAddon {
  /** Hands over the error class that native code throws and rejects with: new GrusError(code, message). Once per environment. */
  initialize(errorClass: new (code: GrusErrorCode, message: string) => Error): void
  Session: new (model: NativeModel, options: NativeEngineOptions) => NativeSession
  Gru: new (gru: NativeGruOptions, options: NativeEngineOptions) => NativeGru
  GruBench: new (gru: NativeGruOptions, options: NativeEngineOptions) => NativeGruBench
  /** What each device offers here: the engine's name, or why there is none. */
  devices(): { device: 'cpu' | 'cuda'; available: boolean; detail: string }[]
  /** Of CPU engines made from now on with threads 0, in the whole process. */
  setThreads(threads: number): void
  /** That number and where it comes from; 0: there is none, for this reason. */
  threads(): { threads: number; reason: string }
  /** What device 'cuda' needs and what there is; the libraries too where there is a GPU to use them, or when thorough. */
  cudaReport(thorough: boolean): NativeCudaReport
}

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)))
let addon: NativeAddon | undefined

/** The addon, loaded at first use so that importing grus for its types or data helpers needs no native code. */
export function native(): NativeAddon {
  if (!addon) {
    const load = createRequire(import.meta.url)('node-gyp-build') as (dir: string) => NativeAddon
    try {
      addon = load(packageRoot)
    } catch (cause) {
      const { platform, arch, version } = process
      throw new GrusError(
        'BACKEND_UNAVAILABLE',
        `[grus] no native addon could be loaded for ${platform}-${arch}, Node ${version}: ${(cause as Error).message}\n` +
          'Possible solutions:\n' +
          '- in a checkout of grus: npm run setup\n' +
          '- as a dependency: npm install --save-dev cmake-js && npx grus-build (needs CMake 3.18 and a C++17 compiler)',
        { cause },
      )
    }
    addon.initialize(GrusError)
  }
  return addon
}
