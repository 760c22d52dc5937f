// Three programs write the same kind of layer configuration; where a name or a missing key means something else, it is here.

export interface Dialect {
  name: 'Keras 3' | 'Keras 2' | 'TensorFlow.js'
  /** hard_sigmoid(x) = clip(alpha x + 0.5, 0, 1). */
  hardSigmoidAlpha: number
  /** Of a GRU whose configuration does not say it. */
  resetAfter: boolean
  recurrentActivation: 'sigmoid' | 'hard_sigmoid'
  /** Bidirectional makes its layers put out 0 at masked steps when they return sequences. */
  bidirectionalZeroes: boolean
}

export const keras3: Dialect = {
  name: 'Keras 3',
  hardSigmoidAlpha: 1 / 6,
  resetAfter: true,
  recurrentActivation: 'sigmoid',
  bidirectionalZeroes: true,
}

export const keras2: Dialect = { ...keras3, name: 'Keras 2', hardSigmoidAlpha: 0.2 }

export const tfjs: Dialect = {
  name: 'TensorFlow.js',
  hardSigmoidAlpha: 0.2,
  resetAfter: false,
  recurrentActivation: 'hard_sigmoid',
  bidirectionalZeroes: false,
}
