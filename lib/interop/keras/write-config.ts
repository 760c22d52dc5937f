// Our layers as Keras 3 configures them.
import type { NamedLayer, PlacedLayer } from '../../spec/network.js'
import type { Activation, GruSpec } from '../../spec/types.js'
import { describe } from '../../tensor.js'
import type { errorsOf, ModelData } from '../model-data.js'
import { writeActivation } from './activations.js'
import { writeInitializer, writeRegularizer } from './drawing.js'

type Errors = ReturnType<typeof errorsOf>
type Config = Record<string, unknown>

const float32: Config = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null }

/**
 * The content of config.json: a Sequential model.
 *
 * @param batchSize - null: any
 * @throws UNSUPPORTED naming what Keras has not; INVALID_ARGUMENT for a stateful layer without a batch size
 */
export function writeConfig(errors: Errors, data: ModelData, placed: readonly PlacedLayer[], batchSize: number | null): unknown {
  const ids = data.layers[0]!.type === 'embedding'
  const input = ids ? [batchSize, null] : data.sequence ? [batchSize, null, data.inputSize] : [batchSize, data.inputSize]
  const inputLayer = layerOf('InputLayer', {
    batch_shape: input,
    dtype: ids ? 'int32' : 'float32',
    sparse: false,
    ragged: false,
    name: 'grus_input',
  })
  const names = new Set(data.layers.map(({ name }) => name))
  for (let n = 1; names.has(String(inputLayer.config.name)); ++n) inputLayer.config.name = `grus_input_${n}`
  const layers = [inputLayer, ...placed.map((layer) => writeLayer(errors, layer, batchSize))]
  return {
    module: 'keras',
    class_name: 'Sequential',
    config: { name: data.name, trainable: true, dtype: float32, layers, build_input_shape: input },
    registered_name: null,
    build_config: { input_shape: input },
  }
}

function layerOf(kind: string, config: Config): { module: string; class_name: string; config: Config; registered_name: null } {
  return { module: 'keras.layers', class_name: kind, config, registered_name: null }
}

function writeLayer(errors: Errors, { spec }: PlacedLayer, batchSize: number | null): unknown {
  const common = { name: spec.name, trainable: true, dtype: float32 }
  switch (spec.type) {
    case 'embedding':
      return layerOf('Embedding', {
        ...common,
        input_dim: spec.inputDim,
        output_dim: spec.outputDim,
        mask_zero: spec.maskZero,
        embeddings_initializer: writeInitializer(spec.embeddingsInitializer),
        embeddings_regularizer: writeRegularizer(spec.embeddingsRegularizer),
      })
    case 'masking':
      return layerOf('Masking', { ...common, mask_value: spec.maskValue })
    case 'dropout':
      return layerOf('Dropout', { ...common, rate: spec.rate })
    case 'activation':
      return layerOf('Activation', { ...common, activation: activationOf(errors, spec, 'activation', spec.activation) })
    case 'layerNormalization':
      return layerOf('LayerNormalization', {
        ...common,
        axis: -1,
        epsilon: spec.epsilon,
        center: spec.center,
        scale: spec.scale,
        beta_initializer: writeInitializer(spec.betaInitializer),
        gamma_initializer: writeInitializer(spec.gammaInitializer),
      })
    case 'dense':
      return layerOf('Dense', {
        ...common,
        units: spec.units,
        activation: activationOf(errors, spec, 'activation', spec.activation),
        use_bias: spec.useBias,
        kernel_initializer: writeInitializer(spec.kernelInitializer),
        bias_initializer: writeInitializer(spec.biasInitializer),
        kernel_regularizer: writeRegularizer(spec.kernelRegularizer),
        bias_regularizer: writeRegularizer(spec.biasRegularizer),
      })
    case 'gru':
      return writeGru(errors, spec, spec, common, batchSize)
    case 'bidirectional': {
      const direction = (gru: GruSpec, way: string): unknown =>
        writeGru(errors, spec, { ...gru, goBackwards: way === 'backward' }, { ...common, name: `${way}_${spec.name}` }, batchSize)
      const backward = direction(spec.backwardLayer ?? spec.layer, 'backward')
      return layerOf('Bidirectional', {
        ...common,
        merge_mode: spec.mergeMode,
        layer: direction(spec.layer, 'forward'),
        backward_layer: backward,
      })
    }
  }
}

function writeGru(errors: Errors, layer: NamedLayer, gru: GruSpec, common: Config, batchSize: number | null): unknown {
  if (gru.clip !== undefined)
    throw errors.unsupported(`layer '${layer.name}': clip ${gru.clip}: a GRU of Keras clips nothing; leave clip out`)
  if (gru.alignOutput) {
    throw errors.unsupported(
      `layer '${layer.name}': alignOutput: Keras returns the steps of go_backwards in the order they are computed; leave it out`,
    )
  }
  if (gru.stateful && batchSize === null) {
    throw errors.invalid(`layer '${layer.name}' is stateful: Keras fixes the batch size of such a model, say it as { batchSize }`)
  }
  return layerOf('GRU', {
    ...common,
    units: gru.units,
    activation: activationOf(errors, layer, 'activation', gru.activation),
    recurrent_activation: activationOf(errors, layer, 'recurrentActivation', gru.recurrentActivation),
    use_bias: gru.useBias,
    reset_after: gru.resetAfter,
    return_sequences: gru.returnSequences,
    return_state: false,
    go_backwards: gru.goBackwards,
    stateful: gru.stateful,
    zero_output_for_mask: gru.zeroOutputForMask,
    dropout: gru.dropout,
    recurrent_dropout: 0,
    kernel_initializer: writeInitializer(gru.kernelInitializer),
    recurrent_initializer: writeInitializer(gru.recurrentInitializer),
    bias_initializer: writeInitializer(gru.biasInitializer),
    kernel_regularizer: writeRegularizer(gru.kernelRegularizer),
    recurrent_regularizer: writeRegularizer(gru.recurrentRegularizer),
    bias_regularizer: writeRegularizer(gru.biasRegularizer),
  })
}

function activationOf(errors: Errors, layer: NamedLayer, option: string, activation: Activation | 'softmax'): unknown {
  const written = writeActivation(activation)
  if (written !== undefined) return written
  const { name, ...constants } = typeof activation === 'string' ? { name: activation } : activation
  const given = Object.entries(constants).map(([key, value]) => ` ${key} ${value}`)
  const hint =
    name === 'hardSigmoid'
      ? "its hard_sigmoid is { name: 'hardSigmoid', alpha: 1 / 6 }"
      : 'it has linear, relu, tanh, sigmoid, softsign, softplus, leakyRelu, elu, hardSigmoid with alpha 1 / 6'
  throw errors.unsupported(`layer '${layer.name}': ${option} ${describe(name)}${given}: Keras has none such; ${hint}`)
}
