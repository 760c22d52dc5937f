import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import type { Callback, Logs } from '../lib/callbacks/callback.js'
import { csvLogger } from '../lib/callbacks/csv-logger.js'
import { earlyStopping } from '../lib/callbacks/early-stopping.js'
import { learningRateScheduler } from '../lib/callbacks/learning-rate-scheduler.js'
import { modelCheckpoint } from '../lib/callbacks/model-checkpoint.js'
import { terminateOnNaN } from '../lib/callbacks/terminate-on-nan.js'
import { dense, gru } from '../lib/layers.js'
import { loadModel } from '../lib/load-model.js'
import { type Model, sequential } from '../lib/model.js'
import { adam, sgd } from '../lib/optimizers.js'
import { tensor } from '../lib/tensor.js'
import { Trainer } from '../lib/trainer.js'
import type { FitOptions, History } from '../lib/training/options.js'
import { testDevice } from './support/devices.js'
import { flatWeights, rowsOf, type Toy, toyData, toyModel } from './support/toy.js'
import { rejectsLater } from './support/values.js'

const quiet = { verbose: false } as const
const data = toyData(40)

function toyTrainer(model: Model = toyModel()): Trainer {
  return new Trainer(model, { optimizer: adam({ learningRate: 0.02 }), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
}

/** Weights and history of a fit from the same start. */
async function fitted(toy: Toy, options: FitOptions, seed = 7): Promise<{ weights: number[]; history: History }> {
  using model = toyModel({ seed })
  const history = await toyTrainer(model).fit(toy, { batchSize: 8, epochs: 3, ...quiet, ...options })
  return { weights: await flatWeights(model), history }
}

describe('fit', () => {
  it('learns, and tells the figures of every epoch', async () => {
    using model = toyModel()
    const trainer = toyTrainer(model)
    const { epoch, history } = await trainer.fit(data, { epochs: 30, batchSize: 8, validationData: toyData(16, 6, 2), ...quiet })
    expect(epoch).toEqual(Array.from({ length: 30 }, (_, i) => i))
    expect(Object.keys(history)).toEqual(['loss', 'accuracy', 'val_loss', 'val_accuracy', 'learningRate'])
    for (const values of Object.values(history)) expect(values).toHaveLength(30)
    expect(history.loss![29]!).toBeLessThan(0.5 * history.loss![0]!)
    expect(history.accuracy![29]!).toBeGreaterThan(0.85)
    expect(new Set(history.learningRate)).toEqual(new Set([0.02]))
  })

  it('validates on the last rows, taken before the shuffle', async () => {
    const split = await fitted(data, { validationSplit: 0.25 })
    const given = await fitted(rowsOf(data, 0, 30), { validationData: rowsOf(data, 30, 40) })
    expect(split).toEqual(given)
    expect(split.history.history.val_loss).toHaveLength(3)
  })

  it('gives the same bits for the same seed, others for another', async () => {
    const first = await fitted(data, {})
    expect(await fitted(data, {})).toEqual(first)
    expect(await fitted(data, { seed: 7 })).toEqual(first)
    expect((await fitted(data, { seed: 8 })).weights).not.toEqual(first.weights)
    expect((await fitted(data, {}, 8)).weights).not.toEqual(first.weights)
    expect((await fitted(data, { shuffle: false })).weights).not.toEqual(first.weights)
  })

  it('does not depend on who watches', async () => {
    const batches: number[] = []
    const watched = await fitted(data, { callbacks: [{ onBatchEnd: async (batch) => void batches.push(batch) }] })
    expect(watched).toEqual(await fitted(data, {}))
    expect(batches).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
  })

  it('goes on where an earlier fit ended', async () => {
    using model = toyModel()
    const trainer = toyTrainer(model)
    const first = await trainer.fit(data, { epochs: 2, batchSize: 8, ...quiet })
    const second = await trainer.fit(data, { epochs: 5, initialEpoch: 2, batchSize: 8, ...quiet })
    const whole = await fitted(data, { epochs: 5 })
    expect(second.epoch).toEqual([2, 3, 4])
    expect([...first.history.loss!, ...second.history.loss!]).toEqual(whole.history.history.loss)
    expect(await flatWeights(model)).toEqual(whole.weights)
  })

  it('takes rows in order without shuffle, the last batch short; batch logs are the means so far', async () => {
    using model = toyModel()
    const trainer = new Trainer(model, { optimizer: sgd({ learningRate: 0 }), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
    const seen: Logs[] = []
    await trainer.fit(data, { batchSize: 16, shuffle: false, ...quiet, callbacks: [{ onBatchEnd: (_, logs) => void seen.push(logs) }] })
    expect(seen).toHaveLength(3)
    for (const [batch, logs] of seen.entries()) {
      const { loss, accuracy } = await trainer.evaluate(rowsOf(data, 0, Math.min(40, 16 * (batch + 1))), { batchSize: 40 })
      expect(logs.loss).toBeCloseTo(loss, 5)
      expect(logs.accuracy).toBeCloseTo(accuracy!, 10)
    }
  })

  it('weighs classes as it weighs samples', async () => {
    const sampleWeight = tensor(Float32Array.from(data.y.data, (label) => (label === 1 ? 3 : 0.5)))
    const byClass = await fitted(data, { classWeight: { 0: 0.5, 1: 3 } })
    const bySample = await fitted({ ...data, sampleWeight } as Toy, {})
    expect(byClass).toEqual(bySample)
    expect(byClass.weights).not.toEqual((await fitted(data, {})).weights)
    const halves = await fitted({ ...data, sampleWeight: tensor(new Float32Array(40).fill(0.5)) } as Toy, { classWeight: { 0: 1, 1: 6 } })
    expect(halves).toEqual(bySample)
  })

  it('calls callbacks in order and waits for each', async () => {
    const calls: string[] = []
    const named = (name: string): Callback => {
      const note = async (text: string) => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        calls.push(`${name} ${text}`)
      }
      return {
        onTrainBegin: () => note('train begins'),
        onTrainEnd: () => note('train ends'),
        onEpochBegin: (epoch) => note(`epoch ${epoch} begins`),
        onEpochEnd: (epoch) => note(`epoch ${epoch} ends`),
        onBatchEnd: (batch) => note(`batch ${batch} ends`),
      }
    }
    await fitted(rowsOf(data, 0, 16), { epochs: 2, callbacks: [named('a'), named('b')] })
    const epoch = (e: number) => [`epoch ${e} begins`, 'batch 0 ends', 'batch 1 ends', `epoch ${e} ends`]
    const expected = ['train begins', ...epoch(0), ...epoch(1), 'train ends']
    expect(calls).toEqual(expected.flatMap((text) => [`a ${text}`, `b ${text}`]))
  })

  it('tells callbacks what the fit is like, and keeps what they add to the logs', async () => {
    let seen: unknown
    const callback: Callback = {
      onTrainBegin({ model: _, trainer: __, ...context }) {
        seen = context
      },
      onEpochEnd(epoch, logs) {
        logs.own = epoch + 0.5
      },
    }
    const { history } = await fitted(data, { validationSplit: 0.5, callbacks: [callback] })
    expect(seen).toEqual({
      epochs: 3,
      initialEpoch: 0,
      steps: 3,
      batchSize: 8,
      samples: 20,
      logNames: ['loss', 'accuracy', 'val_loss', 'val_accuracy', 'learningRate'],
      directions: { loss: 'min', accuracy: 'max' },
    })
    expect(history.history.own).toEqual([0.5, 1.5, 2.5])
  })

  it('validates every validationFreq epochs', async () => {
    const { history } = await fitted(data, { epochs: 5, validationFreq: 2, validationSplit: 0.5 })
    expect([history.history.loss!.length, history.history.val_loss!.length]).toEqual([5, 2])
  })

  it('stops after a batch or an epoch when told to', async () => {
    let batches = 0
    const stopAt = (batch: number): Callback => ({
      onBatchEnd(number, _, { trainer }) {
        batches++
        if (number === batch) trainer.stopTraining = true
      },
    })
    const { history } = await fitted(data, { callbacks: [stopAt(1)], validationSplit: 0.25 })
    expect([batches, history.epoch, history.history.val_loss!.length]).toEqual([2, [0], 1])
    const after: Callback = {
      onEpochEnd(epoch, _, { trainer }) {
        trainer.stopTraining = epoch === 1
      },
    }
    expect((await fitted(data, { epochs: 9, callbacks: [after] })).history.epoch).toEqual([0, 1])
    const before: Callback = {
      onEpochBegin(_epoch, { trainer }) {
        trainer.stopTraining = true
      },
    }
    const one = await fitted(data, { shuffle: false, callbacks: [before] })
    expect(one.history.history.loss).toEqual((await fitted(rowsOf(data, 0, 8), { epochs: 1, shuffle: false })).history.history.loss)
  })

  it('runs no epoch when they are all behind', async () => {
    expect((await fitted(data, { epochs: 2, initialEpoch: 2 })).history).toEqual({ epoch: [], history: {} })
  })

  it('learns at the rate that was set last', async () => {
    using model = toyModel()
    const trainer = toyTrainer(model)
    trainer.learningRate = 0
    const before = await (async () => {
      model.build(2)
      return flatWeights(model)
    })()
    const still = await trainer.fit(data, quiet)
    expect(await flatWeights(model)).toEqual(before)
    expect(still.history.learningRate).toEqual([0])
    const schedule = learningRateScheduler((epoch) => 0.01 * (epoch + 1))
    expect((await trainer.fit(data, { epochs: 2, callbacks: [schedule], ...quiet })).history.learningRate).toEqual([0.01, 0.02])
    expect(trainer.learningRate).toBe(0.02)
    expect(() => {
      trainer.learningRate = Number.NaN
    }).toThrow(/learningRate.*NaN/)
  })
})

describe('evaluate', () => {
  it('gives the mean over all rows, whatever the batches', async () => {
    using model = sequential([gru({ units: 3 }), dense({ units: 2 })], { seed: 3, device: testDevice })
    const trainer = new Trainer(model, { loss: 'mse', metrics: ['mae', 'rmse'] })
    const x = toyData(21).x
    const y = tensor(
      Float32Array.from({ length: 42 }, (_, i) => Math.sin(i)),
      [21, 2],
    )
    const predicted = await model.predict(x)
    const differences = [...predicted.data].map((value, i) => value - y.data[i]!)
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    const mse = mean(differences.map((d) => d * d))
    for (const batchSize of [1, 8, 32]) {
      const figures = await trainer.evaluate({ x, y }, { batchSize })
      expect(Object.keys(figures)).toEqual(['loss', 'mae', 'rmse'])
      expect(figures.loss).toBeCloseTo(mse, 6)
      expect(figures.mae).toBeCloseTo(mean(differences.map(Math.abs)), 6)
      expect(figures.rmse).toBeCloseTo(Math.sqrt(mse), 6)
    }
    const sampleWeight = tensor(Float32Array.from({ length: 21 }, (_, i) => i % 3))
    const weighted = mean(differences.map((d, i) => d * d * (Math.floor(i / 2) % 3)))
    expect((await trainer.evaluate({ x, y, sampleWeight })).loss).toBeCloseTo(weighted, 6)
  })

  it('counts only valid steps of sequences, each with its own weight', async () => {
    using model = sequential([gru({ units: 3, returnSequences: true }), dense({ units: 2 })], { seed: 4, device: testDevice })
    const trainer = new Trainer(model, { loss: 'mse', metrics: ['mae'] })
    const [rows, steps] = [5, 6]
    const { x } = toyData(rows, steps)
    const y = tensor(
      Float32Array.from({ length: rows * steps * 2 }, (_, i) => Math.cos(i)),
      [rows, steps, 2],
    )
    const lengths = [6, 2, 0, 4, 3]
    const weight = (row: number, t: number) => ((row + 2 * t) % 4) / 2
    const sampleWeight = tensor(
      Float32Array.from({ length: rows * steps }, (_, i) => weight(Math.floor(i / steps), i % steps)),
      [rows, steps],
    )
    const predicted = await model.predict(x, { lengths })
    let [loss, mae, valid] = [0, 0, 0]
    for (let row = 0; row < rows; row++) {
      for (let t = 0; t < lengths[row]!; t++, valid++) {
        const differences = [0, 1].map((k) => predicted.data[(row * steps + t) * 2 + k]! - y.data[(row * steps + t) * 2 + k]!)
        loss += (weight(row, t) * (differences[0]! ** 2 + differences[1]! ** 2)) / 2
        mae += (Math.abs(differences[0]!) + Math.abs(differences[1]!)) / 2
      }
    }
    const figures = await trainer.evaluate({ x, y, lengths, sampleWeight })
    expect(figures.loss).toBeCloseTo(loss / valid, 6)
    expect(figures.mae).toBeCloseTo(mae / valid, 6)
    const mask = tensor(
      Int32Array.from({ length: rows * steps }, (_, i) => (i % steps < lengths[Math.floor(i / steps)]! ? 1 : 0)),
      [rows, steps],
    )
    expect(await trainer.evaluate({ x, y, mask, sampleWeight })).toEqual(figures)
  })

  it('adds what regularisers ask for', async () => {
    const layers = (l2: number) => [gru({ units: 2, kernelRegularizer: { l2 } }), dense({ units: 1, activation: 'sigmoid' })]
    const loss = async (l2: number) => {
      using model = sequential(layers(l2), { seed: 5, device: testDevice })
      const { loss } = await toyTrainer(model).evaluate(data, { batchSize: 16 })
      const kernel = (await model.getWeights()).get('gru.weight_ih_l0')!.data
      return { loss, squares: [...kernel].reduce((sum, w) => sum + w * w, 0) }
    }
    const { squares, loss: plain } = await loss(0)
    expect((await loss(0.5)).loss).toBeCloseTo(plain + 0.5 * squares, 5)
  })

  it('leaves weights and optimizer as they were', async () => {
    using model = toyModel()
    const trainer = toyTrainer(model)
    await trainer.fit(data, { epochs: 2, batchSize: 8, ...quiet })
    await trainer.evaluate(toyData(10, 6, 9))
    await trainer.fit(data, { epochs: 5, initialEpoch: 2, batchSize: 8, ...quiet })
    expect(await flatWeights(model)).toEqual((await fitted(data, { epochs: 5 })).weights)
  })
})

describe('update', () => {
  it('applies the gradients of a loss made elsewhere', async () => {
    const options = { optimizer: sgd({ learningRate: 0.1 }), loss: 'mse' } as const
    using ours = toyModel()
    using theirs = toyModel()
    await new Trainer(theirs, options).fit(data, { batchSize: 40, shuffle: false, ...quiet })
    const y = await ours.forward(data.x, { training: true })
    const dy = tensor(
      Float32Array.from(y.data, (value, i) => (2 * (value - data.y.data[i]!)) / 40),
      y.shape,
    )
    await ours.backward(dy)
    await new Trainer(ours, options).update()
    const [a, b] = [await flatWeights(ours), await flatWeights(theirs)]
    a.forEach((weight, i) => {
      expect(Math.abs(weight - b[i]!)).toBeLessThan(1e-6)
    })
  })
})

describe('callbacks in a fit', () => {
  const folder = () => mkdtemp(join(tmpdir(), 'grus-'))

  it('restores the best weights', async () => {
    using model = toyModel()
    const trainer = toyTrainer(model)
    const validationData = toyData(20, 6, 3)
    const blowUp = learningRateScheduler((epoch) => (epoch < 6 ? 0.02 : 3))
    const stop = earlyStopping({ patience: 3, restoreBestWeights: true })
    const { history } = await trainer.fit(data, { epochs: 40, batchSize: 8, validationData, callbacks: [blowUp, stop], ...quiet })
    const best = Math.min(...history.val_loss!)
    expect(history.val_loss!.length).toBeLessThan(40)
    expect(history.val_loss!.at(-1)).not.toBe(best)
    expect((await trainer.evaluate(validationData, { batchSize: 8 })).loss).toBe(best)
  })

  it('writes checkpoints that load, and the history as CSV', async () => {
    const base = await folder()
    using model = toyModel()
    const callbacks = [modelCheckpoint({ path: join(base, '{epoch:02d}.safetensors') }), csvLogger({ path: join(base, 'log.csv') })]
    const { history } = await toyTrainer(model).fit(data, { epochs: 2, batchSize: 8, callbacks, ...quiet })
    using again = await loadModel(join(base, '02.safetensors'), { device: testDevice })
    expect(await again.predict(data.x)).toEqual(await model.predict(data.x))
    const rows = [0, 1].map((e) => [e, history.accuracy![e], history.learningRate![e], history.loss![e]].join())
    expect(await readFile(join(base, 'log.csv'), 'utf8')).toBe(`${['epoch,accuracy,learningRate,loss', ...rows].join('\n')}\n`)
  })

  it('ends at a loss of NaN', async () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const x = tensor(Float32Array.from(data.x.data), data.x.shape)
    x.data[17 * 12] = Number.NaN
    let batches = 0
    const count: Callback = { onBatchEnd: () => void batches++ }
    const { history } = await fitted({ x, y: data.y }, { shuffle: false, callbacks: [count, terminateOnNaN()] })
    expect([history.epoch, history.history.loss, batches]).toEqual([[0], [Number.NaN], 3])
    expect(write.mock.calls.join('')).toBe('Epoch 1, batch 3: the loss is NaN, training stops\n')
    write.mockRestore()
    expect((await fitted({ x, y: data.y }, {})).history.history.loss).toEqual([Number.NaN, Number.NaN, Number.NaN])
  })

  it.each(['onTrainBegin', 'onEpochBegin', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd'] as const)(
    'ends with the error that %s throws, and the model goes on',
    async (name) => {
      using model = toyModel()
      const trainer = toyTrainer(model)
      const thrown = new Error('of my own')
      const heard: unknown[] = []
      const failing: Callback = {
        [name]: async () => {
          throw thrown
        },
      }
      const failingAgain: Callback = {
        onTrainError() {
          throw new Error('another')
        },
      }
      const hearing: Callback = { onTrainError: (error) => void heard.push(error) }
      await expect(trainer.fit(data, { callbacks: [failing, failingAgain, hearing], ...quiet })).rejects.toBe(thrown)
      expect(heard).toEqual([thrown])
      expect((await trainer.fit(data, quiet)).epoch).toEqual([0])
    },
  )

  it('may measure between epochs, not within one', async () => {
    using model = toyModel()
    const trainer = toyTrainer(model)
    const other = toyData(10, 6, 4)
    const losses: number[] = []
    const between: Callback = { onEpochEnd: async () => void losses.push((await trainer.evaluate(other)).loss) }
    const watched = await trainer.fit(data, { epochs: 3, batchSize: 8, callbacks: [between], ...quiet })
    expect(losses.at(-1)).toBe((await trainer.evaluate(other)).loss)
    expect(watched.history).toEqual((await fitted(data, {})).history.history)
    const within: Callback = { onBatchEnd: async () => void (await trainer.evaluate(other)) }
    await rejectsLater(trainer.fit(data, { callbacks: [within], ...quiet }), 'INVALID_ARGUMENT', /fit is running/)
    const foreign: Callback = { onEpochEnd: async () => void (await toyTrainer(model).evaluate(other)) }
    await rejectsLater(trainer.fit(data, { callbacks: [foreign], ...quiet }), 'INVALID_ARGUMENT', /fit is running/)
    const careless: Callback = { onEpochEnd: () => void trainer.evaluate(other).catch(() => {}) }
    await rejectsLater(trainer.fit(data, { callbacks: [careless], ...quiet }), 'INVALID_ARGUMENT', /await/)
  })
})

describe('signals', () => {
  it('ends a fit between two batches; the model keeps what it learned and goes on', async () => {
    using model = toyModel()
    const trainer = toyTrainer(model)
    const controller = new AbortController()
    let batches = 0
    const heard: unknown[] = []
    const abort: Callback = {
      onBatchEnd(batch) {
        batches++
        if (batch === 1) controller.abort(new Error('enough'))
      },
      onTrainError: (error) => void heard.push(error),
    }
    const fit = trainer.fit(data, { epochs: 5, batchSize: 8, callbacks: [abort], signal: controller.signal, ...quiet })
    await rejectsLater(fit, 'ABORTED', /trainer\.fit/)
    expect([batches, heard.length, (heard[0] as Error).cause]).toEqual([2, 1, controller.signal.reason])
    expect((await trainer.fit(data, quiet)).epoch).toEqual([0])
  })

  it('ends a fit from outside, without a callback, and an evaluation', async () => {
    using model = toyModel()
    const trainer = toyTrainer(model)
    const long = toyData(4000, 20)
    const fit = trainer.fit(long, { epochs: 1000, batchSize: 4, signal: AbortSignal.timeout(50), ...quiet })
    await rejectsLater(fit, 'ABORTED', /trainer\.fit/)
    await rejectsLater(trainer.evaluate(long, { batchSize: 1, signal: AbortSignal.timeout(5) }), 'ABORTED', /trainer\.evaluate/)
    expect(Number.isFinite((await trainer.evaluate(data)).loss)).toBe(true)
  })

  it('changes nothing when it came before', async () => {
    using model = toyModel()
    model.build(2)
    const before = await flatWeights(model)
    const signal = AbortSignal.abort()
    await rejectsLater(toyTrainer(model).fit(data, { signal, ...quiet }), 'ABORTED', /trainer\.fit/)
    await rejectsLater(toyTrainer(model).evaluate(data, { signal }), 'ABORTED', /trainer\.evaluate/)
    expect(await flatWeights(model)).toEqual(before)
  })
})
