// TensorFlow.js without native code, for the record: the backend `cpu` in plain JavaScript or `wasm`. Its GRU resets before the product, so
// that weights of ours would give other results; it draws its own.
import { createRequire } from 'node:module'
import { read, serve } from './serve.mjs'

const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs')
const [backend] = process.argv.slice(2)
if (backend === 'wasm') require('@tensorflow/tfjs-backend-wasm')
await tf.setBackend(backend)
await tf.ready()

await serve({ name: `tfjs ${backend}`, version: tf.version_core }, ({ steps, batch, input, hidden }, arrays) => {
  const model = tf.sequential({ layers: [tf.layers.gru({ units: hidden, inputShape: [steps, input], returnSequences: true })] })
  const x = tf.tensor(read(arrays.x).data, [batch, steps, input])
  const sample = async () => {
    const y = model.predict(x)
    await y.data()
    y.dispose()
  }
  const once = async () => {
    await sample()
    return {}
  }
  return { engine: `tfjs ${tf.version_core} ${tf.getBackend()}`, once, sample, dispose: () => void [model.dispose(), x.dispose()] }
})
