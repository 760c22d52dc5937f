// Device memory: what a step needs is there after the first ones, what is too much is said, and everything is given back.
import { describe, expect, it } from 'vitest'
import { dense, Gru, GrusError, gru, sequential, Trainer, tensor } from '../../lib/index.js'
import { source, uniform } from '../support/random.js'
import { fullSizes, missing } from './available.js'

describe.skipIf(missing)('device memory', () => {
  it('stays as it is over many steps', async () => {
    const random = source(8)
    const [rows, steps, epochs] = [64, 6, fullSizes ? 2500 : 40]
    const x = tensor(Float32Array.from(uniform(random, rows * steps * 3)), [rows, steps, 3])
    const y = tensor(Float32Array.from(uniform(random, rows, 0, 1)), [rows])
    using model = sequential([gru({ units: 8 }), dense({ units: 1 })], { device: 'cuda', seed: 1 })
    const trainer = new Trainer(model, { loss: 'mse', optimizer: 'adam' })
    const fit = (count: number) => trainer.fit({ x, y }, { epochs: count, batchSize: 16, verbose: false })
    expect(model.memory()).toEqual({ allocations: 0, bytes: 0 })
    await fit(3)
    const before = model.memory()
    await fit(epochs)
    const { allocations, bytes, graphs } = model.memory()
    expect({ allocations, bytes }).toEqual({ allocations: before.allocations, bytes: before.bytes })
    expect(before.bytes).toBeGreaterThan(0)
    expect({ captures: graphs?.captures, nodes: graphs?.nodes }).toEqual({ captures: before.graphs?.captures, nodes: before.graphs?.nodes })
    expect(graphs!.bytes).toBeGreaterThan(0)
    model.dispose()
    await expect.poll(() => model.memory()).toMatchObject({ bytes: 0, graphs: { nodes: 0, bytes: 0 } })
  }, 600_000)

  it('too large a batch is refused with what it needs and what there is, and the model goes on', async () => {
    using cell = new Gru({ inputSize: 1, hiddenSize: 2048, device: 'cuda', seed: 1 })
    const x = tensor(new Float32Array(8 * 3), [8, 3, 1])
    const before = await cell.forward(x, { training: true })
    const steps = 1 << 22 // 8 * 2^22 * 2048 floats: 256 GiB for y alone
    const huge = cell.forward(tensor(new Float32Array(8 * steps), [8, steps, 1]), { training: true })
    const error = await huge.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(GrusError)
    expect((error as GrusError).code).toMatch(/OUT_OF_MEMORY|UNSUPPORTED/)
    expect([...(await cell.forward(x, { training: true })).y.data]).toEqual([...before.y.data])
  })
})

describe.skipIf(missing)('which GPU', () => {
  it('one that is not there is named, with how many there are', () => {
    expect(() => new Gru({ inputSize: 1, hiddenSize: 1, device: 'cuda:99' })).toThrow(/cuda:99/)
  })

  it('the first one is cuda', () => {
    using cell = new Gru({ inputSize: 1, hiddenSize: 1, device: 'cuda:0' })
    expect(cell.device).toBe('cuda')
  })

  it('two at once compute the same', async () => {
    const options = { inputSize: 3, hiddenSize: 6, seed: 4 }
    using first = new Gru({ ...options, device: 'cuda' })
    let second: Gru
    try {
      second = new Gru({ ...options, device: 'cuda:1' })
    } catch (error) {
      console.info(`skipped: ${(error as Error).message.split('\n')[0]}`)
      return
    }
    expect(second.device).toBe('cuda:1')
    const x = tensor(Float32Array.from(uniform(source(2), 4 * 7 * 3)), [4, 7, 3])
    const runs = Array.from({ length: 10 }, () => [first.forward(x), second.forward(x)]).flat()
    const [expected, ...others] = (await Promise.all(runs)).map(({ y }) => [...y.data])
    for (const other of others) expect(other).toEqual(expected)
    second.dispose()
  })
})
