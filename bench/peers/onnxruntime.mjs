// onnxruntime-node: a session of one GRU node, for inference.
import { createRequire } from 'node:module'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { gruModel } from './onnx.mjs'
import { read, serve } from './serve.mjs'

const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json')

await serve({ name: 'onnxruntime', version }, async (workload, arrays, threads) => {
  const names = ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
  const weights = Object.fromEntries(names.map((name) => [name, read(arrays[`weights.${name}`]).data]))
  const session = await InferenceSession.create(gruModel(workload, weights), {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  })
  const x = read(arrays.x)
  const feeds = { X: new Tensor('float32', x.data, x.shape) }
  const { steps, batch, hidden } = workload
  return {
    engine: `onnxruntime ${version}`,
    async once() {
      const { Y, Y_h } = await session.run(feeds)
      return { y: { data: Y.data, shape: [steps, batch, hidden] }, hy: { data: Y_h.data, shape: Y_h.dims } }
    },
    sample: () => session.run(feeds),
    dispose: () => session.release(),
  }
})
