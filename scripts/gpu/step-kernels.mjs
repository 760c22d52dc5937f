// A few training steps without graphs, for a profiler: node scripts/gpu/step-kernels.mjs <hidden> <batch> <steps> <epochs>; an epoch has
// 4 batches
const { adam, dense, embedding, gru, sequential, sparseCategoricalCrossentropy, Trainer, tensor } = await import('../../dist/index.js')
const [hidden, batch, steps, epochs] = process.argv.slice(2).map(Number)
const model = sequential(
  [embedding({ inputDim: 1000, outputDim: hidden }), gru({ units: hidden }), dense({ units: 57, activation: 'softmax' })],
  { device: 'cuda', seed: 1, graphs: false },
)
const trainer = new Trainer(model, { optimizer: adam(), loss: sparseCategoricalCrossentropy() })
const rows = 4 * batch
const x = tensor(
  Int32Array.from({ length: rows * steps }, (_, i) => (i * 7919) % 1000),
  [rows, steps],
)
const y = tensor(
  Int32Array.from({ length: rows }, (_, i) => i % 57),
  [rows],
)
await trainer.fit({ x, y }, { batchSize: batch, epochs, verbose: false })
console.log(model.engine)
model.dispose()
