// A captured step is replayed with the same bits as a step whose work is enqueued anew; ragged batches of one size share a graph.
import { describe, expect, it } from 'vitest'
import {
  bidirectional,
  dense,
  dropout,
  embedding,
  type GraphUse,
  gru,
  type LayerSpec,
  type Model,
  sequential,
  type Tensor,
  Trainer,
  tensor,
} from '../../lib/index.js'
import { source, uniform } from '../support/random.js'
import { missing } from './available.js'

const [rows, steps, vocabulary] = [50, 8, 20]
const random = source(5)
const x = tensor(Int32Array.from(uniform(random, rows * steps, 1, vocabulary - 0.01)), [rows, steps])
const y = tensor(Int32Array.from(uniform(random, rows, 0, 3.99)), [rows])
const lengths = Array.from({ length: rows }, () => 1 + Math.floor(random() * steps))
const mask = tensor(
  Int32Array.from({ length: rows * steps }, (_, i) => Number(i % steps < lengths[Math.floor(i / steps)]!)),
  [rows, steps],
)

const bits = ({ data }: Tensor): number[] => [...new Uint32Array(data.buffer, data.byteOffset, data.length)]

const models: Record<string, LayerSpec[]> = {
  'one direction': [
    embedding({ inputDim: vocabulary, outputDim: 6 }),
    gru({ units: 9, dropout: 0.3 }),
    dense({ units: 4, activation: 'softmax' }),
  ],
  'two directions': [
    embedding({ inputDim: vocabulary, outputDim: 6 }),
    bidirectional(gru({ units: 5 })),
    dense({ units: 4, activation: 'softmax' }),
  ],
  'stepwise and stateful outputs': [
    embedding({ inputDim: vocabulary, outputDim: 6 }),
    gru({ units: 7, returnSequences: true, resetAfter: false, recurrentActivation: 'hardSigmoid' }),
    dropout({ rate: 0.4 }),
    gru({ units: 5 }),
    dense({ units: 4, activation: 'softmax' }),
  ],
}

async function trained(layers: LayerSpec[], masked: boolean, graphs: boolean): Promise<{ numbers: unknown; use: GraphUse }> {
  using model: Model = sequential(layers, { device: 'cuda', seed: 3, graphs })
  const trainer = new Trainer(model, { loss: 'sparseCategoricalCrossentropy', optimizer: 'adam', metrics: ['accuracy'] })
  // 50 rows in batches of 16: three of one size and a smaller one, six times over, always the same: lengths come again
  const { history } = await trainer.fit({ x, y, ...(masked && { mask }) }, { epochs: 6, batchSize: 16, shuffle: false, verbose: false })
  const weights = [...(await model.getWeights()).values()].map(bits)
  const output = bits(await model.predict(x, masked ? { mask } : {}))
  return { numbers: { history, weights, output }, use: model.memory().graphs! }
}

describe.skipIf(missing)('captured and replayed', () => {
  describe.each(Object.entries(models))('%s', (_, layers) => {
    it.each([false, true])('with a mask: %s', async (masked) => {
      const eager = await trained(layers, masked, false)
      expect(eager.use).toMatchObject({ captures: 0, replays: 0, refusals: 0, nodes: 0 })
      const { numbers, use } = await trained(layers, masked, true)
      expect(numbers).toEqual(eager.numbers)
      expect(use, use.lastRefusal).toMatchObject({ refusals: 0 })
      expect(use.captures).toBeGreaterThanOrEqual(1)
      expect(use.replays).toBeGreaterThanOrEqual(use.captures)
      expect(use.replays + use.eager).toBe(eager.use.eager)
    })
  })
})
