import { describe, expect, it } from 'vitest'
import type { CheckedInputs } from '../lib/data/inputs.js'
import { bidirectional, dense, dropout, embedding, gru } from '../lib/layers.js'
import { meanSquaredError, resolveLoss } from '../lib/losses.js'
import { Batcher, type Trimming } from '../lib/training/batcher.js'
import { withClassWeight } from '../lib/training/class-weight.js'
import { shuffleRows } from '../lib/training/order.js'
import { splitInputs } from '../lib/training/split.js'
import { trimmingOf } from '../lib/training/trimming.js'
import { rejectsWith } from './support/values.js'

const whole: Trimming = { trailing: false, leading: false, maskZero: false, outputIsSequence: false, longestFirst: false }

/** rows of T steps of 2 features: x = 100 row + 10 step + feature, y = row, weights = row / 2 */
function features(rows: number, steps: number, mask?: number[][]): CheckedInputs {
  return {
    rows,
    steps,
    x: Float32Array.from(
      { length: rows * steps * 2 },
      (_, i) => 100 * Math.floor(i / (2 * steps)) + 10 * (Math.floor(i / 2) % steps) + (i % 2),
    ),
    xRow: steps * 2,
    xShape: [rows, steps, 2],
    ...(mask && { mask: Uint8Array.from(mask.flat()) }),
    y: Float32Array.from({ length: rows }, (_, i) => i),
    yRow: 1,
    weights: Float32Array.from({ length: rows }, (_, i) => i / 2),
    weightRow: 1,
  }
}

describe('Batcher', () => {
  it('gives rows as they lie, the last batch short, without copying', () => {
    const inputs = features(5, 2)
    const batcher = new Batcher(inputs, whole)
    const last = batcher.make(3, 5)
    expect(last).toEqual({
      batch: 2,
      steps: 2,
      x: Float32Array.of(300, 301, 310, 311, 400, 401, 410, 411),
      y: Float32Array.of(3, 4),
      weights: Float32Array.of(1.5, 2),
    })
    expect(last.x.buffer).toBe(inputs.x.buffer)
  })

  it('gathers rows in a given order into arrays that it uses again', () => {
    const batcher = new Batcher(features(4, 1), whole)
    const order = Uint32Array.of(3, 1, 0, 2)
    const first = batcher.make(0, 3, order)
    expect(first.x).toEqual(Float32Array.of(300, 301, 100, 101, 0, 1))
    const second = batcher.make(3, 4, order)
    expect([second.x, second.y, second.batch]).toEqual([Float32Array.of(200, 201), Float32Array.of(2), 1])
    expect(second.x.buffer).toBe(first.x.buffer)
  })

  it('gathers long rows as it does short ones', () => {
    const batcher = new Batcher(features(3, 100), whole)
    const made = batcher.make(0, 2, Uint32Array.of(2, 0))
    expect([...made.x]).toEqual([...features(3, 100).x.subarray(400), ...features(3, 100).x.subarray(0, 200)])
  })

  const mask = [
    [0, 1, 1, 0, 0],
    [0, 0, 1, 1, 0],
    [1, 1, 1, 1, 1],
    [0, 0, 0, 0, 0],
  ]
  const trim = { ...whole, trailing: true, leading: true }

  it('leaves out the steps that no row of the batch uses', () => {
    const made = new Batcher(features(4, 5, mask), trim).make(0, 2)
    expect(made.steps).toBe(3)
    expect(made.x).toEqual(Float32Array.of(10, 11, 20, 21, 30, 31, 110, 111, 120, 121, 130, 131))
    expect(made.mask).toEqual(Uint8Array.of(1, 1, 0, 0, 1, 1))
    expect(made.y).toEqual(Float32Array.of(0, 1))
    expect(new Batcher(features(4, 5, mask), trim).make(1, 3).steps).toBe(5)
    expect(new Batcher(features(4, 5, mask), { ...trim, leading: false }).make(0, 2).steps).toBe(4)
    expect(new Batcher(features(4, 5, mask), { ...trim, trailing: false }).make(0, 2).steps).toBe(4)
    expect(new Batcher(features(4, 5, mask), whole).make(0, 2).steps).toBe(5)
    expect(new Batcher(features(4, 5, mask), trim).make(0, 2, Uint32Array.of(3, 0)).mask).toEqual(Uint8Array.of(0, 0, 1, 1))
    expect(new Batcher(features(4, 5, mask), trim).make(3, 4)).toMatchObject({ steps: 1, mask: Uint8Array.of(0) })
  })

  it('cuts y and weights in time where the output is a sequence', () => {
    const inputs: CheckedInputs = {
      ...features(4, 5, mask),
      y: Float32Array.from({ length: 40 }, (_, i) => i),
      yRow: 10,
      weights: Float32Array.from({ length: 20 }, (_, i) => i),
      weightRow: 5,
    }
    const made = new Batcher(inputs, { ...trim, outputIsSequence: true }).make(0, 2)
    expect(made.y).toEqual(Float32Array.of(2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17))
    expect(made.weights).toEqual(Float32Array.of(1, 2, 3, 6, 7, 8))
  })

  it('takes id 0 for padding where the embedding does', () => {
    const ids: CheckedInputs = {
      rows: 2,
      steps: 4,
      x: Int32Array.of(0, 5, 0, 0, 0, 6, 7, 0),
      xRow: 4,
      xShape: [2, 4],
      yRow: 0,
      weightRow: 0,
    }
    expect(new Batcher(ids, { ...trim, maskZero: true }).make(0, 2)).toEqual({ batch: 2, steps: 2, x: Int32Array.of(5, 0, 6, 7) })
    expect(new Batcher(ids, { ...trim, leading: false, maskZero: true }).make(0, 2).x).toEqual(Int32Array.of(0, 5, 0, 0, 6, 7))
    const masked = { ...ids, mask: Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 0) }
    expect(new Batcher(masked, { ...trim, maskZero: true }).make(0, 2).x).toEqual(Int32Array.of(5, 6))
  })
})

describe('longest rows first', () => {
  const masked = () =>
    features(5, 3, [
      [1, 0, 0],
      [0, 1, 1],
      [1, 1, 1],
      [0, 0, 0],
      [1, 1, 0],
    ])
  const sorting = { ...whole, longestFirst: true }

  it('orders each batch by valid steps; rows of one length keep their order', () => {
    const batcher = new Batcher(masked(), sorting)
    expect([...batcher.make(0, 5).y!]).toEqual([2, 1, 4, 0, 3])
    expect([...batcher.make(0, 2).y!]).toEqual([1, 0])
    expect([...batcher.make(2, 5, Uint32Array.of(0, 1, 4, 2, 1)).y!]).toEqual([2, 4, 1])
    expect(batcher.make(0, 2)).toMatchObject({ mask: Uint8Array.of(0, 1, 1, 1, 0, 0), weights: Float32Array.of(0.5, 0) })
  })

  it('orders all rows for work in which any rows may meet', () => {
    expect(new Batcher(masked(), sorting).byLength).toEqual(Uint32Array.of(2, 1, 4, 0, 3))
    expect(new Batcher(masked(), whole).byLength).toBeUndefined()
  })

  it('counts ids other than 0 where they are the mask', () => {
    const ids = { ...features(3, 2), x: Int32Array.of(0, 0, 5, 6, 7, 0), xRow: 2 }
    expect([...new Batcher(ids, { ...sorting, maskZero: true }).make(0, 3).x]).toEqual([5, 6, 7, 0, 0, 0])
  })

  it('is for masked data whose rows are independent', () => {
    const [one, none] = [features(1, 2, [[1, 0]]), features(1, 2)]
    const sorts = (layer: Parameters<typeof gru>[0], inputs = one) =>
      trimmingOf([gru(layer)], inputs, { size: 1, sequence: false }, true).longestFirst
    expect([sorts({ units: 1 }), sorts({ units: 1 }, none)]).toEqual([true, false])
    expect([sorts({ units: 1, stateful: true }), sorts({ units: 1, returnState: true })]).toEqual([false, false])
  })
})

describe('trimmingOf', () => {
  const masked = features(1, 2, [[1, 0]])
  const trims = (layers: Parameters<typeof trimmingOf>[0], inputs = masked, training = true) => {
    const { leading, trailing } = trimmingOf(layers, inputs, { size: 1, sequence: false }, training)
    return `${leading ? 'leading ' : ''}${trailing ? 'trailing' : ''}`
  }
  it('trims where there is a mask and nothing counts time', () => {
    const sequences = gru({ units: 2, returnSequences: true })
    const ids = embedding({ inputDim: 3, outputDim: 2, maskZero: true })
    expect(trims([sequences, bidirectional(gru({ units: 2, dropout: 0.5 }))])).toBe('leading trailing')
    expect(trims([sequences], features(1, 2))).toBe('')
    expect(trims([ids, gru({ units: 2 })], features(1, 2))).toBe('leading trailing')
    expect(trims([gru({ units: 2, goBackwards: true })])).toBe('leading trailing')
    expect(trims([gru({ units: 2, goBackwards: true, returnSequences: true })])).toBe('')
    expect(trims([gru({ units: 2, stateful: true })])).toBe('')
    expect(trims([sequences, dropout({ rate: 0.5 }), gru({ units: 1 })])).toBe('trailing')
    expect(trims([sequences, dropout({ rate: 0.5 }), gru({ units: 1 })], masked, false)).toBe('leading trailing')
    expect(trims([sequences, dense({ units: 3 }), gru({ units: 1 })])).toBe('trailing')
    expect(trims([gru({ units: 1 }), dropout({ rate: 0.5 }), dense({ units: 1 })])).toBe('leading trailing')
    const { leading, trailing } = trimmingOf([sequences, dense({ units: 1 })], masked, { size: 1, sequence: true }, true)
    expect([leading, trailing]).toEqual([false, true])
  })
})

describe('splitInputs', () => {
  it('takes the last rows for validation, whose share is rounded up', () => {
    const [training, validation] = splitInputs('fit', features(10, 2, Array(10).fill([1, 0])), 0.25)
    expect([training.rows, validation.rows]).toEqual([7, 3])
    expect([...training.y!, ...validation.y!]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(validation).toMatchObject({ xShape: [3, 2, 2], weights: Float32Array.of(3.5, 4, 4.5), mask: Uint8Array.of(1, 0, 1, 0, 1, 0) })
    expect(validation.x).toEqual(features(10, 2).x.subarray(28))
  })

  it.each([
    [0.01, 1, 'training'],
    [0.95, 10, 'training'],
    [1e-20, 10, 'validation'],
  ])('refuses %d of %i rows, which leaves the %s part empty', (fraction, rows, part) => {
    rejectsWith(() => splitInputs('fit', features(rows, 1), fraction), 'INVALID_ARGUMENT', new RegExp(`${part} part empty`))
  })
})

describe('withClassWeight', () => {
  const targets = (y: Float32Array | Int32Array, yRow: number, own: Partial<CheckedInputs> = {}): CheckedInputs => {
    const rows = y.length / yRow
    return { rows, steps: 1, x: new Float32Array(rows), xRow: 1, xShape: [rows, 1], y, yRow, weightRow: 0, ...own }
  }
  const sparse = resolveLoss('test', 'sparseCategoricalCrossentropy')
  const binary = resolveLoss('test', 'binaryCrossentropy')
  const categorical = resolveLoss('test', 'categoricalCrossentropy')

  it('weighs rows by label, by the largest target, or by the 0 or 1 of a single one', () => {
    const byLabel = withClassWeight('fit', targets(Int32Array.of(2, 0, 1), 1), { 0: 3, 2: 0.5 }, sparse, { size: 3, sequence: false })
    expect(byLabel).toMatchObject({ weights: Float32Array.of(0.5, 3, 1), weightRow: 1 })
    const oneHot = targets(Float32Array.of(0, 1, 0.9, 0.1), 2)
    expect(withClassWeight('fit', oneHot, { 1: 4 }, categorical, { size: 2, sequence: false }).weights).toEqual(Float32Array.of(4, 1))
    const single = targets(Float32Array.of(0, 1), 1)
    expect(withClassWeight('fit', single, { 1: 4 }, binary, { size: 1, sequence: false }).weights).toEqual(Float32Array.of(1, 4))
  })

  it('multiplies with sample weights, step by step for sequences', () => {
    const y = targets(Int32Array.of(1, 0, 0, 1), 2, { steps: 2, weights: Float32Array.of(1, 2, 3, 4), weightRow: 2 })
    const made = withClassWeight('fit', y, { 1: 10 }, sparse, { size: 2, sequence: true })
    expect(made).toMatchObject({ weights: Float32Array.of(10, 2, 3, 40), weightRow: 2 })
  })

  it('refuses classes that there are not', () => {
    const labels = targets(Int32Array.of(0, 1), 1)
    const output = { size: 2, sequence: false }
    rejectsWith(() => withClassWeight('fit', labels, { 2: 1 }, sparse, output), 'INVALID_ARGUMENT', /0 to 1.*'2'/)
    rejectsWith(() => withClassWeight('fit', labels, { '-1': 1 }, sparse, output), 'INVALID_ARGUMENT', /'-1'/)
    rejectsWith(() => withClassWeight('fit', labels, { cat: 1 } as never, sparse, output), 'INVALID_ARGUMENT', /'cat'/)
    const values = targets(Float32Array.of(0, 0.5), 1)
    rejectsWith(
      () => withClassWeight('fit', values, { 1: 2 }, meanSquaredError(), { size: 1, sequence: false }),
      'INVALID_ARGUMENT',
      /0\.5 in row 1/,
    )
  })
})

describe('shuffleRows', () => {
  it('gives every seed and epoch an order of its own, always the same one', async () => {
    const orders = await Promise.all(
      [
        [1, 0],
        [1, 1],
        [2, 0],
      ].map(async ([seed, epoch]) => (await shuffleRows(new Uint32Array(100), seed!, epoch!)).join()),
    )
    expect(new Set(orders).size).toBe(3)
    expect((await shuffleRows(new Uint32Array(100), 1, 0)).join()).toBe(orders[0])
    expect([...(await shuffleRows(new Uint32Array(100), 1, 0))].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  it('puts every row at every place equally often', async () => {
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0])
    for (let epoch = 0; epoch < 4000; epoch++)
      (await shuffleRows(new Uint32Array(4), 3, epoch)).forEach((row, place) => void counts[place]![row]!++)
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})
