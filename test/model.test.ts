import { describe, expect, test } from 'vitest'
import { bidirectional, dense, dropout, embedding, gru } from '../lib/layers.js'
import { type Model, type ModelOptions, sequential } from '../lib/model.js'
import { RandomStream } from '../lib/random.js'
import type { LayerSpec } from '../lib/spec/types.js'
import type { FloatTensor, Tensor } from '../lib/tensor.js'
import { close } from './support/compare.js'
import { devices } from './support/devices.js'
import { rejected, thrown } from './support/errors.js'

const stream = new RandomStream(5, 'model test')
const random = (...shape: number[]): FloatTensor => ({
  data: Float32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, () => stream.normal()),
  shape,
})
const ids = (vocabulary: number, ...shape: number[]): Tensor => ({
  data: Int32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, () => stream.below(vocabulary)),
  shape,
})
const rows = ({ data, shape }: FloatTensor, begin: number, end: number): FloatTensor => {
  const row = data.length / shape[0]!
  return { data: data.slice(begin * row, end * row), shape: [end - begin, ...shape.slice(1)] }
}
const text = [
  embedding({ inputDim: 20, outputDim: 6, maskZero: true }),
  bidirectional(gru({ units: 5, returnSequences: true, dropout: 0.3 })),
  dropout({ rate: 0.5 }),
  gru({ units: 4 }),
  dense({ units: 3, activation: 'softmax' }),
]

for (const { device } of devices()) {
  const make = (layers: LayerSpec[], options: ModelOptions = {}) => sequential(layers, { device, seed: 1, ...options })
  const tolerance = { atol: 2e-6, rtol: 1e-5 }

  describe(`building on ${device}`, () => {
    test('is done at once where the layers say the input', () => {
      using model = make(text)
      expect(model.built).toBe(true)
      expect(model.outputShape).toEqual(['B', 3])
      expect(model.countParams()).toBe(20 * 6 + 2 * 15 * (6 + 5 + 2) + 12 * (10 + 4 + 2) + 3 * 5)
      expect(make([gru({ units: 2, inputSize: 3 })]).built).toBe(true)
      expect(make([gru({ units: 2 })], { inputSize: 3 }).built).toBe(true)
    })

    test('is done with the first data otherwise, or by hand', async () => {
      using model = make([gru({ units: 2, returnSequences: true })])
      expect([model.built, model.device, model.engine.length > 0]).toEqual([false, device, true])
      expect(thrown(() => model.countParams())).toContain('the model is not built yet: call build(inputSize)')
      expect(await rejected(model.getWeights())).toContain('not built yet')
      expect(model.summary()).toContain('? (known once the model is built)')
      expect((await model.predict(random(2, 3, 4))).shape).toEqual([2, 3, 2])
      expect(model.built).toBe(true)
      expect(thrown(() => model.build(5))).toBe('[model.build] inputSize must be 4 (the model is built for), got 5')
      model.build(4)
      using other = make([gru({ units: 2 })])
      other.build(7)
      expect((await other.getWeights()).get('gru.weight_ih_l0')!.shape).toEqual([6, 7])
      expect(thrown(() => other.build(-7))).toContain('inputSize must be a positive integer, got -7')
    })

    test('bad data builds nothing', async () => {
      using model = make([gru({ units: 2 })])
      await rejected(model.predict([[[1, 2], [3]]]), 'SHAPE_MISMATCH')
      await rejected(model.predict(random(2, 3, 4), { lengths: [1] }), 'SHAPE_MISMATCH')
      expect(model.built).toBe(false)
    })

    test('a model without recurrent layers takes vectors or sequences, as the first data has it', async () => {
      using model = make([dense({ units: 2, activation: 'relu' })])
      expect((await model.predict(random(4, 3))).shape).toEqual([4, 2])
      expect(await rejected(model.predict(random(4, 5, 3)), 'SHAPE_MISMATCH')).toContain('x must be [B, 3], got shape [4, 5, 3]')
      using steps = make([dense({ units: 2 })])
      expect((await steps.predict(random(4, 5, 3))).shape).toEqual([4, 5, 2])
    })

    test('the seed is the weights', async () => {
      using a = make(text, { seed: 9 })
      using b = make(text, { seed: 9, threads: 1 })
      using c = make(text, { seed: 10 })
      expect(await b.getWeights()).toEqual(await a.getWeights())
      expect(await c.getWeights()).not.toEqual(await a.getWeights())
      const [first, second] = [sequential(text, { device }), sequential(text, { device })]
      expect(first.seed).not.toBe(second.seed)
      using again = make(text, { seed: first.seed })
      expect(await again.getWeights()).toEqual(await first.getWeights())
    })

    test('summary', () => {
      using model = make(text, { name: 'languages' })
      const lines: string[] = []
      const whole = model.summary((line) => lines.push(line))
      expect(whole).toBe(lines.join('\n'))
      expect(lines[0]).toBe('Model: languages')
      expect(lines[5]).toMatch(/^bidirectional \(bidirectional\) +\[B, T, 10\] +390$/)
      expect(whole).toContain(`Total params: ${model.countParams()}`)
    })

    test.each<[string, ModelOptions]>([
      ['[sequential] seed must be an integer from 0 to 2^53 - 1, got 1.5', { seed: 1.5 }],
      ["[sequential] device must be one of 'auto', 'cpu', 'cuda', 'cuda:1' …, got 'gpu'", { device: 'gpu' as 'cuda' }],
      ['[sequential] threads must be an integer from 1 to 1024, got 0', { threads: 0 }],
      ["[sequential] unknown option 'sed'; did you mean 'seed'?", { sed: 1 } as object],
      ['[sequential] inputSize must be 20 (inputDim of the embedding), got 3', { inputSize: 3 }],
    ])('%s', (message, options) => expect(thrown(() => make(text, options))).toContain(message))
  })

  describe(`predict on ${device}`, () => {
    test('gives the same whatever the batch size', async () => {
      using model = make(text)
      const x = ids(20, 33, 7)
      const whole = await model.predict(x, { batchSize: 100 })
      expect(whole.shape).toEqual([33, 3])
      for (const batchSize of [1, 2, 7, 32, 33]) close(await model.predict(x, { batchSize }), whole, tolerance)
      for (let i = 0; i < 33; ++i) expect(rows(whole, i, i + 1).data.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5)
    })

    test('a masked row is its trimmed self: lengths, masks and padding with id 0', async () => {
      using model = make([gru({ units: 4, returnSequences: true }), gru({ units: 3 })])
      const x = random(2, 6, 2)
      const trimmed = await model.predict({ data: x.data.slice(12, 18), shape: [1, 3, 2] })
      const byLength = await model.predict(x, { lengths: [6, 3] })
      const byMask = await model.predict(x, {
        mask: [
          [1, 1, 1, 1, 1, 1],
          [1, 1, 1, 0, 0, 0],
        ],
      })
      close(rows(byLength, 1, 2), trimmed, tolerance)
      expect(byMask).toEqual(byLength)
      using words = make(text)
      const padded = await words.predict([
        [3, 4, 5, 0, 0],
        [0, 0, 3, 4, 5],
      ])
      const exact = await words.predict([[3, 4, 5]])
      close(rows(padded, 0, 1), exact, tolerance)
      close(rows(padded, 1, 2), exact, tolerance)
    })

    test('is stopped by its signal', async () => {
      using model = make([gru({ units: 2 })])
      const x = random(64, 3, 2)
      const signal = AbortSignal.abort()
      expect(await rejected(model.predict(x, { signal, batchSize: 4 }), 'ABORTED')).toContain('after 0 of 64 rows')
      const controller = new AbortController()
      const pending = model.predict(x, { signal: controller.signal, batchSize: 1 })
      controller.abort()
      await rejected(pending, 'ABORTED')
      expect((await model.predict(x)).shape).toEqual([64, 2])
    })

    test.each<[string, unknown, object, 'SHAPE_MISMATCH' | 'INVALID_ARGUMENT']>([
      [
        'x must be [B, T, 2], got shape [2, 2]; a series of single values has shape [B, T, 1]',
        [
          [1, 2],
          [3, 4],
        ],
        {},
        'SHAPE_MISMATCH',
      ],
      ['x must be [B, T, 2], got shape [1, 1, 3]', [[[1, 2, 3]]], {}, 'SHAPE_MISMATCH'],
      [
        'ragged rows: x[1] has 1 entries, x[0] has 2; pad sequences with padSequences',
        [
          [
            [1, 2],
            [3, 4],
          ],
          [[5, 6]],
        ],
        {},
        'SHAPE_MISMATCH',
      ],
      [
        'x must be [B, T, 2] with one row or more: it is empty, got shape [0, 3, 2]',
        { data: new Float32Array(0), shape: [0, 3, 2] },
        {},
        'INVALID_ARGUMENT',
      ],
      ['x must be [B, T, 2] with one row or more: it is empty, got shape [0]', [], {}, 'INVALID_ARGUMENT'],
      ['x must be a tensor or nested arrays of numbers, got undefined', undefined, {}, 'INVALID_ARGUMENT'],
      ['batchSize must be a positive integer, got 0', [[[1, 2]]], { batchSize: 0 }, 'INVALID_ARGUMENT'],
      ["unknown option 'batchsize'; did you mean 'batchSize'?", [[[1, 2]]], { batchsize: 1 }, 'INVALID_ARGUMENT'],
      ['signal must be an AbortSignal, got 1', [[[1, 2]]], { signal: 1 }, 'INVALID_ARGUMENT'],
      ['lengths must be an array of integers, got 3', [[[1, 2]]], { lengths: 3 }, 'INVALID_ARGUMENT'],
      ['lengths[0] must be an integer from 0 to 1, got -1', [[[1, 2]]], { lengths: [-1] }, 'INVALID_ARGUMENT'],
    ])('%s', async (message, x, options, code) => {
      using model = make([gru({ units: 2, inputSize: 2 })])
      expect(await rejected(model.predict(x as Tensor, options), code)).toContain(message)
    })

    test('names an id that is not in the vocabulary', async () => {
      using model = make(text)
      expect(
        await rejected(
          model.predict([
            [1, 2],
            [3, 20],
          ]),
        ),
      ).toBe('[model.predict] x[1][1] must be an id from 0 to 19 (inputDim 20), got 20')
      expect(await rejected(model.predict([[-1]]))).toContain('x[0][0] must be an id')
      expect(await rejected(model.predict([[0.5]]))).toContain('x[0][0] must be a 32-bit integer, got 0.5')
      expect(await rejected(model.predict({ data: Float32Array.of(1, Number.NaN), shape: [1, 2] }))).toContain('got NaN')
      expect((await model.predict({ data: Float32Array.of(1, 2), shape: [1, 2] })).shape).toEqual([1, 3])
    })

    test('NaN passes through features', async () => {
      using model = make([gru({ units: 2 })])
      expect((await model.predict([[[Number.NaN]], [[1]]])).data.map((v) => (Number.isNaN(v) ? 1 : 0))).toEqual(Float32Array.of(1, 1, 0, 0))
    })
  })

  describe(`states on ${device}`, () => {
    const layers = [gru({ units: 3, returnSequences: true, returnState: true }), bidirectional(gru({ units: 2, returnState: true }))]

    test('come out and go in', async () => {
      using model = make(layers)
      const x = random(2, 6, 4)
      const { y, states } = await model.predictWithStates(x)
      expect(states.map(({ shape }) => shape)).toEqual([
        [1, 2, 3],
        [2, 2, 2],
      ])
      // the bidirectional layer puts out its final states, side by side
      const [forward, backward] = [rows(states[1]!, 0, 1), rows(states[1]!, 1, 2)]
      expect(rows(y, 0, 1).data).toEqual(Float32Array.of(...forward.data.subarray(0, 2), ...backward.data.subarray(0, 2)))
      const again = await model.predictWithStates(x, { initialStates: states })
      expect(again.y.data).not.toEqual(y.data)
      expect(await model.predictWithStates(x)).toEqual({ y, states })
    })

    test('a sequence in two parts is the whole sequence', async () => {
      using model = make([gru({ units: 3, returnState: true })])
      using whole = make([gru({ units: 3 })])
      const x = random(1, 6, 4)
      const { states } = await model.predictWithStates({ data: x.data.slice(0, 12), shape: [1, 3, 4] })
      const { y } = await model.predictWithStates({ data: x.data.slice(12), shape: [1, 3, 4] }, { initialStates: states })
      close(y, await whole.predict(x), tolerance)
    })

    test('a stateful layer carries its state until resetStates', async () => {
      using model = make([gru({ units: 3, stateful: true })])
      using whole = make([gru({ units: 3 })])
      const x = random(1, 6, 4)
      const [first, second] = [
        { data: x.data.slice(0, 12), shape: [1, 3, 4] },
        { data: x.data.slice(12), shape: [1, 3, 4] },
      ]
      const start = await model.predict(first)
      close(await model.predict(second), await whole.predict(x), tolerance)
      await model.resetStates()
      expect(await model.predict(first)).toEqual(start)
      expect(await rejected(model.predict(random(2, 3, 4)))).toContain('holds the states of 1 rows, got a batch of 2')
      await model.resetStates()
      expect(await rejected(model.predict(random(5, 3, 4), { batchSize: 2 }))).toContain('5 rows are no multiple of batchSize 2')
      expect((await model.predict(random(4, 3, 4), { batchSize: 2 })).shape).toEqual([4, 3])
    })

    test('wrong ones are named', async () => {
      using model = make(layers)
      const x = random(2, 6, 4)
      const states = [random(1, 2, 3), random(2, 2, 2)]
      expect(await rejected(model.predictWithStates(x, { initialStates: states.slice(1) }), 'SHAPE_MISMATCH')).toContain(
        'one tensor for each of gru, bidirectional',
      )
      expect(await rejected(model.predictWithStates(x, { initialStates: states.reverse() }), 'SHAPE_MISMATCH')).toContain(
        'initialStates[0] (gru) must be float32 of shape [1, 2, 3], got [2, 2, 2]',
      )
      using none = make([gru({ units: 2 })])
      expect(await rejected(none.predictWithStates(x))).toContain('no layer has returnState or stateful')
    })
  })

  describe(`weights on ${device}`, () => {
    test('come and go under their names, bit for bit', async () => {
      using model = make(text, { seed: 1 })
      using other = make(text, { seed: 2 })
      const weights = await model.getWeights()
      await other.setWeights(weights)
      expect(await other.getWeights()).toEqual(weights)
      const x = ids(20, 3, 5)
      expect(await other.predict(x)).toEqual(await model.predict(x))
      await other.setWeights(Object.fromEntries(weights))
    })

    test('all or nothing', async () => {
      using model = make([gru({ units: 2, inputSize: 3, resetAfter: false })])
      const before = await model.getWeights()
      expect([...before.keys()]).toEqual(['gru.weight_ih_l0', 'gru.weight_hh_l0', 'gru.bias_ih_l0'])
      const ones = Object.fromEntries(
        [...before].map(([name, { data, shape }]) => [name, { data: new Float32Array(data.length).fill(1), shape }]),
      )
      const { 'gru.bias_ih_l0': bias, ...missing } = ones
      expect(await rejected(model.setWeights(missing))).toContain("'gru.bias_ih_l0' is missing: float32 of shape [6]")
      expect(await rejected(model.setWeights({ ...ones, 'gru.bias_hh_l0': bias! }))).toContain("unknown tensor 'gru.bias_hh_l0'")
      const short = { data: new Float32Array(5), shape: [5] }
      expect(await rejected(model.setWeights({ ...ones, 'gru.bias_ih_l0': short }), 'SHAPE_MISMATCH')).toContain(
        'must have shape [6], got [5]',
      )
      expect(await model.getWeights()).toEqual(before)
      await model.setWeights(ones)
      expect(await model.getWeights()).toEqual(new Map(Object.entries(ones)))
    })

    test("updateGate 'write' is 'keep' with the z rows negated", async () => {
      using write = make([gru({ units: 4, updateGate: 'write', biasInitializer: 'torch', inputSize: 3 })])
      using keep = make([gru({ units: 4, biasInitializer: 'torch', inputSize: 3 })])
      const weights = await write.getWeights()
      expect(weights).toEqual(await keep.getWeights())
      const negated = [...weights].map(([name, { data, shape }]) => {
        const third = data.length / 3
        return [name, { data: data.map((v, i) => (i >= third && i < 2 * third ? -v : v)), shape }] as const
      })
      await keep.setWeights(new Map(negated))
      const x = random(2, 5, 3)
      const y = await write.forward(x, { training: true })
      expect(await keep.forward(x, { training: true })).toEqual(y)
      const dy = random(2, 4)
      const [a, b] = [await write.backward(dy), await keep.backward(dy)]
      expect(b.dx).toEqual(a.dx)
      const third = 4
      const [ga, gb] = [a.gradients.get('gru.bias_ih_l0')!.data, b.gradients.get('gru.bias_ih_l0')!.data]
      ga.forEach((v, i) => void expect(gb[i]! + 0).toBe((i >= third && i < 2 * third ? -v : v) + 0))
    })
  })

  describe(`forward and backward on ${device}`, () => {
    test('give the gradients of a loss made elsewhere', async () => {
      using model = make([gru({ units: 3, returnSequences: true }), dense({ units: 2, kernelRegularizer: { l2: 0.5 } })])
      const x = random(2, 4, 3)
      const y = await model.forward(x, { training: true })
      expect(y).toEqual(await model.predict(x))
      await model.forward(x, { training: true })
      const dy = random(...y.shape)
      const { dx, gradients } = await model.backward(dy)
      expect(dx!.shape).toEqual(x.shape)
      const weights = await model.getWeights()
      expect([...gradients.keys()]).toEqual([...weights.keys()])
      // the bias of a dense layer gets the sum of dy
      const sums = [0, 1].map((k) => dy.data.reduce((sum, v, i) => sum + (i % 2 === k ? v : 0), 0))
      sums.forEach((sum, k) => void expect(gradients.get('dense.bias')!.data[k]).toBeCloseTo(sum, 4))
      expect(await rejected(model.backward(dy))).toContain('call forward first')
    })

    test('ids have no gradient', async () => {
      using model = make(text)
      const y = await model.forward(ids(20, 2, 3), { training: true })
      expect((await model.backward(random(...y.shape))).dx).toBeNull()
    })

    test('wrong calls are named', async () => {
      using model = make([gru({ units: 3 })])
      expect(await rejected(model.backward(random(2, 3)))).toContain('call forward first')
      await model.forward(random(2, 4, 3), { training: true })
      expect(await rejected(model.backward(random(2, 4)), 'SHAPE_MISMATCH')).toContain("dy must have y's shape [2, 3], got [2, 4]")
      expect(await rejected(model.forward(random(2, 4, 3), { train: true } as object))).toContain("unknown option 'train'")
    })

    test('dropout acts in training alone', async () => {
      using model = make([dropout({ rate: 0.5 })])
      const x = { data: new Float32Array(400).fill(1), shape: [20, 20] }
      expect((await model.forward(x)).data.every((v) => v === 1)).toBe(true)
      const { data } = await model.forward(x, { training: true })
      expect(new Set(data)).toEqual(new Set([0, 2]))
    })
  })

  describe(`dispose on ${device}`, () => {
    test('every method says DISPOSED afterwards', async () => {
      const model: Model = make(text)
      model.dispose()
      model.dispose()
      model[Symbol.dispose]()
      for (const call of [
        () => model.predict([[1]]),
        () => model.predictWithStates([[1]]),
        () => model.forward([[1]]),
        () => model.backward(random(1, 3)),
        () => model.getWeights(),
        () => model.setWeights({}),
        () => model.resetStates(),
        () => model.save('never'),
      ]) {
        await rejected(call(), 'DISPOSED')
      }
      thrown(() => model.build(3), 'DISPOSED')
      thrown(() => model.countParams(), 'DISPOSED')
    })

    test('work in flight ends or says DISPOSED', async () => {
      const model = make([gru({ units: 8 })])
      const pending = Array.from({ length: 5 }, () => model.predict(random(64, 10, 4), { batchSize: 8 }))
      await Promise.race(pending)
      model.dispose()
      for (const result of await Promise.allSettled(pending)) {
        if (result.status === 'rejected') expect(result.reason).toHaveProperty('code', 'DISPOSED')
      }
    })
  })
}

test("device 'cuda' never falls back", () => {
  if (devices().some(({ device }) => device === 'cuda')) return
  expect(thrown(() => sequential([gru({ units: 2 })], { device: 'cuda' }), 'BACKEND_UNAVAILABLE')).toContain(
    "device 'cuda' cannot be used here: ",
  )
})

test('zeroOutputForMask is of sequences: a last state stays what it is behind a masked step', async () => {
  const x = [[[1], [2]]]
  const mask = [[1, 0]]
  using plain = sequential([gru({ units: 2 })], { device: 'cpu', seed: 1 })
  using zeros = sequential([gru({ units: 2, zeroOutputForMask: true })], { device: 'cpu', seed: 1 })
  const { data } = await zeros.predict(x, { mask })
  expect(data).toEqual((await plain.predict([[[1]]])).data)
  using steps = sequential([gru({ units: 2, zeroOutputForMask: true, returnSequences: true })], { device: 'cpu', seed: 1 })
  expect([...(await steps.predict(x, { mask })).data]).toEqual([...data, 0, 0])
})
