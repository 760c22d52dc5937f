// The calls that compute on the JavaScript thread, with nonsense straight into the native classes, and beside everything that may be under way.
import { describe, expect, it } from 'vitest'
import { GrusError } from '../../lib/errors.js'
import { type NativeGru, type NativeSession, native } from '../../lib/native.js'
import { junk, outcome, survives } from './junk.js'
import * as models from './native-models.js'

const { batch, steps, size, units } = models
const cpu = models.engine('cpu', 1)
const session = (): NativeSession => new (native().Session)(models.features(), cpu)
const cell = (): NativeGru => new (native().Gru)(models.gruOptions(size, units), cpu)
const x = new Float32Array(batch * steps * size).fill(0.25)
const mask = new Uint8Array(batch * steps).fill(1)
const forwardArguments = () =>
  [
    batch,
    steps,
    false,
    x,
    new Float32Array(batch * units),
    mask,
    new Float32Array(batch * steps * units),
    new Float32Array(batch * units),
  ] as const
const predictArguments = () => [batch, steps, x, mask, new Float32Array(batch * 3)] as const
const detached = (length: number) => {
  const array = new Float32Array(length)
  structuredClone(array, { transfer: [array.buffer] })
  return array
}

/** Every argument replaced by every kind of nonsense, left out, and moved. */
async function spoilEach<T extends readonly unknown[]>(make: () => T, call: (...values: unknown[]) => unknown): Promise<number> {
  let refused = 0
  const count = make().length
  for (let i = 0; i < count; ++i) {
    for (const [name, by] of [...junk(), ['detached', detached(1)] as const]) {
      const spoilt: unknown[] = [...make()]
      spoilt[i] = by
      if (await survives(`argument ${i}: ${name}`, () => call(...spoilt))) refused++
    }
    if (await survives(`${i} arguments`, () => call(...make().slice(0, i)))) refused++
  }
  await survives('too many', () => call(...make(), ...make()))
  return refused
}

describe('nonsense', () => {
  it('in forwardSync', async () => {
    const own = cell()
    const call = (...values: unknown[]) => (own.forwardSync as (...all: unknown[]) => void).apply(own, values)
    const before = forwardArguments()
    own.forwardSync(...before)
    expect(await spoilEach(forwardArguments, call)).toBeGreaterThan(200)
    const after = forwardArguments()
    own.forwardSync(...after)
    expect(after).toEqual(before)
    own.dispose()
  })

  it('in predictSync', async () => {
    const own = session()
    const before = predictArguments()
    own.predictSync(...before)
    const call = (...values: unknown[]) => (own.predictSync as (...all: unknown[]) => void).apply(own, values)
    expect(await spoilEach(predictArguments, call)).toBeGreaterThan(120)
    const after = predictArguments()
    own.predictSync(...after)
    expect(after).toEqual(before)
    own.dispose()
  })

  it('as this', async () => {
    const { Session, Gru } = native()
    const [own, net] = [session(), cell()]
    for (const wrong of [{}, null, undefined, 1, 's', Object.create(Session.prototype), net]) {
      const { error } = await outcome(() => Session.prototype.predictSync.call(wrong as never, ...predictArguments()))
      expect(error).toBeInstanceOf(Error)
    }
    for (const wrong of [{}, null, undefined, 1, 's', Object.create(Gru.prototype), own]) {
      const { error } = await outcome(() => Gru.prototype.forwardSync.call(wrong as never, ...forwardArguments()))
      expect(error).toBeInstanceOf(Error)
    }
    own.dispose()
    net.dispose()
  })
})

describe('memory', () => {
  it('that is shared, resizable or detached', async () => {
    const own = cell()
    const expected = forwardArguments()
    own.forwardSync(...expected)
    const sharedOf = <T extends Float32Array | Uint8Array>(array: T): T => {
      const made = new (array.constructor as new (buffer: SharedArrayBuffer) => T)(new SharedArrayBuffer(array.byteLength))
      made.set(array)
      return made
    }
    const [b, t, major, values, hx, valid, y, hy] = forwardArguments()
    const [sharedY, sharedHy] = [sharedOf(y), sharedOf(hy)]
    own.forwardSync(b, t, major, sharedOf(values), sharedOf(hx), sharedOf(valid), sharedY, sharedHy)
    expect([...sharedY, ...sharedHy]).toEqual([...expected[6], ...expected[7]])
    const call = own.forwardSync.bind(own) as (...all: unknown[]) => void
    for (const place of [3, 4, 5, 6, 7]) {
      const given: unknown[] = [...forwardArguments()]
      given[place] = detached(given[place] instanceof Float32Array ? given[place].length : 1)
      const { error } = await outcome(() => call(...given))
      expect(error, `detached argument ${place}`).toBeInstanceOf(GrusError)
    }
    type Resizable = ArrayBuffer & { resize(bytes: number): void }
    const make = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => Resizable
    const resizable = new make(values.byteLength, { maxByteLength: 2 * values.byteLength })
    const tracking = new Float32Array(resizable)
    own.forwardSync(b, t, major, tracking, hx, valid, y, hy)
    resizable.resize(8)
    expect((await outcome(() => own.forwardSync(b, t, major, tracking, hx, valid, y, hy))).error).toBeInstanceOf(GrusError)
    own.dispose()
  })

  it('that overlaps: results go over what was read, and never over each other', async () => {
    const own = cell()
    const expected = forwardArguments()
    own.forwardSync(...expected)
    const all = new Float32Array(batch * steps * units + batch * units)
    const [y, hy] = [all.subarray(0, batch * steps * units), all.subarray(batch * steps * units)]
    const values = all.subarray(3, 3 + x.length)
    values.set(x)
    own.forwardSync(batch, steps, false, values, hy, mask, y, hy)
    expect([...y, ...hy]).toEqual([...expected[6], ...expected[7]])
    const { error } = await outcome(() => own.forwardSync(batch, steps, false, x, undefined, undefined, y, all.subarray(1, 1 + hy.length)))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    own.dispose()
  })
})

describe('beside other calls', () => {
  it('refuses for as long as a promise is unsettled, and then no longer', async () => {
    const own = session()
    const pending = [own.predict(models.featureBatch()), own.readParameters()]
    const code = async () => ((await outcome(() => own.predictSync(...predictArguments()))).error as GrusError | undefined)?.code
    expect(await code()).toBe('INVALID_ARGUMENT')
    await Promise.all(pending)
    expect(await code()).toBeUndefined()
    const failing = own.update(0.1)
    expect(((await outcome(() => own.predictSync(...predictArguments()))).error as GrusError).code).toBe('INVALID_ARGUMENT')
    await outcome(() => failing)
    own.predictSync(...predictArguments())
    own.dispose()
    expect(await code()).toBe('DISPOSED')
  })

  it('waits for weights and states that are under way, and says when they failed', async () => {
    const own = session()
    const values = (await own.readParameters()).map((_, i) => (i % 7) / 10)
    const [before, after] = [predictArguments(), predictArguments()]
    own.predictSync(...before)
    const written = own.writeParameters(values)
    own.predictSync(...after)
    await written
    expect(after[4]).not.toEqual(before[4])
    expect([...after[4]]).toEqual([...(await own.predict({ ...models.featureBatch(), x, mask, steps }))])
    const failing = own.writeParameters(new Float32Array(1))
    expect((await outcome(() => own.predictSync(...predictArguments()))).error).toMatchObject({ code: 'SHAPE_MISMATCH' })
    expect((await outcome(() => failing)).error).toMatchObject({ code: 'SHAPE_MISMATCH' })
    own.predictSync(...predictArguments())
    own.dispose()
  })

  it('allocates nothing on the device once the sizes are known', () => {
    const own = session()
    own.predictSync(...predictArguments())
    const { allocations } = own.memory()
    for (let i = 0; i < 100; ++i) own.predictSync(...predictArguments())
    expect(own.memory().allocations).toBe(allocations)
    own.dispose()
  })
})
