// Nothing is timed whose results are wrong: what the native class leaves is compared with float64, and planted faults are found.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkAgreement, compare, smallShape } from '../../lib/bench/agreement.js'
import { makeGruBench } from '../../lib/bench/engine.js'
import { checkRepeated } from '../../lib/bench/layer-subject.js'
import { referenceForward } from '../../lib/bench/reference.js'
import type { CheckedEngineOptions } from '../../lib/engine-options.js'
import { type NativeBenchValues, type NativeGruBench, native } from '../../lib/native.js'
import { testDevice } from '../support/devices.js'
import { rejected, thrown } from '../support/errors.js'
import { type GruWeights, gruStep, plainGru } from '../support/reference/gru.js'
import { constant, type Scalar } from '../support/reference/scalar.js'

const where = 'grus bench'
const engine: CheckedEngineOptions = {
  device: testDevice,
  precision: 'float32',
  algorithm: 'heuristic',
  graphs: true,
  inferenceWeights: 'float32',
}
const shape = { hidden: 6, input: 3, batch: 2, steps: 4, layers: 2, directions: 2 }

test('any number of layers and directions agrees with float64, passes that were captured included', async () => {
  for (const [layers, directions] of [[1, 1] as const, [2, 1] as const, [1, 2] as const, [3, 2] as const]) {
    const difference = await checkAgreement(where, { ...shape, layers, directions }, engine)
    expect(difference).toBeLessThan(0.1)
    expect(difference).toBeGreaterThan(0)
  }
})

test('a small shape is as much like the row as it can be', () => {
  const row = { hidden: 2816, input: 20, batch: 32, steps: 1500, layers: 9, directions: 2 }
  expect(smallShape(row)).toEqual({ hidden: 128, input: 20, batch: 4, steps: 4, layers: 3, directions: 2 })
  expect(smallShape(shape)).toEqual(shape)
})

test('the reference of the bench agrees with that of the tests', () => {
  const { hidden, input, batch } = shape
  const one = { ...shape, layers: 1, directions: 1, steps: 1 }
  const draw = (count: number, from: number) => Float64Array.from({ length: count }, (_, i) => Math.sin(from + i))
  const x = draw(batch * input, 1)
  const weights = draw(3 * hidden * (input + hidden + 2), 2)
  const { y } = referenceForward(one, x, weights)
  const scalars = (values: Float64Array): Scalar[] => [...values].map((value) => constant(value))
  const parts: GruWeights = {
    ih: scalars(weights.subarray(0, 3 * hidden * input)),
    hh: scalars(weights.subarray(3 * hidden * input, 3 * hidden * (input + hidden))),
    biasIh: scalars(weights.subarray(-6 * hidden, -3 * hidden)),
    biasHh: scalars(weights.subarray(-3 * hidden)),
  }
  for (let b = 0; b < batch; b++) {
    const zeros = Array.from({ length: hidden }, () => constant(0))
    const state = gruStep(parts, plainGru(hidden), scalars(x.subarray(b * input, (b + 1) * input)), zeros)
    state.forEach(({ value }, j) => {
      expect(y[b * hidden + j]).toBeCloseTo(value, 12)
    })
  }
})

describe('planted faults', () => {
  let right: NativeBenchValues
  beforeAll(async () => {
    const bench = makeGruBench(shape, engine)
    await bench.prepare({ batch: shape.batch, steps: shape.steps, training: true })
    await bench.run(2)
    right = await bench.read(1 << 20)
    bench.dispose()
  })
  const wrong = (name: keyof NativeBenchValues, change: (value: number, i: number) => number) => ({
    ...right,
    [name]: right[name].map(change),
  })
  const found = (values: NativeBenchValues) => thrown(() => compare(where, shape, values, true, 'float32'), 'DEVICE')

  test('there is none', () => {
    expect(compare(where, shape, right, true, 'float32')).toBeLessThan(0.1)
  })
  test.each(['y', 'hy'] as const)('in %s', (name) => {
    expect(found(wrong(name, (value, i) => (i === 5 ? value + 0.001 : value)))).toContain(`${name} of the engine differs from float64`)
    expect(found(wrong(name, () => Number.NaN))).toContain(`${name} of the engine differs`)
    expect(found({ ...right, [name]: right[name].subarray(1) })).toContain(`${name} of the engine differs`)
  })
  test.each(['dx', 'gradients'] as const)('in %s', (name) => {
    expect(found(wrong(name, () => 0))).toContain(`${name} of the engine differs`)
    expect(found(wrong(name, (value) => 1.02 * value))).toContain(`${name} of the engine differs`)
    expect(found(wrong(name, (value, i) => (i === 0 ? Number.NaN : value)))).toContain(`${name} of the engine differs`)
    expect(found({ ...right, [name]: right[name].subarray(1) })).toContain(`${name} of the engine differs`)
  })
  test('between the first pass and the last', () => {
    const first = Float32Array.of(0, 1, -2)
    expect(checkRepeated(where, 'y', first, Float32Array.of(0, 1, -2.0001), 1e-4)).toBeUndefined()
    const differs = (last: Float32Array) => thrown(() => checkRepeated(where, 'y', first, last, 1e-4), 'DEVICE')
    expect(differs(Float32Array.of(0, 1, -2.001))).toContain('y of the last pass differs from that of the first by 0.00')
    expect(differs(Float32Array.of(0, Number.NaN, -2))).toContain('y is not finite')
    expect(thrown(() => checkRepeated(where, 'y', new Float32Array(3), new Float32Array(3), 1e-4), 'DEVICE')).toContain('y is all zeros')
  })
})

describe('the native class', () => {
  let bench: NativeGruBench
  beforeAll(() => {
    bench = makeGruBench(shape, engine)
  })
  afterAll(() => bench.dispose())

  test('leaves the same values after one pass and after many, in every order of preparing', async () => {
    const values = async (training: boolean, passes: number) => {
      await bench.prepare({ batch: 2, steps: 4, training })
      const { ms, enqueueMs } = await bench.run(passes)
      expect(ms).toBeGreaterThanOrEqual(enqueueMs)
      return await bench.read(1 << 20)
    }
    const [once, often, forward] = [await values(true, 1), await values(true, 5), await values(false, 3)]
    expect(often).toEqual(once)
    forward.y.forEach((value, i) => {
      expect(value).toBeCloseTo(once.y[i]!, 5) // a GPU may compute inference in another way
    })
    expect(forward.dx).toHaveLength(0)
    expect((await bench.read(7)).y).toEqual(once.y.subarray(0, 7))
  })

  test('times products, and holds nothing after release', async () => {
    await bench.release()
    const before = bench.memory().bytes
    if (testDevice === 'cpu') expect(before).toBe(0) // a GPU's backend keeps rooms of its own
    expect(await bench.product(64, 3)).toBeGreaterThan(0)
    expect(bench.memory().bytes - before).toBeGreaterThanOrEqual(3 * 64 * 64 * 4)
    await bench.release()
    expect(await bench.product(64, 3)).toBeGreaterThan(0)
    await bench.release()
    if (testDevice === 'cpu') expect(bench.memory().bytes).toBe(0)
    expect(await rejected(bench.run(1))).toContain('prepare must come first')
    expect(await rejected(bench.read(1))).toContain('prepare must come first')
  })

  test('refuses what it cannot take', async () => {
    const any = bench as unknown as Record<string, (...values: unknown[]) => unknown>
    for (const value of [undefined, 0, -1, 1.5, 2 ** 60, '3', null, {}]) {
      expect(thrown(() => any.run!(value))).toContain('passes')
      expect(thrown(() => any.read!(value))).toContain('most')
      expect(thrown(() => any.product!(value, 1))).toContain('size')
      expect(thrown(() => any.product!(8, value))).toContain('passes')
      expect(thrown(() => any.prepare!({ batch: value, steps: 1, training: true }))).toContain('batch')
    }
    expect(thrown(() => any.prepare!({ batch: 1, steps: 1, training: 1 }))).toContain('training')
    expect(await rejected(bench.product(32_769, 1))).toContain('size must be from 1 to 32768')
    const most = 2 ** 31 - 1
    expect(await rejected(bench.prepare({ batch: most, steps: most, training: true }), 'OUT_OF_MEMORY')).toContain('more than any memory')
    expect(() => Reflect.construct(native().GruBench, [])).toThrow(/^\[GruBench\.options\]/)
  })

  test('is gone after dispose', () => {
    const gone = makeGruBench(shape, engine)
    gone.dispose()
    gone.dispose()
    expect(thrown(() => gone.run(1), 'DISPOSED')).toContain('[run]')
  })
})
