import { describe, expect, test } from 'vitest'
import { Gru } from '../lib/gru.js'
import type { GruClassOptions } from '../lib/gru-options.js'
import { RandomStream } from '../lib/random.js'
import type { FloatTensor } from '../lib/tensor.js'
import { devices } from './support/devices.js'
import { rejected, thrown } from './support/errors.js'

const stream = new RandomStream(11, 'gru test')
const random = (...shape: number[]): FloatTensor => ({
  data: Float32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, () => stream.normal()),
  shape,
})
const swap = ({ data, shape: [a, b, c] }: FloatTensor): FloatTensor => {
  const swapped = new Float32Array(data.length)
  for (let i = 0; i < a!; ++i)
    for (let j = 0; j < b!; ++j) swapped.set(data.subarray((i * b! + j) * c!, (i * b! + j + 1) * c!), (j * a! + i) * c!)
  return { data: swapped, shape: [b!, a!, c!] }
}
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

for (const { device } of devices()) {
  describe(`Gru on ${device}`, () => {
    const make = (options: Partial<GruClassOptions> = {}) => new Gru({ inputSize: 3, hiddenSize: 4, device, seed: 1, ...options })

    test('says what computes', () => {
      using gru = make()
      expect(gru.device).toBe(device)
      expect(gru.engine).toMatch(device === 'cpu' ? /^cpu / : /./)
    })

    test.each([
      ['forward', 1, 1],
      ['backward', 1, 1],
      ['both', 2, 2],
      ['forward', 3, 1],
      ['both', 3, 2],
    ] as const)('shapes: %s, %i layers', async (direction, numLayers, directions) => {
      using gru = make({ direction, numLayers })
      const { y, hy } = await gru.forward(random(2, 5, 3), { training: true })
      expect(y.shape).toEqual([2, 5, directions * 4])
      expect(hy.shape).toEqual([numLayers * directions, 2, 4])
      const { dx, dhx, gradients } = await gru.backward({ dy: random(...y.shape), dhy: random(...hy.shape) })
      expect(dx.shape).toEqual([2, 5, 3])
      expect(dhx.shape).toEqual(hy.shape)
      expect([...gradients].map(([name, { shape }]) => [name, shape])).toEqual(
        [...gru.parameters].map(([name, { shape }]) => [name, shape]),
      )
      for (const { data } of [dx, dhx, ...gradients.values()]) expect(data.some((v) => v !== 0)).toBe(true)
    })

    test("has PyTorch's names and shapes", () => {
      using gru = make({ numLayers: 2, direction: 'both' })
      const expected = [0, 1].flatMap((layer) =>
        ['', '_reverse'].flatMap((end) => [
          [`weight_ih_l${layer}${end}`, [12, layer === 0 ? 3 : 8]],
          [`weight_hh_l${layer}${end}`, [12, 4]],
          [`bias_ih_l${layer}${end}`, [12]],
          [`bias_hh_l${layer}${end}`, [12]],
        ]),
      )
      expect([...gru.parameters].map(([name, { shape }]) => [name, shape])).toEqual(expected)
      using plain = make({ bias: false, direction: 'backward' })
      expect([...plain.parameters.keys()]).toEqual(['weight_ih_l0', 'weight_hh_l0'])
    })

    test('weights are U(±1/sqrt(H)) of the seed', async () => {
      using gru = make({ hiddenSize: 64, seed: 5 })
      using same = make({ hiddenSize: 64, seed: 5 })
      using other = make({ hiddenSize: 64, seed: 6 })
      expect(same.parameters).toEqual(gru.parameters)
      expect(other.parameters).not.toEqual(gru.parameters)
      for (const { data } of gru.parameters.values()) {
        const largest = data.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
        expect(largest).toBeLessThanOrEqual(1 / 8)
        expect(largest).toBeGreaterThan(0.95 / 8)
      }
      const x = random(2, 3, 3)
      expect((await same.forward(x)).y.data).toEqual((await gru.forward(x)).y.data)
    })

    test('layout TBI is the same with time first', async () => {
      using batchFirst = make({ direction: 'both' })
      using timeFirst = make({ direction: 'both', layout: 'TBI' })
      const [x, dy] = [random(2, 5, 3), random(2, 5, 8)]
      const a = await batchFirst.forward(x, { lengths: [5, 3], training: true })
      const b = await timeFirst.forward(swap(x), { lengths: [5, 3], training: true })
      expect(swap(b.y).data).toEqual(a.y.data)
      expect(b.hy).toEqual(a.hy)
      const [da, db] = [await batchFirst.backward({ dy }), await timeFirst.backward({ dy: swap(dy) })]
      expect(swap(db.dx).data).toEqual(da.dx.data)
      expect(db.gradients).toEqual(da.gradients)
    })

    test("updateGate 'write' computes h' = (1 - z) h + z n", async () => {
      using gru = new Gru({ inputSize: 1, hiddenSize: 1, device, updateGate: 'write' })
      const values: Record<string, number[]> = {
        weight_ih_l0: [0.3, -0.8, 0.5],
        weight_hh_l0: [0.2, 0.7, -0.4],
        bias_ih_l0: [0.1, 0.6, -0.2],
        bias_hh_l0: [-0.3, 0.25, 0.15],
      }
      const tensors = Object.fromEntries(
        Object.entries(values).map(([name, v]) => [name, { data: Float32Array.from(v), shape: name.startsWith('w') ? [3, 1] : [3] }]),
      )
      gru.setParameters(tensors)
      for (const [name, v] of Object.entries(values)) expect([...gru.parameters.get(name)!.data]).toEqual([...Float32Array.from(v)])
      const [x, h] = [1.5, -0.6]
      const gate = (i: number) => {
        const [wi, wh, bi, bh] = Object.values(values).map((v) => v[i]!) as [number, number, number, number]
        return [wi * x + bi, wh * h + bh] as const
      }
      const r = sigmoid(gate(0)[0] + gate(0)[1])
      const z = sigmoid(gate(1)[0] + gate(1)[1])
      const n = Math.tanh(gate(2)[0] + r * gate(2)[1])
      const hx = { data: Float32Array.of(h), shape: [1, 1, 1] }
      const { hy } = await gru.forward([[[x]]], { hx, training: true })
      expect(hy.data[0]).toBeCloseTo((1 - z) * h + z * n, 5)
      // dh'/d(bias of z) = (n - h) z (1 - z)
      const { gradients } = await gru.backward({ dhy: { data: Float32Array.of(1), shape: [1, 1, 1] } })
      expect(gradients.get('bias_ih_l0')!.data[1]).toBeCloseTo((n - h) * z * (1 - z), 5)
      expect(gradients.get('weight_ih_l0')!.data[1]).toBeCloseTo((n - h) * z * (1 - z) * x, 5)
    })

    test('lengths are masks, a masked row is its trimmed self, an empty row keeps its state', async () => {
      using gru = make()
      const [x, hx] = [random(3, 4, 3), random(1, 3, 4)]
      const masked = await gru.forward(x, { hx, lengths: [4, 2, 0] })
      const mask = [
        [1, 1, 1, 1],
        [1, 1, 0, 0],
        [0, 0, 0, 0],
      ]
      expect(await gru.forward(x, { hx, mask })).toEqual(masked)
      const row = { data: x.data.slice(12, 18) as Float32Array, shape: [1, 2, 3] }
      const alone = await gru.forward(row, { hx: { data: hx.data.slice(4, 8), shape: [1, 1, 4] } })
      const state = masked.hy.data.subarray(4, 8)
      alone.hy.data.forEach((v, i) => void expect(state[i]).toBeCloseTo(v, 5))
      expect([...masked.y.data.subarray(16 + 8, 48)]).toEqual(new Array(24).fill(0))
      expect(masked.hy.data.slice(8)).toEqual(hx.data.slice(8))
    })

    test('calls need not be awaited one by one', async () => {
      using gru = make()
      const x = random(2, 3, 3)
      const first = gru.forward(x)
      const zeros = new Map([...gru.parameters].map(([name, { data, shape }]) => [name, { data: new Float32Array(data.length), shape }]))
      gru.setParameters(zeros)
      const second = gru.forward(x)
      expect((await first).y.data.some((v) => v !== 0)).toBe(true)
      expect((await second).y.data.every((v) => v === 0)).toBe(true)
    })

    test('parameters are copies; setParameters is all or nothing', () => {
      using gru = make()
      const before = gru.parameters
      before.get('bias_ih_l0')!.data[0] = 99
      expect(gru.parameters.get('bias_ih_l0')!.data[0]).not.toBe(99)
      const values = Object.fromEntries(gru.parameters)
      const kept = gru.parameters
      const { bias_hh_l0: _, ...missing } = values
      expect(thrown(() => gru.setParameters(missing))).toBe("[Gru.setParameters] 'bias_hh_l0' is missing: float32 of shape [12]")
      expect(thrown(() => gru.setParameters({ ...values, bias_hh_l1: values.bias_hh_l0! }))).toContain(
        "unknown tensor 'bias_hh_l1'; did you mean",
      )
      const turned = { ...values, weight_ih_l0: { data: new Float32Array(36), shape: [3, 12] } }
      expect(thrown(() => gru.setParameters(turned), 'SHAPE_MISMATCH')).toBe(
        "[Gru.setParameters] 'weight_ih_l0' must have shape [12, 3], got [3, 12] with 36 numbers",
      )
      expect(thrown(() => gru.setParameters({ ...values, bias_ih_l0: { data: new Int32Array(12), shape: [12] } }))).toContain(
        'must be a float32 tensor',
      )
      expect(thrown(() => gru.setParameters(null as never))).toContain('must be a Map or an object')
      expect(gru.parameters).toEqual(kept)
    })

    test.each<[string, Partial<GruClassOptions>]>([
      ['[Gru] inputSize must be a positive integer, got 0', { inputSize: 0 }],
      ['[Gru] hiddenSize must be a positive integer, got -1', { hiddenSize: -1 }],
      ['[Gru] numLayers must be an integer from 1 to 1024, got 1.5', { numLayers: 1.5 }],
      ["[Gru] unknown option 'hidden'; did you mean 'hiddenSize'?", { hidden: 3 } as object],
      ["[Gru] direction must be one of 'forward', 'backward', 'both', got 'bidirectional'", { direction: 'bidirectional' as 'both' }],
      ["[Gru] activation: a pair needs direction 'both'", { activation: ['tanh', 'relu'] }],
      ["[Gru] layout must be one of 'BTI', 'TBI', got 'NTC'", { layout: 'NTC' as 'BTI' }],
      ['[Gru] seed must be an integer from 0 to 2^53 - 1, got -1', { seed: -1 }],
      ['2^31 - 1 is the most', { hiddenSize: 2 ** 20 }],
    ])('%s', (message, options) => expect(thrown(() => make(options))).toContain(message))

    test('bad calls are named and change nothing', async () => {
      using gru = make()
      expect(await rejected(gru.forward(random(2, 3)), 'SHAPE_MISMATCH')).toContain('x must be [B, T, 3]')
      expect(await rejected(gru.forward(random(2, 0, 3)), 'SHAPE_MISMATCH')).toContain('got shape [2, 0, 3]')
      expect(
        await rejected(
          gru.forward([
            [
              [1, 2, 3],
              [1, 2],
            ],
          ]),
          'SHAPE_MISMATCH',
        ),
      ).toContain('ragged rows: x[0][1] has 2 entries')
      const x = random(2, 3, 3)
      expect(await rejected(gru.forward(x, { hx: random(2, 1, 4) }), 'SHAPE_MISMATCH')).toBe(
        '[Gru.forward] hx must have shape [1, 2, 4], got [2, 1, 4]',
      )
      expect(await rejected(gru.forward(x, { lengths: [1] }), 'SHAPE_MISMATCH')).toContain('one entry for each of the 2 rows')
      expect(await rejected(gru.forward(x, { lengths: [1, 4] }))).toContain('lengths[1] must be an integer from 0 to 3, got 4')
      expect(
        await rejected(
          gru.forward(x, {
            mask: [
              [1, 1],
              [1, 1],
            ],
          }),
          'SHAPE_MISMATCH',
        ),
      ).toContain('mask must be [B, T] = [2, 3]')
      expect(
        await rejected(
          gru.forward(x, {
            mask: [
              [1, 1, 2],
              [1, 1, 1],
            ],
          }),
        ),
      ).toContain('mask[0][2] must be 0 or 1, got 2')
      expect(
        await rejected(
          gru.forward(x, {
            lengths: [1, 1],
            mask: [
              [1, 1, 1],
              [1, 1, 1],
            ],
          }),
        ),
      ).toContain('mask or lengths, not both')
      expect(await rejected(gru.forward(x, { train: true } as object))).toContain("unknown option 'train'")
      expect(await rejected(gru.backward({ dy: random(2, 3, 4) }))).toContain('call forward with training: true first')
      await gru.forward(x, { training: true })
      expect(await rejected(gru.backward({ dy: random(2, 3, 5) }), 'SHAPE_MISMATCH')).toContain('dy must have shape [2, 3, 4]')
      expect(await rejected(gru.backward({}))).toContain('give dy, dhy or both')
      await gru.backward({ dy: random(2, 3, 4) })
      expect(await rejected(gru.backward({ dy: random(2, 3, 4) }))).toContain('each allows one backward')
    })

    test('NaN passes through', async () => {
      using gru = make()
      const { y } = await gru.forward([[[Number.NaN, 0, 0]]])
      expect(y.data.every(Number.isNaN)).toBe(true)
    })

    test('after dispose: DISPOSED, and dispose again is fine', async () => {
      const gru = make()
      const pending = gru.forward(random(2, 3, 3))
      gru.dispose()
      gru.dispose()
      await pending.catch((error: unknown) => expect(error).toHaveProperty('code', 'DISPOSED'))
      await rejected(gru.forward(random(2, 3, 3)), 'DISPOSED')
      await rejected(gru.backward({ dy: random(2, 3, 4) }), 'DISPOSED')
      thrown(() => gru.setParameters(gru.parameters), 'DISPOSED')
    })
  })
}

describe('the CPU computes in float32', () => {
  test.each(['bfloat16', 'float16'] as const)('and refuses %s', (precision) => {
    expect(thrown(() => new Gru({ inputSize: 1, hiddenSize: 1, device: 'cpu', precision }), 'UNSUPPORTED')).toBe(
      `[Gru] precision '${precision}' needs a GPU, and the device is the CPU: use precision 'float32'`,
    )
  })

  test('where tf32 only allows rounding', async () => {
    const [x, options] = [random(1, 1, 2), { inputSize: 2, hiddenSize: 3, device: 'cpu', seed: 1 } as const]
    const answers = await Promise.all(
      (['float32', 'tf32'] as const).map(async (precision) => {
        using cell = new Gru({ ...options, precision })
        return [...(await cell.forward(x)).y.data]
      }),
    )
    expect(answers[1]).toEqual(answers[0])
  })
})

test.each([
  ["device must be one of 'auto', 'cpu', 'cuda', 'cuda:1' …, got 'cuda:'", { device: 'cuda:' as 'cuda' }],
  ["algorithm must be one of 'heuristic'", { algorithm: 'fastest' as 'autotune' }],
  ['graphs must be true or false, got 1', { graphs: 1 as unknown as boolean }],
])('[Gru] %s', (text, options) => {
  expect(thrown(() => new Gru({ inputSize: 1, hiddenSize: 1, ...options }), 'INVALID_ARGUMENT')).toContain(`[Gru] ${text}`)
})
