// The same seed gives the same bits: from run to run, with any number of threads; and a row's prediction does not depend on its batch.
import { describe, expect, it } from 'vitest'
import { bidirectional, dense, dropout, embedding, Gru, gru, type Model, sequential, type Tensor, Trainer, tensor } from '../lib/index.js'
import { close } from './support/compare.js'
import { devices } from './support/devices.js'
import { source, uniform } from './support/random.js'

const [rows, steps, vocabulary] = [40, 9, 30]
const random = source(77)
const x = tensor(Int32Array.from(uniform(random, rows * steps, 0, vocabulary - 0.01)), [rows, steps])
const y = tensor(Int32Array.from(uniform(random, rows, 0, 4.99)), [rows])

const bits = ({ data }: Tensor): number[] => [...new Uint32Array(data.buffer, data.byteOffset, data.length)]

describe.each(devices())('on $device in $precision', ({ device }) => {
  const make = (threads: number, seed = 9): Model =>
    sequential(
      [
        embedding({ inputDim: vocabulary, outputDim: 12, maskZero: true }),
        bidirectional(gru({ units: 24, returnSequences: true, dropout: 0.2 })),
        gru({ units: 33, resetAfter: false }),
        dropout({ rate: 0.3 }),
        dense({ units: 5, activation: 'softmax' }),
      ],
      { device, seed, threads },
    )

  async function trained(threads: number, seed?: number): Promise<{ weights: number[][]; losses: number[]; output: number[] }> {
    using model = make(threads, seed)
    const trainer = new Trainer(model, { loss: 'sparseCategoricalCrossentropy', optimizer: 'adam', metrics: ['accuracy'] })
    const { history } = await trainer.fit({ x, y }, { epochs: 3, batchSize: 16, validationSplit: 0.2, verbose: false })
    const weights = [...(await model.getWeights()).values()].map(bits)
    return { weights, losses: [...history.loss!, ...history.val_loss!, ...history.accuracy!], output: bits(await model.predict(x)) }
  }

  it('the same seed gives the same weights, losses and outputs, bit for bit', async () => {
    expect(await trained(2)).toEqual(await trained(2))
  })

  it('one thread, two and three give the same bits', async () => {
    const one = await trained(1)
    expect(await trained(2)).toEqual(one)
    expect(await trained(3)).toEqual(one)
  })

  it('another seed gives other weights', async () => {
    expect((await trained(2, 10)).weights).not.toEqual((await trained(2)).weights)
  })

  it('initial weights depend on the seed alone', async () => {
    using first = make(1)
    using second = make(2)
    first.build(vocabulary)
    await second.predict(x)
    const [a, b] = [await first.getWeights(), await second.getWeights()]
    for (const [name, value] of a) expect(bits(b.get(name)!), name).toEqual(bits(value))
  })

  it("a row's prediction does not depend on what else is in its batch", async () => {
    using model = make(2)
    // cuBLAS may choose another kernel, and so another order of sums, for another number of rows
    const same = (came: Tensor, expected: ArrayLike<number>, what: string) =>
      close(came.data, expected, device === 'cuda' ? { atol: 1e-6, rtol: 1e-5 } : { atol: 0, rtol: 0 }, what)
    const whole = (await model.predict(x, { batchSize: rows })).data
    for (const batchSize of [1, 3, 7, 16, 32]) same(await model.predict(x, { batchSize }), whole, `batchSize ${batchSize}`)
    const last = tensor((x.data as Int32Array).slice((rows - 1) * steps), [1, steps])
    same(await model.predict(last), whole.slice(-5), 'the last row alone')
  })

  it("a Gru's weights, outputs and gradients are the same bits with one thread and two", async () => {
    const inputs = tensor(Float32Array.from(uniform(source(5), 33 * 7 * 19)), [33, 7, 19])
    const dy = tensor(Float32Array.from(uniform(source(6), 33 * 7 * 58)), [33, 7, 58])
    const lengths = Array.from({ length: 33 }, (_, i) => i % 8)
    const run = async (threads: number): Promise<number[][]> => {
      using cell = new Gru({ inputSize: 19, hiddenSize: 29, numLayers: 2, direction: 'both', device, seed: 4, threads })
      const { y, hy } = await cell.forward(inputs, { lengths, training: true })
      const { dx, dhx, gradients } = await cell.backward({ dy })
      return [y, hy, dx, dhx, ...gradients.values(), ...cell.parameters.values()].map(bits)
    }
    const one = await run(1)
    expect(await run(2)).toEqual(one)
    expect(await run(1)).toEqual(one)
  })
})
