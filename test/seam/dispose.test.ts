// The end of a model: twice, before its use, while it works. And that a step in steady state allocates nothing.
import { describe, expect, it } from 'vitest'
import { dense, embedding, Gru, GrusError, gru, type Model, sequential, Trainer, tensor } from '../../lib/index.js'
import { native } from '../../lib/native.js'
import { devices } from '../support/devices.js'
import { source, uniform } from '../support/random.js'
import * as models from './native-models.js'

const code = async (work: Promise<unknown> | (() => unknown)): Promise<string> => {
  try {
    await (typeof work === 'function' ? work() : work)
    return 'fulfilled'
  } catch (error) {
    return error instanceof GrusError ? error.code : `not a GrusError: ${String(error)}`
  }
}

describe.each(devices())('on $device', ({ device }) => {
  const make = (): Model => sequential([gru({ units: 4, inputSize: 2 }), dense({ units: 1 })], { device, seed: 1, threads: 1 })
  const x = tensor(new Float32Array(24), [3, 4, 2])
  const y = tensor(new Float32Array(3), [3, 1])

  it('a model is disposed twice, and refuses work after it', async () => {
    const model = make()
    const trainer = new Trainer(model, { loss: 'mse' })
    await model.predict(x)
    model.dispose()
    model.dispose()
    model[Symbol.dispose]()
    const work: [string, () => unknown][] = [
      ['predict', () => model.predict(x)],
      ['predictSync', () => model.predictSync(x)],
      ['predictWithStates', () => model.predictWithStates(x)],
      ['forward', () => model.forward(x)],
      ['backward', () => model.backward(y)],
      ['getWeights', () => model.getWeights()],
      ['setWeights', () => model.setWeights({})],
      ['resetStates', () => model.resetStates()],
      ['save', () => model.save('/nowhere/model.safetensors')],
      ['loadStateDict', () => model.loadStateDict('/nowhere/model.pt')],
      ['fit', () => trainer.fit({ x, y })],
      ['evaluate', () => trainer.evaluate({ x, y })],
      ['update', () => trainer.update()],
    ]
    for (const [name, call] of work) expect(await code(call), name).toBe('DISPOSED')
  })

  it('a model that was never built is disposed', async () => {
    const model = make()
    model.dispose()
    expect(await code(() => model.predict(x))).toBe('DISPOSED')
    expect(await code(() => model.build(2))).toBe('DISPOSED')
  })

  it('a Gru is disposed twice, and refuses work after it', async () => {
    const cell = new Gru({ inputSize: 2, hiddenSize: 3, device })
    await cell.forward(x, { training: true })
    cell.dispose()
    cell.dispose()
    cell[Symbol.dispose]()
    expect(await code(() => cell.forward(x))).toBe('DISPOSED')
    expect(await code(() => cell.forwardSync(x))).toBe('DISPOSED')
    expect(await code(() => cell.backward({ dy: tensor(new Float32Array(36), [3, 4, 3]) }))).toBe('DISPOSED')
    expect(await code(() => cell.setParameters({}))).toBe('DISPOSED')
    expect(await code(() => cell.loadStateDict('/nowhere/gru.pt'))).toBe('DISPOSED')
  })

  it('an engine that never had work is freed by its own thread', async () => {
    const engines = [
      new (native().Session)(models.features(), models.engine(device, 1)),
      new (native().Gru)(models.gruOptions(2, 3), models.engine(device, 1)),
    ]
    for (const engine of engines) {
      expect(engine.memory().bytes).toBeGreaterThan(0)
      engine.dispose()
      await expect.poll(() => engine.memory().bytes).toBe(0)
      engine.dispose()
    }
  })

  it('a session disposed with work in flight ends or rejects every job', async () => {
    const rows = 1024
    const large = { batch: rows, steps: 20, x: new Float32Array(rows * 20 * 2), y: new Int32Array(rows) }
    const all: string[] = []
    for (let round = 0; round < 10; ++round) {
      const session = new (native().Session)(models.features(), models.engine(device, 2))
      await session.configure(models.training())
      const jobs = Array.from({ length: 30 }, () => session.trainStep(large, 0.01))
      session.dispose()
      session.dispose()
      const results = await Promise.all(jobs.map(code))
      expect(results.filter((r) => r !== 'DISPOSED' && r !== 'fulfilled')).toEqual([])
      expect(results.lastIndexOf('fulfilled')).toBeLessThan(results.includes('DISPOSED') ? results.indexOf('DISPOSED') : 30)
      expect(await code(() => session.predict(models.featureBatch()))).toBe('DISPOSED')
      all.push(...results)
    }
    expect(all).toContain('DISPOSED') // in one round at least, the work was not done before the end
  })

  it('a model disposed in the middle of fit rejects the fit', async () => {
    const model = make()
    const trainer = new Trainer(model, { loss: 'mse' })
    const big = 512
    const fit = trainer.fit(
      { x: tensor(new Float32Array(big * 8), [big, 4, 2]), y: tensor(new Float32Array(big), [big, 1]) },
      { epochs: 100_000, batchSize: 8, verbose: false },
    )
    setTimeout(() => model.dispose(), 50)
    expect(await code(fit)).toBe('DISPOSED')
  })

  it('a step in steady state makes no allocation', async () => {
    const random = source(4)
    const layers = [
      embedding({ inputDim: 20, outputDim: 6, maskZero: true }),
      gru({ units: 16, returnSequences: true, dropout: 0.2 }),
      gru({ units: 8 }),
      dense({ units: 3, activation: 'softmax' }),
    ]
    using model = sequential(layers, { device, seed: 1 })
    const trainer = new Trainer(model, { loss: 'sparseCategoricalCrossentropy', optimizer: 'adam', metrics: ['accuracy'] })
    const rows = 96
    const ids = tensor(Int32Array.from(uniform(random, rows * 10, 0, 19.99)), [rows, 10])
    const labels = tensor(Int32Array.from(uniform(random, rows, 0, 2.99)), [rows])
    const fit = (epochs: number): Promise<unknown> => trainer.fit({ x: ids, y: labels }, { epochs, batchSize: 32, verbose: false })
    await fit(1)
    const held = () => {
      const { allocations, bytes } = model.memory()
      return { allocations, bytes }
    }
    const before = held()
    await fit(20)
    expect(held()).toEqual(before)
    await model.predict(ids)
    const predicted = held()
    for (let i = 0; i < 20; ++i) await model.predict(ids)
    await fit(2)
    expect(held()).toEqual(predicted)
    expect(model.memory().graphs === undefined).toBe(model.device === 'cpu')
    expect(before.allocations).toBeGreaterThan(0)
  })

  it('a Gru in steady state makes no allocation', async () => {
    const cell = new (native().Gru)(models.gruOptions(2, 3), models.engine(device, 1))
    const call = { batch: 3, steps: 4, timeMajor: false, training: true, x: new Float32Array(24) }
    const step = async (): Promise<void> => {
      await cell.forward(call)
      await cell.backward({ dy: new Float32Array(36) })
    }
    await step()
    const before = cell.memory()
    for (let i = 0; i < 20; ++i) await step()
    expect(cell.memory()).toEqual(before)
    cell.dispose()
  })
})
