// Valid arguments for the native classes, which tests then spoil.
import type { NativeBatch, NativeEngineOptions, NativeGruOptions, NativeLayer, NativeModel, NativeTraining } from '../../lib/native.js'

const none = { l1: 0, l2: 0 }
const tanh = { kind: 'tanh', alpha: 0, beta: 0 }
const sigmoid = { kind: 'sigmoid', alpha: 0, beta: 0 }

export const [batch, steps, size, units] = [3, 4, 2, 5]

export const engine = (device: NativeEngineOptions['device'], threads: number): NativeEngineOptions => ({
  device,
  index: 0,
  precision: 'float32',
  algorithm: 'heuristic',
  graphs: true,
  halfWeights: false,
  threads,
})

export const gruOptions = (inputSize: number, hiddenSize: number): NativeGruOptions => ({
  inputSize,
  hiddenSize,
  numLayers: 1,
  direction: 'forward',
  bias: true,
  resetAfter: true,
  recurrentActivation: [sigmoid, sigmoid],
  activation: [tanh, tanh],
  clip: 0,
})

const layers: NativeLayer[] = [
  {
    kind: 'gru',
    name: 'gru',
    inputSize: size,
    outputSize: units,
    gru: gruOptions(size, units),
    returnSequences: false,
    goBackwards: false,
    stateful: false,
    returnState: true,
    zeroOutputForMask: false,
    trainBiasHh: true,
    merge: 'concat',
    rate: 0,
    kernelRegularizer: none,
    recurrentRegularizer: none,
    biasRegularizer: none,
  },
  { kind: 'dropout', name: 'dropout', inputSize: units, outputSize: units, rate: 0.5 },
  { kind: 'dense', name: 'dense', inputSize: units, outputSize: 3, bias: true, kernelRegularizer: none, biasRegularizer: none },
  { kind: 'activation', name: 'dense/tanh', inputSize: 3, outputSize: 3, activation: tanh },
  { kind: 'softmax', name: 'dense/softmax', inputSize: 3, outputSize: 3 },
]

export const features = (): NativeModel => ({ ids: false, sequence: true, inputSize: size, seed: 1, layers })

export const ids = (): NativeModel => ({
  ids: true,
  sequence: true,
  inputSize: 7,
  seed: 1,
  layers: [{ kind: 'embedding', name: 'embedding', inputSize: 7, outputSize: size, maskZero: true, kernelRegularizer: none }, ...layers],
})

export const featureBatch = (): NativeBatch => ({
  batch,
  steps,
  x: new Float32Array(batch * steps * size).fill(0.5),
  mask: new Uint8Array(batch * steps).fill(1),
  y: new Int32Array([0, 1, 2]),
  weights: new Float32Array(batch).fill(1),
})

export const idBatch = (): NativeBatch => ({ ...featureBatch(), x: new Int32Array(batch * steps).fill(3) })

export const training = (): NativeTraining => ({
  loss: { kind: 'sparseCategoricalCrossentropy', fromLogits: false, delta: 1, labelSmoothing: 0 },
  metrics: [{ kind: 'sparseCategoricalAccuracy', threshold: 0.5, k: 1, bins: 10 }],
  optimizer: {
    kind: 'adam',
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    momentum: 0,
    rho: 0.9,
    weightDecay: 0,
    initialAccumulator: 0.1,
    nesterov: false,
    amsgrad: false,
    centered: false,
    torchEpsilon: false,
    clipNorm: 0,
    clipValue: 0,
    globalClipNorm: 0,
  },
})
