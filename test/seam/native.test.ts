// Nonsense straight into the native classes: always a GrusError, never a crash, and what was there before still works.
import { describe, expect, it } from 'vitest'
import { GrusError } from '../../lib/errors.js'
import { type NativeGru, type NativeSession, native } from '../../lib/native.js'
import { fuzz, junk, outcome, survives } from './junk.js'
import * as models from './native-models.js'

const { batch, steps, size, units } = models
const cpu = models.engine('cpu', 1)
const session = (): NativeSession => new (native().Session)(models.features(), cpu)
const cell = (): NativeGru => new (native().Gru)(models.gruOptions(size, units), cpu)

describe('descriptions', () => {
  it.each([
    ['features', models.features],
    ['ids', models.ids],
  ])('a model of %s with one thing wrong', async (_, make) => {
    const { refused, tried } = await fuzz(make(), (model) => new (native().Session)(model, cpu))
    expect(refused / tried).toBeGreaterThan(0.7)
  })

  it('a GRU with one thing wrong', async () => {
    const { refused, tried } = await fuzz(models.gruOptions(size, units), (options) => new (native().Gru)(options, cpu))
    expect(refused / tried).toBeGreaterThan(0.6)
  })

  it('options with one thing wrong', async () => {
    await fuzz(cpu, (options) => new (native().Session)(models.features(), options))
    await fuzz(cpu, (options) => new (native().Gru)(models.gruOptions(size, units), options))
  })

  it('whole arguments that are nonsense, missing, or too few', async () => {
    const { Session, Gru } = native()
    for (const [name, by] of junk()) {
      expect(await survives(`Session(${name})`, () => new Session(by as never, cpu)), name).toBe(true)
      expect(await survives(`Gru(${name})`, () => new Gru(by as never, cpu)), name).toBe(true)
    }
    expect(await survives('Session()', () => new (Session as unknown as new () => NativeSession)())).toBe(true)
    expect(await survives('Gru()', () => new (Gru as unknown as new () => NativeGru)())).toBe(true)
  })

  it('a device that is not there says why', async () => {
    for (const { device, available, detail } of native().devices()) {
      expect(detail).not.toBe('')
      if (available) continue
      const { error } = await outcome(() => new (native().Session)(models.features(), models.engine(device, 0)))
      expect(error).toBeInstanceOf(GrusError)
      expect((error as GrusError).code).toBe('BACKEND_UNAVAILABLE')
    }
  })
})

describe('calls', () => {
  it.each([
    ['features', models.features, models.featureBatch],
    ['ids', models.ids, models.idBatch],
  ] as const)('a session of %s with one thing wrong in a batch', async (_, model, makeBatch) => {
    const own = new (native().Session)(model(), cpu)
    await own.configure(models.training())
    const before = await own.predict(makeBatch())
    for (const method of ['trainStep', 'evaluateStep', 'predict', 'forward'] as const) {
      const call = own[method] as unknown as (batch: never, more: unknown) => Promise<unknown>
      const { refused } = await fuzz(makeBatch(), (spoilt) => call.call(own, spoilt, method === 'forward' ? false : 0))
      expect(refused).toBeGreaterThan(50)
    }
    expect(await own.predict(makeBatch())).toEqual(before)
    own.dispose()
  })

  it('every method of a session with nonsense', async () => {
    const own = session()
    await own.configure(models.training())
    const before = await own.predict(models.featureBatch())
    const methods = [
      'readParameters',
      'writeParameters',
      'configure',
      'trainStep',
      'evaluateStep',
      'statistics',
      'predict',
      'forward',
      'backward',
    ]
    for (const method of [
      ...methods,
      'readGradients',
      'update',
      'readOptimizer',
      'writeOptimizer',
      'readStates',
      'writeStates',
      'memory',
    ]) {
      const call = own[method as 'predict'] as unknown as (...values: unknown[]) => unknown
      await survives(`${method}()`, () => call.call(own))
      for (const [name, by] of junk()) {
        await survives(`${method}(${name})`, () => call.call(own, by))
        await survives(`${method}(${name}, ${name})`, () => call.call(own, by, by))
      }
    }
    await own.writeParameters(await own.readParameters())
    expect(own.memory().bytes).toBeGreaterThan(0)
    expect((await own.predict(models.featureBatch())).length).toBe(before.length)
    own.dispose()
  })

  it('training with one thing wrong', async () => {
    const own = session()
    const { refused } = await fuzz(models.training(), (spoilt) => own.configure(spoilt))
    expect(refused).toBeGreaterThan(100)
    own.dispose()
  })

  it('every method of a GRU with nonsense', async () => {
    const own = cell()
    const call = { batch, steps, timeMajor: false, training: true, x: new Float32Array(batch * steps * size).fill(0.25) }
    const full = { ...call, hx: new Float32Array(batch * units), mask: new Uint8Array(batch * steps).fill(1) }
    const before = await own.forward(call)
    await fuzz(full, (spoilt) => own.forward(spoilt))
    await own.forward(call)
    await fuzz({ dy: new Float32Array(batch * steps * units), dhy: new Float32Array(batch * units) }, (spoilt) => own.backward(spoilt))
    for (const method of ['parameters', 'writeParameters', 'forward', 'backward', 'memory'] as const) {
      const any = own[method] as unknown as (...values: unknown[]) => unknown
      await survives(`${method}()`, () => any.call(own))
      for (const [name, by] of junk()) await survives(`${method}(${name})`, () => any.call(own, by))
    }
    expect(await own.forward(call)).toEqual(before)
    own.dispose()
  })

  it('calls in a wrong order', async () => {
    const own = session()
    const refused = async (call: () => unknown): Promise<void> => {
      const { error } = await outcome(call)
      expect(error).toBeInstanceOf(GrusError)
    }
    await refused(() => own.backward(new Float32Array(batch * 3)))
    await refused(() => own.update(0.1))
    await refused(() => own.trainStep(models.featureBatch(), 0.1))
    await refused(() => own.evaluateStep(models.featureBatch()))
    const gru = cell()
    await refused(() => gru.backward({ dhy: new Float32Array(batch * units) }))
    own.dispose()
    gru.dispose()
  })

  it('methods on what is not their object', async () => {
    const own = session()
    const gru = cell()
    const { Session, Gru } = native()
    for (const wrong of [{}, null, undefined, 1, gru, Object.create(Session.prototype)]) {
      for (const name of ['memory', 'predict', 'dispose', 'parameters'] as const) {
        const { error } = await outcome(() =>
          (Session.prototype[name] as unknown as (v: unknown) => unknown).call(wrong, models.featureBatch()),
        )
        expect(error, `Session.prototype.${name} on ${String(wrong)}`).toBeInstanceOf(Error)
      }
    }
    for (const wrong of [{}, own, Object.create(Gru.prototype)]) {
      const { error } = await outcome(() => Gru.prototype.memory.call(wrong))
      expect(error).toBeInstanceOf(Error)
    }
    const { error } = await outcome(() => (Session as unknown as () => unknown)())
    expect(error).toBeInstanceOf(Error)
    own.dispose()
    gru.dispose()
  })
})
