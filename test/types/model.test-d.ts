import { expectTypeOf, test } from 'vitest'
import {
  activation,
  adam,
  bidirectional,
  dense,
  dropout,
  embedding,
  type FloatTensor,
  Gru,
  type GruSpec,
  GrusError,
  type GrusErrorCode,
  gru,
  type LayerSpec,
  layerNormalization,
  loadModel,
  type Model,
  masking,
  sequential,
  sgd,
  type Tensor,
  Trainer,
  tensor,
  topK,
} from '../../lib/index.js'

const model = sequential([gru({ units: 2 })])
const x = tensor([[[1]]])

test('a wrong option name does not compile', () => {
  // @ts-expect-error unit
  gru({ unit: 3 })
  // @ts-expect-error returnsequences
  gru({ units: 3, returnsequences: true })
  // @ts-expect-error vocabulary
  embedding({ inputDim: 3, outputDim: 2, vocabulary: 3 })
  // @ts-expect-error merge
  bidirectional(gru({ units: 2 }), { merge: 'sum' })
  // @ts-expect-error eps
  layerNormalization({ eps: 1e-5 })
  // @ts-expect-error mask_value
  masking({ mask_value: 0 })
  // @ts-expect-error p
  dropout({ p: 0.5 })
  // @ts-expect-error lr
  adam({ lr: 0.1 })
  // @ts-expect-error beta1 is not sgd's
  sgd({ beta1: 0.9 })
  // @ts-expect-error threshold is not topK's
  topK({ threshold: 1 })
  // @ts-expect-error gpu
  sequential([gru({ units: 2 })], { gpu: true })
  // @ts-expect-error hidden
  new Gru({ inputSize: 1, hidden: 2 })
  // @ts-expect-error batch
  model.predict(x, { batch: 3 })
  // @ts-expect-error results are float32
  model.predictSync(x, { out: new Int32Array(1) })
})

test('a missing field does not compile', () => {
  // @ts-expect-error units
  gru({})
  // @ts-expect-error units
  dense({ activation: 'relu' })
  // @ts-expect-error outputDim
  embedding({ inputDim: 3 })
  // @ts-expect-error rate
  dropout({})
  // @ts-expect-error hiddenSize
  new Gru({ inputSize: 1 })
  // @ts-expect-error loss
  new Trainer(model, { optimizer: 'adam' })
})

test('a wrong value does not compile', () => {
  // @ts-expect-error not an activation
  gru({ units: 3, activation: 'swish' })
  // @ts-expect-error softmax is not a gru's
  gru({ units: 3, activation: 'softmax' })
  // @ts-expect-error not an initializer
  gru({ units: 3, kernelInitializer: { name: 'constant' } })
  // @ts-expect-error not a number
  gru({ units: '3' })
  // @ts-expect-error only a gru can run both ways
  bidirectional(dense({ units: 2 }))
  // @ts-expect-error not a loss
  new Trainer(model, { loss: 'crossentropy' })
  // @ts-expect-error not an optimizer
  new Trainer(model, { loss: 'mse', optimizer: 'lion' })
  // @ts-expect-error not a metric
  new Trainer(model, { loss: 'mse', metrics: ['loss'] })
  // @ts-expect-error not a device
  sequential([gru({ units: 2 })], { device: 'gpu' })
  // @ts-expect-error a string is no data
  model.predict('x')
  // @ts-expect-error not an error's code
  new GrusError('NOT_FOUND', 'message')
})

test('what does compile', () => {
  gru({ units: 3, activation: { name: 'leakyRelu', alpha: 0.1 }, kernelInitializer: { name: 'uniform', min: -1, max: 1 } })
  new Trainer(model, { optimizer: adam({ learningRate: 1e-3 }), loss: 'mse', metrics: ['mae', topK({ k: 3 })] })
  new Gru({ inputSize: 1, hiddenSize: 2, direction: 'both', activation: ['tanh', { name: 'relu' }] })
  model.predict([[[1, 2]]], { lengths: [2], signal: new AbortController().signal })
})

test('types of results', () => {
  expectTypeOf(gru({ units: 2 })).toExtend<LayerSpec>()
  expectTypeOf(gru({ units: 2 }).units).toEqualTypeOf<number>()
  expectTypeOf(gru({ units: 2 }).returnSequences).toEqualTypeOf<boolean>()
  expectTypeOf([layerNormalization(), activation({ activation: 'softmax' }), masking({ maskValue: -1 })]).toExtend<LayerSpec[]>()
  expectTypeOf(bidirectional(gru({ units: 2 }), { backwardLayer: gru({ units: 2 }) }).backwardLayer).toEqualTypeOf<GruSpec | undefined>()
  expectTypeOf(bidirectional(gru({ units: 2 })).layer.type).toEqualTypeOf<'gru'>()
  expectTypeOf<LayerSpec['type']>().toEqualTypeOf<
    'embedding' | 'gru' | 'bidirectional' | 'dense' | 'dropout' | 'layerNormalization' | 'activation' | 'masking'
  >()
  expectTypeOf(sequential).returns.toEqualTypeOf<Model>()
  expectTypeOf(loadModel).returns.resolves.toEqualTypeOf<Model>()
  expectTypeOf(model.predict).returns.resolves.toEqualTypeOf<FloatTensor>()
  expectTypeOf(model.predictSync).returns.toEqualTypeOf<FloatTensor>()
  expectTypeOf(new Gru({ inputSize: 1, hiddenSize: 1 }).forwardSync).returns.toEqualTypeOf<{ y: FloatTensor; hy: FloatTensor }>()
  expectTypeOf(model.getWeights).returns.resolves.toEqualTypeOf<Map<string, FloatTensor>>()
  expectTypeOf<FloatTensor>().toExtend<Tensor>()
  expectTypeOf(model.device).toEqualTypeOf<'cpu' | 'cuda' | `cuda:${number}`>()
  expectTypeOf(tensor([1]).data).toEqualTypeOf<Float32Array | Int32Array>()
  expectTypeOf<GrusError['code']>().toEqualTypeOf<GrusErrorCode>()
  expectTypeOf(new Gru({ inputSize: 1, hiddenSize: 1 }).backward).returns.resolves.toHaveProperty('gradients')
})

test('a layer is told apart by its type', () => {
  const spec = gru({ units: 2 }) as LayerSpec
  if (spec.type === 'bidirectional') expectTypeOf(spec.mergeMode).toEqualTypeOf<'concat' | 'sum' | 'mul' | 'ave'>()
  // @ts-expect-error not every layer has units
  spec.units
})
