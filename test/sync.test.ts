import { describe, expect, test } from 'vitest'
import { Gru } from '../lib/gru.js'
import type { GruClassOptions } from '../lib/gru-options.js'
import { bidirectional, dense, embedding, gru } from '../lib/layers.js'
import { type ModelOptions, sequential } from '../lib/model.js'
import { RandomStream } from '../lib/random.js'
import type { LayerSpec } from '../lib/spec/types.js'
import type { FloatTensor, Tensor } from '../lib/tensor.js'
import { devices } from './support/devices.js'
import { rejected, thrown } from './support/errors.js'

const stream = new RandomStream(3, 'sync test')
const random = (...shape: number[]): FloatTensor => ({
  data: Float32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, () => stream.normal()),
  shape,
})
const zeros = (...shape: number[]): FloatTensor => ({ data: new Float32Array(shape.reduce((n, m) => n * m, 1)), shape })
/** Step t of [B, T, I]. */
const step = ({ data, shape: [rows, steps, size] }: FloatTensor, t: number): FloatTensor => ({
  data: Float32Array.from({ length: rows! * size! }, (_, i) => data[(Math.floor(i / size!) * steps! + t) * size! + (i % size!)]!),
  shape: [rows!, 1, size!],
})
const bits = ({ data }: Tensor) => [...new Uint32Array(data.buffer, data.byteOffset, data.length)]

describe.each(devices())('Gru.forwardSync on $device', ({ device }) => {
  const make = (options: Partial<GruClassOptions> = {}) => new Gru({ inputSize: 3, hiddenSize: 4, device, seed: 1, ...options })

  test.each([
    ['one step of one row', {}, [1, 1]],
    ['a small batch', {}, [2, 5]],
    ['one direction backward', { direction: 'backward' }, [2, 5]],
    ['both directions, two layers', { direction: 'both', numLayers: 2 }, [3, 4]],
    ['time first', { layout: 'TBI' }, [5, 2]],
    ['a wide one', { hiddenSize: 130 }, [4, 6]],
  ] as const)("has forward's bits: %s", async (_, options, [first, second]) => {
    using net = make(options)
    const x = random(first, second, 3)
    const plain = await net.forward(x)
    const hx = random(...plain.hy.shape)
    const carried = await net.forward(x, { hx })
    for (const [sync, expected] of [
      [net.forwardSync(x), plain],
      [net.forwardSync(x, { hx }), carried],
    ] as const) {
      expect(sync.y.shape).toEqual(expected.y.shape)
      expect(sync.hy.shape).toEqual(expected.hy.shape)
      expect(bits(sync.y)).toEqual(bits(expected.y))
      expect(bits(sync.hy)).toEqual(bits(expected.hy))
    }
    const again = await net.forward(x, { hx })
    expect(bits(again.y)).toEqual(bits(carried.y))
  })

  test('takes lengths, masks, nested arrays and int32', async () => {
    using net = make()
    const x = random(2, 3, 3)
    const mask = [
      [1, 0, 1],
      [0, 1, 1],
    ]
    expect(bits(net.forwardSync(x, { lengths: [3, 1] }).y)).toEqual(bits((await net.forward(x, { lengths: [3, 1] })).y))
    expect(bits(net.forwardSync(x, { mask }).y)).toEqual(bits((await net.forward(x, { mask })).y))
    expect(bits(net.forwardSync([[[1, 2, 3]]]).y)).toEqual(bits((await net.forward([[[1, 2, 3]]])).y))
    const integers = { data: Int32Array.of(1, 2, 3), shape: [1, 1, 3] }
    expect(bits(net.forwardSync(integers).y)).toEqual(bits((await net.forward(integers)).y))
  })

  test('a stream of steps is the sequence, with the state in one array', async () => {
    using net = make({ numLayers: 2 })
    const x = random(2, 7, 3)
    const { y, hy } = await net.forward(x)
    const state = zeros(2, 2, 4)
    const out = { y: new Float32Array(8), hy: state.data }
    for (let t = 0; t < 7; ++t) {
      const result = net.forwardSync(step(x, t), { hx: state, out })
      expect(result.y.data).toBe(out.y)
      expect(result.hy.data).toBe(state.data)
      expect(bits(result.y)).toEqual(bits(step(y, t)))
    }
    expect(bits(state)).toEqual(bits(hy))
  })

  test('results without out are nobody else’s, and out may lie anywhere', () => {
    using net = make()
    const first = net.forwardSync(random(1, 1, 3))
    const kept = bits(first.y)
    const x = random(1, 2, 3)
    const second = net.forwardSync(x)
    net.forwardSync(random(1, 1, 3))
    expect(bits(first.y)).toEqual(kept)
    const buffer = new Float32Array(16)
    const inPlace: FloatTensor = { data: buffer.subarray(0, 6), shape: [1, 2, 3] }
    inPlace.data.set(x.data)
    const { y, hy } = net.forwardSync(inPlace, { out: { y: buffer.subarray(0, 8), hy: buffer.subarray(8, 12) } })
    expect([bits(y), bits(hy)]).toEqual([bits(second.y), bits(second.hy)])
    expect([...buffer.subarray(12)]).toEqual([0, 0, 0, 0])
    const { y: half } = net.forwardSync(x, { out: { hy: new Float32Array(4) } })
    expect(bits(half)).toEqual(bits(second.y))
  })

  test('follows setParameters at once', async () => {
    using net = make()
    const x = random(1, 2, 3)
    const before = bits(net.forwardSync(x).y)
    const values = net.parameters
    values.get('bias_ih_l0')!.data.fill(0.5)
    net.setParameters(values)
    const after = bits(net.forwardSync(x).y)
    expect(after).not.toEqual(before)
    expect(bits((await net.forward(x)).y)).toEqual(after)
  })

  test('refuses while calls are under way, and leaves a backward its forward', async () => {
    using net = make()
    const x = random(2, 3, 3)
    const out = { y: new Float32Array(24).fill(9) }
    const pending = net.forward(x, { training: true })
    expect(thrown(() => net.forwardSync(x, { out }))).toContain('await what they return first')
    expect(out.y.every((v) => v === 9)).toBe(true)
    const { y } = await pending
    net.forwardSync(random(5, 1, 3))
    const { gradients } = await net.backward({ dy: random(...y.shape) })
    expect(gradients.size).toBe(4)
    net.forwardSync(x)
  })

  test('names what is wrong', () => {
    using net = make()
    const x = random(2, 3, 3)
    const call = (options: object) => () => net.forwardSync(x, options)
    expect(thrown(() => net.forwardSync(random(2, 3), {}), 'SHAPE_MISMATCH')).toContain('x must be [B, T, 3]')
    expect(thrown(call({ hx: random(1, 3, 4) }), 'SHAPE_MISMATCH')).toContain('hx must have shape [1, 2, 4], got [1, 3, 4]')
    expect(thrown(call({ out: { y: new Float32Array(23) } }), 'SHAPE_MISMATCH')).toContain('out.y must have room for 24 values, got 23')
    expect(thrown(call({ out: { hy: new Float64Array(8) } }))).toContain('out.hy must be a Float32Array of 8 values')
    expect(thrown(call({ out: new Float32Array(24) }))).toContain('out must be an object')
    expect(thrown(call({ outs: {} }))).toContain("unknown option 'outs'; did you mean 'out'?")
    expect(thrown(call({ out: { z: 1 } }))).toContain("unknown option 'out.z'")
    expect(thrown(call({ training: true }))).toContain("unknown option 'training'")
    expect(thrown(() => net.forwardSync(x, null as never))).toContain('options must be an object')
    const shared = new Float32Array(30)
    expect(thrown(call({ out: { y: shared.subarray(0, 24), hy: shared.subarray(20, 28) } }))).toContain('must not share memory')
    net.dispose()
    expect(thrown(call({}), 'DISPOSED')).toContain('disposed')
  })
})

describe.each(devices())('model.predictSync on $device', ({ device }) => {
  const make = (layers: LayerSpec[], options: ModelOptions = {}) => sequential(layers, { device, seed: 1, ...options })
  const text = [embedding({ inputDim: 20, outputDim: 6, maskZero: true }), bidirectional(gru({ units: 5 })), dense({ units: 3 })]

  test("has predict's bits, whatever goes in", async () => {
    const ids: Tensor = { data: Int32Array.of(3, 4, 5, 6, 7, 0, 8, 0, 0), shape: [3, 3] }
    const cases: [LayerSpec[], Tensor][] = [
      [[gru({ units: 4, returnSequences: true }), dense({ units: 2 })], random(3, 5, 2)],
      [[gru({ units: 40 }), dense({ units: 1, activation: 'sigmoid' })], random(2, 4, 3)],
      [[dense({ units: 3, activation: 'softmax' })], random(5, 2)],
      [text, ids],
    ]
    for (const [layers, x] of cases) {
      using model = make(layers)
      const sync = model.predictSync(x)
      const expected = await model.predict(x)
      expect(sync.shape).toEqual(expected.shape)
      expect(bits(sync)).toEqual(bits(expected))
    }
  })

  test('builds the model, takes masks, lengths and nested arrays', async () => {
    using model = make([gru({ units: 4 })])
    const y = model.predictSync([
      [
        [1, 2],
        [3, 4],
      ],
    ])
    expect(model.built).toBe(true)
    expect(
      bits(
        await model.predict([
          [
            [1, 2],
            [3, 4],
          ],
        ]),
      ),
    ).toEqual(bits(y))
    const x = random(2, 3, 2)
    for (const options of [
      { lengths: [1, 3] },
      {
        mask: [
          [1, 0, 1],
          [0, 1, 1],
        ],
      },
    ]) {
      expect(bits(model.predictSync(x, options))).toEqual(bits(await model.predict(x, options)))
    }
  })

  test('stateful layers carry their state, between the two ways too', async () => {
    const layers = [gru({ units: 4, stateful: true, returnSequences: true }), gru({ units: 3, stateful: true }), dense({ units: 2 })]
    const x = random(2, 6, 3)
    using whole = make(layers)
    const { y, states } = await whole.predictWithStates(x)
    using model = make(layers)
    const out = new Float32Array(4)
    for (let t = 0; t < 6; ++t) {
      if (t % 3 === 2) out.set((await model.predict(step(x, t))).data)
      else expect(model.predictSync(step(x, t), { out }).data).toBe(out)
    }
    expect(bits({ data: out, shape: [2, 2] })).toEqual(bits(y))
    expect(thrown(() => model.predictSync(step(random(3, 1, 3), 0)))).toContain('holds the states of 2 rows')
    const reset = model.resetStates()
    const first = model.predictSync(step(x, 0))
    await reset
    whole.resetStates()
    expect(bits(whole.predictSync(step(x, 0)))).toEqual(bits(first))
    expect(states.map(({ shape }) => shape)).toEqual([
      [1, 2, 4],
      [1, 2, 3],
    ])
  })

  test('refuses while calls are under way', async () => {
    using model = make([gru({ units: 4 }), dense({ units: 2 })])
    const x = random(2, 3, 2)
    const pending = model.predict(x)
    expect(thrown(() => model.predictSync(x))).toContain('await what they return first')
    const y = await pending
    expect(bits(model.predictSync(x))).toEqual(bits(y))
  })

  test('names what is wrong', () => {
    using model = make(text)
    const x: Tensor = { data: Int32Array.of(1, 2), shape: [1, 2] }
    expect(thrown(() => model.predictSync({ data: Int32Array.of(1, 20), shape: [1, 2] }))).toContain('x[0][1] must be an id from 0 to 19')
    expect(thrown(() => model.predictSync(x, { out: new Float32Array(2) }), 'SHAPE_MISMATCH')).toContain('room for 3 values, got 2')
    expect(thrown(() => model.predictSync(x, { out: [1, 2, 3] as never }))).toContain('out must be a Float32Array of 3 values')
    expect(thrown(() => model.predictSync(x, { batchSize: 3 } as never))).toContain("unknown option 'batchSize'")
    model.dispose()
    expect(thrown(() => model.predictSync(x), 'DISPOSED')).toContain('disposed')
  })

  test('an object that disposes while it is read', async () => {
    const model = make([gru({ units: 4 }), dense({ units: 2 })])
    const x = random(1, 1, 2)
    model.predictSync(x)
    const hostile = {
      get data() {
        model.dispose()
        return x.data
      },
      shape: x.shape,
    }
    expect(thrown(() => model.predictSync(hostile), 'DISPOSED')).toContain('disposed')
    expect(await rejected(model.predict(x), 'DISPOSED')).toContain('disposed')
  })
})
