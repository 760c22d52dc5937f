// Mode step: whole training steps through Trainer.fit, the batches coming from the host: embedding, GRU, dense layer, cross-entropy, Adam.
import type { CheckedEngineOptions } from '../engine-options.js'
import { bidirectional, dense, embedding, gru } from '../layers.js'
import { sparseCategoricalCrossentropy } from '../losses.js'
import { sequential } from '../model.js'
import { adam } from '../optimizers.js'
import { tensor } from '../tensor.js'
import { Trainer } from '../trainer.js'
import { mustHold } from './agreement.js'
import type { Row, Shape } from './rows.js'
import type { Subject } from './sample.js'
import { randomValues } from './values.js'

export const vocabulary = 1000
export const classes = 32
/** Of one epoch, which is what one call trains. */
export const batches = 8

export async function stepSubject(where: string, { shape }: Row, engine: CheckedEngineOptions): Promise<Subject> {
  const rows = shape.batch * batches
  const below = (limit: number, count: number) => randomValues(where, Int32Array, count, (stream) => stream.below(limit))
  const data = { x: tensor(below(vocabulary, rows * shape.steps), [rows, shape.steps]), y: tensor(below(classes, rows), [rows]) }
  const model = sequential(layersOf(shape), { seed: 1, ...engine })
  const trainer = new Trainer(model, { optimizer: adam({ learningRate: 0.001 }), loss: sparseCategoricalCrossentropy() })
  const fit = (epochs: number) => trainer.fit(data, { batchSize: shape.batch, epochs, shuffle: false, verbose: false })
  let loss: number | undefined
  return {
    engine: model.engine,
    warmUps: 1,
    async run(calls) {
      const [start, worked] = [performance.now(), process.cpuUsage()]
      const { history } = await fit(calls)
      const ms = (performance.now() - start) / calls / batches
      loss = history.loss!.at(-1)
      if (model.device === 'cpu') return { ms }
      const { user, system } = process.cpuUsage(worked)
      return { ms, hostMs: (user + system) / 1000 / calls / batches }
    },
    async check() {
      mustHold(loss !== undefined && Number.isFinite(loss), where, `the loss after training is ${loss}`)
    },
    async dispose() {
      model.dispose()
    },
  }
}

function layersOf({ hidden, input, layers, directions }: Shape) {
  const stack = Array.from({ length: layers }, (_, layer) => {
    const spec = gru({ units: hidden, returnSequences: layer < layers - 1 })
    return directions === 2 ? bidirectional(spec) : spec
  })
  return [embedding({ inputDim: vocabulary, outputDim: input }), ...stack, dense({ units: classes, activation: 'softmax' })]
}
