// Training on 16-bit numbers: it learns, its weights stay float32, and steps that overflow are left out and reported.
import { describe, expect, it } from 'vitest'
import { dense, gru, type Precision, sequential, Trainer, tensor } from '../../lib/index.js'
import { toyData } from '../support/toy.js'
import { missing } from './available.js'

const layers = () => [gru({ units: 8 }), dense({ units: 1, activation: 'sigmoid' })]

describe.skipIf(missing)('mixed precision', () => {
  it.each(['tf32', 'bfloat16', 'float16'] as Precision[])('%s learns what float32 learns', async (precision) => {
    const data = toyData(256)
    const losses = await Promise.all(
      (['float32', precision] as const).map(async (kind) => {
        using model = sequential(layers(), { device: 'cuda', seed: 2, precision: kind })
        expect(model.precision).toBe(kind)
        const trainer = new Trainer(model, { loss: 'binaryCrossentropy', optimizer: 'adam' })
        trainer.learningRate = 0.02
        const { history } = await trainer.fit(data, { epochs: 15, batchSize: 32, verbose: false })
        expect('skippedSteps' in history).toBe(kind === 'float16')
        return history.loss!
      }),
    )
    const [exact, narrow] = losses as [number[], number[]]
    expect(narrow[0]! - narrow.at(-1)!).toBeGreaterThan(0.2)
    expect(Math.abs(narrow.at(-1)! - exact.at(-1)!)).toBeLessThan(0.05)
  })

  it('float16: a step whose gradients overflow changes nothing, and is counted', async () => {
    using model = sequential(layers(), { device: 'cuda', seed: 2, precision: 'float16' })
    const { x, y } = toyData(32)
    // targets of 1e6 under a squared error: gradients far beyond 65504 once they are scaled by 65536
    const far = tensor(
      Float32Array.from(y.data, (value) => value * 1e6),
      [...y.shape],
    )
    const trainer = new Trainer(model, { loss: 'mse', optimizer: 'adam' })
    const before = await model.predict(x)
    const first = await trainer.fit({ x, y: far }, { epochs: 1, batchSize: 32, verbose: false })
    expect(first.history.skippedSteps).toEqual([1])
    expect([...(await model.predict(x)).data]).toEqual([...before.data])
    const { history } = await trainer.fit({ x, y }, { epochs: 30, batchSize: 32, verbose: false })
    expect(history.skippedSteps!.at(-1)).toBe(0)
    expect(history.loss!.at(-1)!).toBeLessThan(history.loss![0]!)
  })
})
