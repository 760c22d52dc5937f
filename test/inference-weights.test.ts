// inferenceWeights: 'bfloat16': what it changes, and what it leaves alone. Its numbers are held by test/native/gru_halves_test.cc.
import { expect, test } from 'vitest'
import { adam, dense, Gru, gru, sequential, Trainer, tensor } from '../lib/index.js'
import { thrown } from './support/errors.js'

const values = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7) * 0.8)
const x = tensor(values(3 * 5 * 12), [3, 5, 12])

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!))
  return largest
}

test('inference moves a little, training not at all', async () => {
  const options = { inputSize: 12, hiddenSize: 40, device: 'cpu', seed: 3 } as const
  using full = new Gru(options)
  using half = new Gru({ ...options, inferenceWeights: 'bfloat16' })
  expect(half.engine).toBe(`${full.engine}, inference with bfloat16 weights`)
  expect(half.parameters).toEqual(full.parameters)
  const [exact, rounded] = [await full.forward(x), await half.forward(x)]
  const moved = largestDifference(exact.y.data, rounded.y.data)
  expect(moved).toBeGreaterThan(1e-5)
  expect(moved).toBeLessThan(5e-3)
  expect(half.forwardSync(x)).toEqual(rounded)
  expect(await half.forward(x, { training: true })).toEqual(await full.forward(x, { training: true }))
  const dy = tensor(values(3 * 5 * 40), [3, 5, 40])
  expect(await half.backward({ dy })).toEqual(await full.backward({ dy }))
  expect(await half.forward(x)).toEqual(rounded)
})

test('a model learns the same weights with it, and predicts with new ones at once', async () => {
  const train = async (inferenceWeights: 'float32' | 'bfloat16') => {
    using model = sequential([gru({ units: 24 }), dense({ units: 1 })], { seed: 5, inputSize: 12, device: 'cpu', inferenceWeights })
    const before = (await model.predict(x)).data.slice()
    const trainer = new Trainer(model, { optimizer: adam({ learningRate: 0.01 }), loss: 'mse' })
    await trainer.fit({ x, y: tensor(Float32Array.of(1, -1, 0.5), [3, 1]) }, { epochs: 4, batchSize: 2, verbose: false })
    return { before, after: (await model.predict(x)).data.slice(), weights: await model.getWeights() }
  }
  const [full, half] = [await train('float32'), await train('bfloat16')]
  expect(half.weights).toEqual(full.weights)
  expect(largestDifference(half.after, full.after)).toBeLessThan(1e-2)
  expect(largestDifference(half.after, half.before)).toBeGreaterThan(1e-2)
})

test('only the CPU has it, and only two types', () => {
  expect(thrown(() => new Gru({ inputSize: 1, hiddenSize: 1, inferenceWeights: 'int8' as 'bfloat16' }))).toContain("'float32', 'bfloat16'")
  const onGpu = { inputSize: 1, hiddenSize: 1, device: 'cuda', inferenceWeights: 'bfloat16' } as const
  expect(() => new Gru(onGpu)).toThrow(/is the CPU's|cannot be used here/) // the second where there is no GPU
  using automatic = new Gru({ inputSize: 1, hiddenSize: 1, device: 'auto', inferenceWeights: 'bfloat16' })
  expect(automatic.device).toBe('cpu')
})
