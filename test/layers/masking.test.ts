// The layer masking: as Keras has it (test/fixtures/keras_masking.json, written by scripts/fixtures/keras_masking.py), and the same as a mask by hand.
import { describe, expect, it } from 'vitest'
import {
  bidirectional,
  dense,
  dropout,
  gru,
  type LayerSpec,
  layerNormalization,
  type Model,
  masking,
  sequential,
  sgd,
  type Tensor,
  Trainer,
  tensor,
} from '../../lib/index.js'
import { close } from '../support/compare.js'
import { devices, maskTensor, toTensor, toTensors } from '../support/devices.js'
import { source, uniform } from '../support/random.js'
import { type CaseTensor, fixture } from '../support/shared.js'
import { flatWeights } from '../support/toy.js'

interface Fixture {
  maskValue: number
  x: CaseTensor
  y: CaseTensor
  weights: Record<string, CaseTensor>
  output: CaseTensor
  loss: number
  weightsAfter3: Record<string, CaseTensor>
}

const found = [
  [1, 1, 0, 1],
  [0, 1, 0, 1],
  [0, 0, 0, 0],
]
const given = [
  [1, 1, 1, 0],
  [0, 1, 1, 1],
  [1, 1, 0, 0],
]
const both = found.map((row, b) => row.map((is, t) => is * given[b]![t]!))
const [rows, steps, features] = [3, 4, 2]

/** Random features, `value` where no step is found. */
function filled(value: number): Tensor {
  const x = Float32Array.from(uniform(source(3), rows * steps * features))
  found.flat().forEach((is, step) => {
    if (!is) x.fill(value, step * features, (step + 1) * features)
  })
  return tensor(x, [rows, steps, features])
}

const shut = (x: Tensor): Tensor => tensor(x.data.map((v, i) => (found.flat()[Math.floor(i / features)] ? v : 0)) as Float32Array, x.shape)

describe.each(devices())('masking on $device in $precision', ({ device }) => {
  it('is what Keras computes: output, loss, and weights after 3 steps of SGD', async () => {
    const { maskValue, ...keras } = fixture<Fixture>('keras_masking')
    const layers = [
      masking({ maskValue }),
      dense({ units: 4, activation: 'tanh' }),
      gru({ units: 3, returnSequences: true }),
      dense({ units: 2 }),
    ]
    using model = sequential(layers, { device, inputSize: 3 })
    await model.setWeights(toTensors(keras.weights))
    const [x, y] = [toTensor(keras.x), toTensor(keras.y)]
    close(await model.predict(x), keras.output, { atol: 1e-6, rtol: 1e-5 }, 'output')
    const trainer = new Trainer(model, { loss: 'meanSquaredError', optimizer: sgd({ learningRate: 0.1 }) })
    const { loss } = await trainer.evaluate({ x, y })
    close([loss], [keras.loss], { atol: 1e-6, rtol: 1e-5 }, 'loss')
    await trainer.fit({ x, y }, { batchSize: 4, epochs: 3, shuffle: false, verbose: false })
    const weights = await model.getWeights()
    for (const [name, value] of Object.entries(keras.weightsAfter3)) {
      close(weights.get(name)!, value, { atol: 2e-6, rtol: 1e-5 }, `${name} after 3 steps`)
    }
  })

  const stacks: [string, LayerSpec[]][] = [
    ['a gru', [gru({ units: 4, returnState: true })]],
    ['every step', [dense({ units: 3 }), bidirectional(gru({ units: 4, returnSequences: true, returnState: true })), dense({ units: 2 })]],
    ['backwards', [layerNormalization(), gru({ units: 4, goBackwards: true, returnSequences: true, returnState: true })]],
  ]
  describe.each(stacks)('before %s', (_, layers) => {
    const make = async (first: LayerSpec[]): Promise<Model> => {
      const model = sequential([...first, ...layers], { device, inputSize: features, seed: 5 })
      const random = source(9)
      const drawn = [...(await model.getWeights())].map(([name, { data, shape }]): [string, Tensor] => [
        name,
        tensor(Float32Array.from(uniform(random, data.length)), shape),
      ])
      await model.setWeights(new Map(drawn))
      return model
    }

    it.each([0, -2.5])('is the mask by hand and zeros, for the value %d, in every way of computing', async (maskValue) => {
      const x = filled(maskValue)
      const before = Float32Array.from(x.data)
      using one = await make([masking({ maskValue })])
      using other = await make([])
      for (const extra of [undefined, given]) {
        const mask = extra ? { mask: maskTensor(extra) } : {}
        const byHand = { mask: maskTensor(extra ? both : found) }
        const want = await other.predictWithStates(shut(x), byHand)
        expect(await one.predictWithStates(x, mask)).toEqual(want)
        expect(await one.predict(x, { ...mask, batchSize: 2 })).toEqual(await other.predict(shut(x), { ...byHand, batchSize: 2 }))
        expect(one.predictSync(x, mask)).toEqual(want.y)
        expect(await one.forward(x, mask)).toEqual(await other.forward(shut(x), byHand))
        const dy = tensor(Float32Array.from(uniform(source(4), want.y.data.length)), want.y.shape)
        const [mine, theirs] = [await one.backward(dy), await other.backward(dy)]
        expect(mine.gradients).toEqual(theirs.gradients)
        expect(mine.dx).toEqual({ ...theirs.dx!, data: shut(theirs.dx!).data })
      }
      expect(await one.predict(x, { lengths: [3, 4, 0] })).toEqual(
        await other.predict(shut(x), {
          mask: maskTensor([
            [1, 1, 0, 0],
            [0, 1, 0, 1],
            [0, 0, 0, 0],
          ]),
        }),
      )
      expect(x.data).toEqual(before)
    })

    it('trains and measures the same', async () => {
      const x = filled(7)
      const results = []
      for (const [first, data] of [
        [[masking({ maskValue: 7 })], { x }],
        [[], { x: shut(x), mask: maskTensor(found) }],
      ] as const) {
        using model = await make([...first])
        const [size, timed] = [model.outputShape.at(-1) as number, model.outputShape.length === 3]
        const shape = timed ? [rows, steps, size] : [rows, size]
        const y = tensor(
          Float32Array.from(
            uniform(
              source(6),
              shape.reduce((n, m) => n * m),
            ),
          ),
          shape,
        )
        const trainer = new Trainer(model, { loss: 'meanSquaredError', metrics: ['mae'], optimizer: sgd({ learningRate: 0.1 }) })
        const history = await trainer.fit({ ...data, y }, { batchSize: 2, epochs: 2, verbose: false, validationSplit: 0.4, seed: 3 })
        results.push([history, await trainer.evaluate({ ...data, y }), await flatWeights(model)])
      }
      expect(results[0]).toEqual(results[1])
    })
  })

  it('takes no step for masked that has another feature, or NaN', async () => {
    using wide = sequential([masking(), dropout({ rate: 0.5 }), gru({ units: 2 })], { device, seed: 1 })
    expect([...(await wide.predict([[[0, -0]]])).data]).toEqual([0, 0])
    expect((await wide.predict([[[0, 1e-30]]])).data.every((v) => v !== 0)).toBe(true)
    expect((await wide.predict([[[Number.NaN, 0]]])).data.every(Number.isNaN)).toBe(true)
  })

  it('a mask may be of another kind in reversed time: batches of one size in any order are what a model computes that saw no other', async () => {
    const masks = {
      'whole rows and none': [
        [1, 1, 1, 1],
        [0, 0, 0, 0],
      ],
      'padded at the end': [
        [1, 1, 1, 0],
        [1, 1, 0, 0],
      ],
      'padded at the start': [
        [0, 1, 1, 1],
        [0, 0, 1, 1],
      ],
      'with gaps': [
        [1, 0, 1, 1],
        [1, 1, 0, 1],
      ],
    }
    const layers = [gru({ units: 3, goBackwards: true, returnSequences: true }), gru({ units: 4 }), dense({ units: 2 })]
    const x = tensor(Float32Array.from(uniform(source(3), 2 * 4 * 3)), [2, 4, 3])
    const make = () => sequential(layers, { device, inputSize: 3, seed: 7 })
    using one = make()
    for (let round = 0; round < 4; ++round) {
      for (const [name, rows] of Object.entries(masks)) {
        using fresh = make()
        const mask = maskTensor(rows)
        expect([...(await one.predict(x, { mask })).data], name).toEqual([...(await fresh.predict(x, { mask })).data])
      }
    }
  })
})
