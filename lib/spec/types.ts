// What a layer is as data: the types behind the factories of lib/layers.ts. The schemas of this folder are kept equal to them by the compiler.

/** The activations of the ONNX GRU operator, and linear. */
export type ActivationName =
  | 'linear'
  | 'relu'
  | 'tanh'
  | 'sigmoid'
  | 'softsign'
  | 'softplus'
  | 'affine'
  | 'leakyRelu'
  | 'thresholdedRelu'
  | 'scaledTanh'
  | 'hardSigmoid'
  | 'elu'

/**
 * A name, or a name with its constants. Defaults are ONNX's: hardSigmoid alpha 0.2 beta 0.5, leakyRelu alpha 0.01, elu and thresholdedRelu alpha 1;
 * affine (alpha x + beta) and scaledTanh (alpha tanh(beta x)) need both given.
 */
export type Activation = ActivationName | { name: ActivationName; alpha?: number; beta?: number }

/** `'uniform'` is Keras' ±0.05, `'torch'` what PyTorch draws: U(±1/sqrt(H)) for a GRU, U(±1/sqrt(fan in)) for dense, N(0, 1) for an embedding. */
export type Initializer =
  | 'glorotUniform'
  | 'glorotNormal'
  | 'heUniform'
  | 'heNormal'
  | 'lecunUniform'
  | 'lecunNormal'
  | 'orthogonal'
  | 'zeros'
  | 'ones'
  | 'uniform'
  | 'torch'
  | { name: 'constant'; value: number }
  | { name: 'uniform'; min: number; max: number }
  | { name: 'normal'; mean?: number; stddev?: number }
  | { name: 'orthogonal'; gain?: number }

/** Adds l1 * sum|w| + l2 * sum w² to the loss. Both default to 0. */
export interface Regularizer {
  l1?: number
  l2?: number
}

/** How a bidirectional layer joins its two outputs. */
export type MergeMode = 'concat' | 'sum' | 'mul' | 'ave'

export interface EmbeddingOptions {
  /** Size of the vocabulary: ids are 0..inputDim-1. */
  inputDim: number
  /** Features of each vector. */
  outputDim: number
  /** Id 0 is padding: those steps are masked in every later layer. Default false. */
  maskZero?: boolean
  /** Default `'uniform'`. */
  embeddingsInitializer?: Initializer
  embeddingsRegularizer?: Regularizer
  /** Letters, digits, `_` and `-`; unique in the model. Default: `embedding`, `embedding_1`, … */
  name?: string
}

export interface GruOptions {
  /** H, features of the state. */
  units: number
  /** Of the candidate n. Default `'tanh'`. */
  activation?: Activation
  /** Of the gates r and z. Default `'sigmoid'`. */
  recurrentActivation?: Activation
  /** Default true. */
  useBias?: boolean
  /** true: n = f(W x + b + r * (R h + c)), what cuDNN computes; false: n = f(W x + b + R (r * h)). Default true. */
  resetAfter?: boolean
  /** `'keep'`: h' = (1 - z) n + z h; `'write'`: h' = (1 - z) h + z n. Default `'keep'`. */
  updateGate?: 'keep' | 'write'
  /** true: [B, T, H] comes out; false: the last step's [B, H]. Default false. */
  returnSequences?: boolean
  /** The final state can be read with `predictWithStates`. Default false. */
  returnState?: boolean
  /** Runs from the last step to the first; a returned sequence is in that order, as Keras has it. Default false. */
  goBackwards?: boolean
  /** With `goBackwards`: a returned sequence is turned around again, so that step t belongs to step t of x, as ONNX's `reverse` has it. Default false. */
  alignOutput?: boolean
  /** The state after a batch is the first of the next one, until `resetStates`. Default false. */
  stateful?: boolean
  /** A masked step puts out 0 rather than the output before it. Default false. */
  zeroOutputForMask?: boolean
  /** Fraction of the input features dropped in training, the same ones at every step of a sequence. Default 0. */
  dropout?: number
  /** Inputs of both activations are clamped to ±clip. Default: not. */
  clip?: number
  /** Default `'glorotUniform'`, over the whole [I, 3H] kernel. */
  kernelInitializer?: Initializer
  /** Default `'orthogonal'`, over the whole [H, 3H] kernel. */
  recurrentInitializer?: Initializer
  /** Default `'zeros'`. */
  biasInitializer?: Initializer
  kernelRegularizer?: Regularizer
  recurrentRegularizer?: Regularizer
  biasRegularizer?: Regularizer
  /** Features of the model's input; on the first layer (or behind a masking) only, and needed only before any data is there. */
  inputSize?: number
  /** Letters, digits, `_` and `-`; unique in the model. Default: `gru`, `gru_1`, … */
  name?: string
}

export interface BidirectionalOptions {
  /** Default `'concat'`. */
  mergeMode?: MergeMode
  /** The gru that runs backwards: it may have activations and initializers of its own and equals the first one in all else. Default: the first one. */
  backwardLayer?: GruSpec
  /** Default: the gru's own name, else `bidirectional`, `bidirectional_1`, … */
  name?: string
}

export interface DenseOptions {
  /** Features that come out. */
  units: number
  /** `'softmax'` belongs to a model's last layer. Default `'linear'`. */
  activation?: Activation | 'softmax'
  /** Default true. */
  useBias?: boolean
  /** Default `'glorotUniform'`. */
  kernelInitializer?: Initializer
  /** Default `'zeros'`. */
  biasInitializer?: Initializer
  kernelRegularizer?: Regularizer
  biasRegularizer?: Regularizer
  /** Features of the model's input; on the first layer (or behind a masking) only, and needed only before any data is there. */
  inputSize?: number
  /** Letters, digits, `_` and `-`; unique in the model. Default: `dense`, `dense_1`, … */
  name?: string
}

export interface DropoutOptions {
  /** Fraction of the elements dropped in training, from 0 to below 1. */
  rate: number
  /** Letters, digits, `_` and `-`; unique in the model. Default: `dropout`, `dropout_1`, … */
  name?: string
}

export interface LayerNormalizationOptions {
  /** Added to the variance, under the root. Default 1e-3, as in Keras; PyTorch has 1e-5. */
  epsilon?: number
  /** Adds a bias (beta). Default true. */
  center?: boolean
  /** Multiplies by a weight (gamma). Default true. */
  scale?: boolean
  /** Default `'zeros'`. */
  betaInitializer?: Initializer
  /** Default `'ones'`. */
  gammaInitializer?: Initializer
  /** Letters, digits, `_` and `-`; unique in the model. Default: `layerNormalization`, `layerNormalization_1`, … */
  name?: string
}

export interface ActivationOptions {
  /** `'softmax'` belongs to a model's last layer. */
  activation: Activation | 'softmax'
  /** Letters, digits, `_` and `-`; unique in the model. Default: `activation`, `activation_1`, … */
  name?: string
}

export interface MaskingOptions {
  /** A step all of whose features have this value is masked. Default 0. */
  maskValue?: number
  /** Letters, digits, `_` and `-`; unique in the model. Default: `masking`. */
  name?: string
}

/** Options with their defaults filled in. */
type Filled<Options, Optional extends keyof Options> = Required<Omit<Options, Optional>> & Pick<Options, Optional>

export type EmbeddingSpec = { type: 'embedding' } & Filled<EmbeddingOptions, 'embeddingsRegularizer' | 'name'>

export type GruSpec = { type: 'gru' } & Filled<
  GruOptions,
  'clip' | 'kernelRegularizer' | 'recurrentRegularizer' | 'biasRegularizer' | 'inputSize' | 'name'
>

export type BidirectionalSpec = { type: 'bidirectional'; layer: GruSpec } & Filled<BidirectionalOptions, 'backwardLayer' | 'name'>

export type DenseSpec = { type: 'dense' } & Filled<DenseOptions, 'kernelRegularizer' | 'biasRegularizer' | 'inputSize' | 'name'>

export type DropoutSpec = { type: 'dropout' } & Filled<DropoutOptions, 'name'>

export type LayerNormalizationSpec = { type: 'layerNormalization' } & Filled<LayerNormalizationOptions, 'name'>

export type ActivationSpec = { type: 'activation' } & Filled<ActivationOptions, 'name'>

export type MaskingSpec = { type: 'masking' } & Filled<MaskingOptions, 'name'>

/** A layer as plain JSON data, told apart by `type`. */
export type LayerSpec =
  | EmbeddingSpec
  | GruSpec
  | BidirectionalSpec
  | DenseSpec
  | DropoutSpec
  | LayerNormalizationSpec
  | ActivationSpec
  | MaskingSpec
