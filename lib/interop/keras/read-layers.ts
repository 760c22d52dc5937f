// One layer of a configuration -> one layer of ours.
import type { Activation, GruSpec, LayerSpec } from '../../spec/types.js'
import { describe } from '../../tensor.js'
import { activationClasses, readActivation, readActivationLayer } from './activations.js'
import { readInitializer, readRegularizer } from './drawing.js'
import { Fields, isObject, type Reading } from './fields.js'

/** A layer as the file names and counts it. */
export interface ReadLayer {
  /** The name in the file. */
  name: string
  /** The class in the file: weights are counted by it. */
  kind: string
  spec: LayerSpec
}

/** Of inputs, outputs and storage: nothing that a layer computes. */
const common = [
  'name',
  'trainable',
  'dtype',
  'batch_input_shape',
  'batch_shape',
  'input_shape',
  'input_dim',
  'input_length',
  'quantization_config',
]

const supported =
  'Embedding, Masking, GRU, Bidirectional, Dense, TimeDistributed, Dropout, LayerNormalization, Activation, ReLU, LeakyReLU, ELU, Softmax'

const nearest: Readonly<Record<string, string>> = {
  LSTM: 'GRU',
  SimpleRNN: 'GRU',
  RNN: 'GRU, the layer rather than a cell in an RNN',
  CuDNNGRU: 'GRU',
  StackedRNNCells: 'several GRU layers with return_sequences=True',
  SpatialDropout1D: "a GRU's own dropout, which drops the same features at every step",
  BatchNormalization: 'LayerNormalization',
  RMSNormalization: 'LayerNormalization',
  Rescaling: 'a normalizer beside the model',
  Normalization: 'a normalizer beside the model',
  TextVectorization: 'a text vectorizer beside the model',
}

/**
 * @param rank - dimensions of the layer's input
 * @returns undefined for layers that compute nothing
 * @throws GrusError CORRUPT_FILE, UNSUPPORTED naming layer, class and option
 */
export function readLayer(reading: Reading, kind: string, config: unknown, rank: number): LayerSpec | undefined {
  const fields = new Fields(reading, placeOf(kind, config), config)
  checkPrecision(fields)
  if (fields.get('trainable') === false) fields.note('it is frozen there; here all weights are trained')
  fields.pass(...common)
  const spec = activationClasses.includes(kind) ? activationOf(reading, kind, fields) : read(kind, fields, rank)
  fields.done()
  return spec
}

function placeOf(kind: string, config: unknown): string {
  const name = isObject(config) ? config.name : undefined
  return typeof name === 'string' ? `layer ${describe(name)} (${kind})` : `a layer ${kind}`
}

function activationOf(reading: Reading, kind: string, fields: Fields): LayerSpec {
  return { type: 'activation', activation: readActivationLayer(reading, kind, fields)! }
}

function read(kind: string, fields: Fields, rank: number): LayerSpec | undefined {
  switch (kind) {
    case 'Embedding':
      return readEmbedding(fields)
    case 'Masking':
      return { type: 'masking', maskValue: fields.number('mask_value', 0) }
    case 'GRU':
      return readGru(fields)
    case 'Bidirectional':
      return readBidirectional(fields)
    case 'Dense':
      return readDense(fields)
    case 'TimeDistributed':
      return readTimeDistributed(fields)
    case 'Dropout':
      fields.pass('seed').training('noise_shape')
      return { type: 'dropout', rate: fields.number('rate') }
    case 'LayerNormalization':
      return readLayerNormalization(fields, rank)
    default: {
      const near = Object.hasOwn(nearest, kind) ? `; the nearest is ${nearest[kind]}` : ''
      throw fields.reading.errors.unsupported(`${fields.place} is none of the layers that grus has (${supported})${near}`)
    }
  }
}

function readEmbedding(fields: Fields): LayerSpec {
  fields.pass('sparse').training('embeddings_constraint', 'activity_regularizer')
  const embeddingsRegularizer = readRegularizer(fields, 'embeddings_regularizer')
  return {
    type: 'embedding',
    inputDim: fields.size('input_dim'),
    outputDim: fields.size('output_dim'),
    maskZero: fields.flag('mask_zero', false),
    embeddingsInitializer: readInitializer(fields, 'embeddings_initializer', 'uniform'),
    ...(embeddingsRegularizer && { embeddingsRegularizer }),
  }
}

function gateActivation(fields: Fields, key: string, fallback: string): Activation {
  const activation = readActivation(fields.reading, `${fields.place}: ${key}`, fields.get(key) === undefined ? fallback : fields.get(key))
  if (activation !== 'softmax') return activation
  throw fields.unsupported(key, "'softmax' couples the units, grus' gates act on each of them; the nearest is 'sigmoid'")
}

function readGru(fields: Fields): GruSpec {
  const { dialect } = fields.reading
  fields.pass('unroll', 'implementation', 'use_cudnn', 'seed')
  fields.training('recurrent_dropout', 'activity_regularizer', 'kernel_constraint', 'recurrent_constraint', 'bias_constraint')
  if (fields.flag('time_major', false)) throw fields.unsupported('time_major', 'must be false: sequences are [B, T, I] here')
  if (fields.flag('return_state', false))
    throw fields.unsupported('return_state', 'must be false: it makes two outputs; stateful layers keep their state')
  const regularizers = {
    kernelRegularizer: readRegularizer(fields, 'kernel_regularizer'),
    recurrentRegularizer: readRegularizer(fields, 'recurrent_regularizer'),
    biasRegularizer: readRegularizer(fields, 'bias_regularizer'),
  }
  const spec: GruSpec = {
    type: 'gru',
    units: fields.size('units'),
    activation: gateActivation(fields, 'activation', 'tanh'),
    recurrentActivation: gateActivation(fields, 'recurrent_activation', dialect.recurrentActivation),
    useBias: fields.flag('use_bias', true),
    resetAfter: fields.flag('reset_after', dialect.resetAfter),
    updateGate: 'keep',
    returnSequences: fields.flag('return_sequences', false),
    returnState: false,
    goBackwards: fields.flag('go_backwards', false),
    alignOutput: false,
    stateful: fields.flag('stateful', false),
    zeroOutputForMask: fields.flag('zero_output_for_mask', false),
    dropout: fields.number('dropout', 0),
    kernelInitializer: readInitializer(fields, 'kernel_initializer', 'glorotUniform'),
    recurrentInitializer: readInitializer(fields, 'recurrent_initializer', 'orthogonal'),
    biasInitializer: readInitializer(fields, 'bias_initializer', 'zeros'),
    ...Object.fromEntries(Object.entries(regularizers).filter(([, given]) => given)),
  }
  if (spec.zeroOutputForMask && !spec.returnSequences) {
    fields.note(
      'zero_output_for_mask does nothing without return_sequences, as documented; TensorFlow and JAX put out 0 where the last step is masked',
    )
  }
  return spec
}

function readBidirectional(fields: Fields): LayerSpec {
  const mode = fields.get('merge_mode') === undefined ? 'concat' : fields.get('merge_mode')
  const mergeMode = (['concat', 'sum', 'mul', 'ave'] as const).find((known) => known === mode)
  if (!mergeMode)
    throw fields.unsupported(
      'merge_mode',
      `must be 'concat', 'sum', 'mul' or 'ave', got ${describe(mode)}: two outputs cannot be kept apart`,
    )
  if (fields.flag('return_state', false)) throw fields.unsupported('return_state', 'must be false: it makes several outputs')
  fields.pass('return_sequences', 'stateful', 'go_backwards', 'weights')
  const layer = innerGru(fields, 'layer')
  if (layer.goBackwards) throw fields.unsupported('layer', 'must not have go_backwards: the second layer runs backwards')
  const backward = fields.has('backward_layer') ? innerGru(fields, 'backward_layer') : undefined
  if (backward && !backward.goBackwards) throw fields.unsupported('backward_layer', 'must have go_backwards')
  const direction = (spec: GruSpec): GruSpec => ({
    ...spec,
    goBackwards: false,
    zeroOutputForMask: fields.reading.dialect.bidirectionalZeroes ? spec.returnSequences : spec.zeroOutputForMask,
  })
  const [first, second] = [direction(layer), backward && direction(backward)]
  const own = second && JSON.stringify(first) !== JSON.stringify(second)
  return { type: 'bidirectional', layer: first, mergeMode, ...(own && { backwardLayer: second }) }
}

function innerGru(fields: Fields, key: string): GruSpec {
  const { kind, config } = innerLayer(fields, key)
  if (kind !== 'GRU')
    throw fields.unsupported(key, `must be a GRU, got ${kind}${Object.hasOwn(nearest, kind) ? `; the nearest is ${nearest[kind]}` : ''}`)
  return readLayer(fields.reading, kind, config, 3) as GruSpec
}

function innerLayer(fields: Fields, key: string): { kind: string; config: unknown } {
  const value = fields.get(key)
  if (!isObject(value) || typeof value.class_name !== 'string') throw fields.corrupt(key, 'an object with class_name and config', value)
  return { kind: value.class_name, config: value.config }
}

function readDense(fields: Fields): LayerSpec {
  fields.training('activity_regularizer', 'kernel_constraint', 'bias_constraint')
  const kernelRegularizer = readRegularizer(fields, 'kernel_regularizer')
  const biasRegularizer = readRegularizer(fields, 'bias_regularizer')
  return {
    type: 'dense',
    units: fields.size('units'),
    activation: readActivation(fields.reading, `${fields.place}: activation`, fields.get('activation')),
    useBias: fields.flag('use_bias', true),
    kernelInitializer: readInitializer(fields, 'kernel_initializer', 'glorotUniform'),
    biasInitializer: readInitializer(fields, 'bias_initializer', 'zeros'),
    ...(kernelRegularizer && { kernelRegularizer }),
    ...(biasRegularizer && { biasRegularizer }),
  }
}

function readTimeDistributed(fields: Fields): LayerSpec | undefined {
  const { kind, config } = innerLayer(fields, 'layer')
  if (kind !== 'Dense')
    throw fields.unsupported('layer', `must be a Dense, got ${kind}: other layers act on each step without TimeDistributed`)
  return readLayer(fields.reading, kind, config, 2)
}

function readLayerNormalization(fields: Fields, rank: number): LayerSpec {
  fields.training('beta_regularizer', 'gamma_regularizer', 'beta_constraint', 'gamma_constraint')
  const axis = fields.get('axis') ?? -1
  const only = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis
  if (only !== -1 && only !== rank - 1) throw fields.unsupported('axis', `must be -1, the features, got ${describe(axis)}`)
  if (fields.flag('rms_scaling', false)) throw fields.unsupported('rms_scaling', 'must be false: the mean is taken off here')
  return {
    type: 'layerNormalization',
    epsilon: fields.number('epsilon', 1e-3),
    center: fields.flag('center', true),
    scale: fields.flag('scale', true),
    betaInitializer: readInitializer(fields, 'beta_initializer', 'zeros'),
    gammaInitializer: readInitializer(fields, 'gamma_initializer', 'ones'),
  }
}

/** @throws UNSUPPORTED for quantised layers */
function checkPrecision(fields: Fields): void {
  const dtype = fields.get('dtype')
  const config = isObject(dtype) ? dtype.config : undefined
  const name = isObject(config) ? config.name : dtype
  if (isObject(dtype) && dtype.class_name === 'QuantizedDTypePolicy') {
    throw fields.unsupported('dtype', `${describe(name)} is a quantised one; save the model before it is quantised`)
  }
  if (typeof name === 'string' && !['float32', 'int32', 'int64'].includes(name))
    fields.note(`computed in float32 here, in ${describe(name)} there`)
}
