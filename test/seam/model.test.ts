// Nonsense into models, trainers and GRUs: always a GrusError, and what refused something is as it was.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as grus from '../../lib/index.js'
import { testDevice } from '../support/devices.js'
import { fuzz, junk, outcome, survives } from './junk.js'

const { dense, embedding, Gru, gru, sequential, Trainer, tensor } = grus
const folder = mkdtempSync(join(tmpdir(), 'grus-seam-'))
afterAll(() => rmSync(folder, { recursive: true }))

const [batch, steps, size] = [3, 4, 2]
const x = (): grus.Tensor => tensor(new Float32Array(batch * steps * size).fill(0.5), [batch, steps, size])
const y = (): grus.Tensor => tensor(new Float32Array(batch), [batch, 1])
const layers = (): grus.LayerSpec[] => [
  gru({ units: 4, inputSize: size, name: 'gru' }),
  dense({ units: 1, activation: 'sigmoid', name: 'dense' }),
]
const model = (): grus.Model => sequential(layers(), { device: testDevice, seed: 1, threads: 1 })

describe('a model', () => {
  const dataset = (): grus.Dataset => ({ x: x(), y: y(), lengths: [4, 1, 2], sampleWeight: tensor([1, 1, 1]) })

  it('refuses nonsense in every call, and is as it was', async () => {
    using own = model()
    own.build(size)
    const weights = await own.getWeights()
    const output = await own.predict(x())
    const mask = tensor(new Int32Array(batch * steps).fill(1), [batch, steps])
    const given = Object.fromEntries(weights)
    const calls: [string, object, (value: never) => unknown][] = [
      ['predict', { x: x() }, ({ x }) => own.predict(x)],
      ['predict, mask', { mask, batchSize: 2 }, (options) => own.predict(x(), options)],
      ['predict, lengths', { lengths: [1, 2, 3] }, (options) => own.predict(x(), options)],
      ['forward', { x: x() }, ({ x }) => own.forward(x)],
      ['forward, options', { mask, training: true }, (options) => own.forward(x(), options)],
      [
        'backward',
        { dy: y() },
        async ({ dy }) => {
          await own.forward(x())
          await own.backward(dy)
        },
      ],
      ['save', { path: join(folder, 'm.safetensors') }, ({ path }) => (typeof path === 'string' ? undefined : own.save(path))],
      ['build', { size: 2 }, (value: { size: number }) => own.build(value.size)],
    ]
    for (const [what, valid, call] of calls) {
      expect(await survives(what, () => call(valid as never)), what).toBe(false)
      const { refused } = await fuzz(valid, call)
      expect(refused, what).toBeGreaterThan(10)
    }
    for (const [name, by] of junk()) {
      for (const key of Object.keys(given))
        await survives(`setWeights, ${key} = ${name}`, () => own.setWeights({ ...given, [key]: by } as never))
      await survives(`setWeights, more = ${name}`, () => own.setWeights({ ...given, more: by } as never))
      await survives(`predictWithStates, ${name}`, () => own.predictWithStates(x(), by as never))
      await survives(`loadStateDict, path = ${name}`, () => own.loadStateDict(by as never))
      await survives(`loadStateDict, options = ${name}`, () => own.loadStateDict(join(folder, 'no.pt'), by as never))
      await survives(`loadStateDict, map = ${name}`, () => own.loadStateDict(join(folder, 'no.pt'), { map: by as never }))
    }
    expect(await own.getWeights()).toEqual(weights)
    expect(await own.predict(x())).toEqual(output)
  })

  it('a trainer refuses nonsense before anything changes', async () => {
    using own = model()
    own.build(size)
    const trainer = new Trainer(own, { loss: 'binaryCrossentropy', optimizer: 'adam' })
    const weights = await own.getWeights()
    let trained = 0
    const quiet = { verbose: false } as const
    const fit = async (data: grus.Dataset, options: grus.FitOptions): Promise<void> => {
      const fresh = new Trainer(own, { loss: 'binaryCrossentropy', optimizer: 'adam' })
      try {
        await fresh.fit(data, { ...quiet, ...options })
        ++trained
      } catch (error) {
        expect(await own.getWeights()).toEqual(weights)
        throw error
      } finally {
        await own.setWeights(weights)
      }
    }
    await fuzz(dataset(), (data) => fit(data, {}))
    const options = {
      epochs: 1,
      batchSize: 2,
      validationSplit: 0.4,
      shuffle: true,
      callbacks: [{ onEpochEnd: () => {} }],
      classWeight: { 0: 1, 1: 2 },
      initialEpoch: 0,
      validationFreq: 1,
      seed: 3,
    }
    // 2^31 and 2^40 epochs are no mistake, only long
    const endless = (spoilt: grus.FitOptions): boolean => typeof spoilt.epochs === 'number' && spoilt.epochs > 1e6
    const { tried } = await fuzz(options, (spoilt: never) => (endless(spoilt) ? undefined : fit(dataset(), spoilt)))
    expect(trained).toBeLessThan(tried / 2)
    await fuzz(dataset(), (data) => trainer.evaluate(data, quiet))
    await fuzz({ batchSize: 2, verbose: false }, (spoilt) => trainer.evaluate(dataset(), spoilt))
    for (const [name, by] of junk()) {
      await survives(`learningRate = ${name}`, () => {
        trainer.learningRate = by as never
      })
    }
    expect(trainer.learningRate).toBeGreaterThanOrEqual(0)
  })

  it('a Gru refuses nonsense and is as it was', async () => {
    using cell = new Gru({ inputSize: size, hiddenSize: 3, device: testDevice, seed: 1 })
    const hx = tensor(new Float32Array(batch * 3), [1, batch, 3])
    const before = await cell.forward(x())
    await fuzz({ x: x() }, ({ x }: { x: grus.Tensor }) => cell.forward(x))
    await fuzz({ hx, lengths: [4, 3, 0], training: true }, (options) => cell.forward(x(), options))
    await fuzz({ dy: tensor(new Float32Array(36), [batch, steps, 3]), dhy: hx }, async (grads) => {
      await cell.forward(x(), { training: true })
      await cell.backward(grads)
    })
    const parameters = Object.fromEntries(cell.parameters)
    for (const [name, by] of junk()) {
      for (const key of Object.keys(parameters))
        await survives(`${key} = ${name}`, () => cell.setParameters({ ...parameters, [key]: by as never }))
    }
    expect(Object.fromEntries(cell.parameters)).toEqual(parameters)
    expect(await cell.forward(x())).toEqual(before)
  })

  it('names what is wrong', async () => {
    using own = model()
    using ids = sequential([embedding({ inputDim: 5, outputDim: 2 }), gru({ units: 2 }), dense({ units: 1 })], { device: testDevice })
    const cases: [grus.GrusErrorCode, RegExp, () => unknown][] = [
      ['SHAPE_MISMATCH', /ragged/, () => own.predict([[[1, 2], [3]]])],
      ['INVALID_ARGUMENT', /5/, () => ids.predict(tensor(Int32Array.of(1, 5), [1, 2]))],
      ['INVALID_ARGUMENT', /-1/, () => ids.predict(tensor(Int32Array.of(1, -1), [1, 2]))],
      ['SHAPE_MISMATCH', /3/, () => new Trainer(own, { loss: 'mse' }).fit({ x: x(), y: tensor([[1], [2]]) })],
      ['INVALID_ARGUMENT', /validationSplit/, () => new Trainer(own, { loss: 'mse' }).fit({ x: x(), y: y() }, { validationSplit: 0.99 })],
      ['INVALID_ARGUMENT', /meanSquaredError|mse/, () => new Trainer(own, { loss: 'msee' as never })],
      ['INVALID_ARGUMENT', /unit/, () => gru({ unit: 3 } as never)],
      ['INVALID_ARGUMENT', /units/, () => gru({ units: -3 })],
      ['INVALID_ARGUMENT', /units/, () => gru({ units: 2.5 })],
    ]
    for (const [code, message, call] of cases) {
      const { error } = await outcome(call)
      expect(error, String(message)).toBeInstanceOf(grus.GrusError)
      expect((error as grus.GrusError).message).toMatch(message)
      expect((error as grus.GrusError).code, (error as Error).message).toBe(code)
    }
  })

  it('a file that is no model is refused with CORRUPT_FILE, whatever is wrong with it', async () => {
    using own = model()
    own.build(size)
    const path = join(folder, 'model.safetensors')
    await own.save(path)
    const { readFileSync } = await import('node:fs')
    const bytes = readFileSync(path)
    const tries = [Buffer.alloc(0), Buffer.from('hello'), bytes.subarray(0, 7), bytes.subarray(0, 100), bytes.subarray(0, bytes.length - 1)]
    for (let i = 0; i < 60; ++i) {
      const edited = Buffer.from(bytes)
      edited[(i * 37) % Math.min(bytes.length, 1500)]! ^= 0x15
      tries.push(edited)
    }
    const spoilt = join(folder, 'spoilt.safetensors')
    let refused = 0
    for (const content of tries) {
      writeFileSync(spoilt, content)
      const { error, value } = await outcome(() => grus.loadModel(spoilt, { device: testDevice }))
      if (error !== undefined) {
        ++refused
        expect(error, String(error)).toBeInstanceOf(grus.GrusError)
        expect((error as grus.GrusError).code, (error as Error).message).toBe('CORRUPT_FILE')
      }
      ;(value as grus.Model | undefined)?.dispose()
    }
    expect(refused).toBeGreaterThan(40)
    expect(readdirSync(folder).filter((name) => name.includes('tmp'))).toEqual([])
  })
})
