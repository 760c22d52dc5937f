import { describe, expect, it } from 'vitest'
import { dense, gru } from '../lib/layers.js'
import { type Model, sequential } from '../lib/model.js'
import { tensor } from '../lib/tensor.js'
import { Trainer, type TrainerOptions } from '../lib/trainer.js'
import type { Dataset, FitOptions } from '../lib/training/options.js'
import { testDevice } from './support/devices.js'
import { flatWeights, toyData, toyModel } from './support/toy.js'
import { rejectsLater, rejectsWith } from './support/values.js'

const data = toyData(12)
const quiet = { verbose: false } as const
const trainerOf = (model: Model) => new Trainer(model, { loss: 'binaryCrossentropy', metrics: ['accuracy'] })

describe('Trainer refuses', () => {
  const wrong: [string, unknown, RegExp][] = [
    ['no loss', {}, /loss/],
    ['an unknown loss', { loss: 'crossentropy' }, /loss.*'crossentropy'/],
    ['an unknown optimizer', { loss: 'mse', optimizer: 'adamm' }, /optimizer.*'adamm'.*'adam'/],
    ['an unknown metric', { loss: 'mse', metrics: ['acuracy'] }, /metrics\[0\].*'acuracy'.*'accuracy'/],
    ['a metric twice', { loss: 'mse', metrics: ['mae', 'mae'] }, /mae/],
    ['a metric by a name of the logs', { loss: 'mse', metrics: [{ type: 'mae', name: 'val_loss' }] }, /'val_loss'/],
    ['an unknown option', { loss: 'mse', optimiser: 'adam' }, /optimiser.*optimizer/],
    ['no options', undefined, /^\[Trainer\] options must be an object, got undefined$/],
  ]
  it.each(wrong)('%s', (_, options, message) => {
    using model = toyModel()
    rejectsWith(() => new Trainer(model, options as TrainerOptions), 'INVALID_ARGUMENT', message)
  })

  it('what is no model', () => {
    rejectsWith(() => new Trainer({} as Model, { loss: 'mse' }), 'INVALID_ARGUMENT', /model/)
  })
})

describe('fit refuses, and changes nothing', () => {
  const { x, y } = data
  const cases: [string, unknown, FitOptions | object, string, RegExp][] = [
    ['no data', undefined, {}, 'INVALID_ARGUMENT', /data/],
    ['x alone for data', [[[1, 2]]], {}, 'INVALID_ARGUMENT', /data must be \{ x, y \}, got/],
    [
      'nested arrays without a row',
      { x: [], y: [] },
      {},
      'INVALID_ARGUMENT',
      /x must be .* with one row or more: it is empty, got shape \[0\]/,
    ],
    [
      'validation data in an array',
      data,
      { validationData: [x, y] },
      'INVALID_ARGUMENT',
      /validationData must be \{ x, y \}, got an array/,
    ],
    [
      'a callback without any method that is called',
      data,
      { callbacks: [{ onEpochEnded() {} }] },
      'INVALID_ARGUMENT',
      /callbacks\[0\].*onEpochEnd/,
    ],
    ['no y', { x }, {}, 'INVALID_ARGUMENT', /y/],
    ['no x', { y }, {}, 'INVALID_ARGUMENT', /x/],
    ['an unknown field of the data', { x, y, weights: [1] }, {}, 'INVALID_ARGUMENT', /weights/],
    ['y shorter than x', { x, y: toyData(11).y }, {}, 'SHAPE_MISMATCH', /12 and 11/],
    ['empty data', { x: tensor(new Float32Array(0), [0, 6, 2]), y: tensor(new Float32Array(0)) }, {}, 'INVALID_ARGUMENT', /empty/],
    [
      'ragged rows',
      {
        x: [
          [[1, 2]],
          [
            [1, 2],
            [3, 4],
          ],
        ],
        y: [0, 1],
      },
      {},
      'SHAPE_MISMATCH',
      /ragged/,
    ],
    ['other features', { x: tensor(new Float32Array(36), [12, 1, 3]), y }, {}, 'SHAPE_MISMATCH', /\[12, 1, 3\]/],
    ['targets of another shape', { x, y: tensor(new Float32Array(24), [12, 2]) }, {}, 'SHAPE_MISMATCH', /\[12, 2\]/],
    ['targets outside 0 to 1', { x, y: tensor(new Float32Array(12).fill(2)) }, {}, 'INVALID_ARGUMENT', /y.*2/],
    ['weights of another length', { x, y, sampleWeight: [1, 2] }, {}, 'SHAPE_MISMATCH', /sampleWeight.*\[2\]/],
    ['a negative weight', { x, y, sampleWeight: Array(12).fill(-1) }, {}, 'INVALID_ARGUMENT', /sampleWeight.*-1/],
    ['a mask of another shape', { x, y, mask: [[1, 1]] }, {}, 'SHAPE_MISMATCH', /mask.*\[1, 2\]/],
    ['a length beyond the steps', { x, y, lengths: Array(12).fill(7) }, {}, 'INVALID_ARGUMENT', /lengths\[0\].*7/],
    ['an unknown option', data, { epoch: 3 }, 'INVALID_ARGUMENT', /epoch.*epochs/],
    ['no epochs', data, { epochs: 0 }, 'INVALID_ARGUMENT', /epochs.*0/],
    ['half an epoch', data, { epochs: 0.5 }, 'INVALID_ARGUMENT', /epochs.*0\.5/],
    ['a negative batch size', data, { batchSize: -8 }, 'INVALID_ARGUMENT', /batchSize.*-8/],
    ['a negative first epoch', data, { initialEpoch: -1 }, 'INVALID_ARGUMENT', /initialEpoch.*-1/],
    ['a split of 1', data, { validationSplit: 1 }, 'INVALID_ARGUMENT', /validationSplit.*1/],
    ['a negative split', data, { validationSplit: -0.1 }, 'INVALID_ARGUMENT', /validationSplit.*-0\.1/],
    ['a split that leaves no row to train', data, { validationSplit: 0.99 }, 'INVALID_ARGUMENT', /training part empty/],
    ['a split and validation data', data, { validationSplit: 0.5, validationData: data }, 'INVALID_ARGUMENT', /not both/],
    ['validation data of other features', data, { validationData: { x: [[[1]]], y: [1] } }, 'SHAPE_MISMATCH', /\[1, 1, 1\]/],
    ['validation data without y', data, { validationData: { x } }, 'INVALID_ARGUMENT', /validationData\.y/],
    ['a class that there is not', data, { classWeight: { 2: 1 } }, 'INVALID_ARGUMENT', /classWeight.*'2'/],
    ['a negative class weight', data, { classWeight: { 1: -1 } }, 'INVALID_ARGUMENT', /classWeight.*-1/],
    ['no callback', data, { callbacks: ['earlyStopping'] }, 'INVALID_ARGUMENT', /callbacks\[0\]/],
    ['a callback whose method is none', data, { callbacks: [{ onEpochEnd: 3 }] }, 'INVALID_ARGUMENT', /callbacks\[0\]/],
    ['no signal', data, { signal: true }, 'INVALID_ARGUMENT', /signal/],
    ['another verbosity', data, { verbose: 'loud' }, 'INVALID_ARGUMENT', /verbose.*'loud'/],
    ['a negative seed', data, { seed: -1 }, 'INVALID_ARGUMENT', /seed.*-1/],
  ]
  it.each(cases)('%s', async (_, given, options, code, message) => {
    using model = toyModel()
    model.build(2)
    const before = await flatWeights(model)
    await rejectsLater(trainerOf(model).fit(given as Dataset, { ...quiet, ...options } as FitOptions), code, message)
    expect(await flatWeights(model)).toEqual(before)
    expect((await trainerOf(model).fit(data, quiet)).epoch).toEqual([0])
  })

  it('a second fit or evaluation on the same model while one runs', async () => {
    using model = toyModel()
    const [first, second] = [trainerOf(model), trainerOf(model)]
    const running = first.fit(data, { epochs: 3, ...quiet })
    await rejectsLater(first.fit(data, quiet), 'INVALID_ARGUMENT', /fit is running.*await/)
    await rejectsLater(second.fit(data, quiet), 'INVALID_ARGUMENT', /fit is running/)
    await rejectsLater(first.evaluate(data), 'INVALID_ARGUMENT', /fit is running/)
    await rejectsLater(first.update(), 'INVALID_ARGUMENT', /fit is running/)
    expect((await running).epoch).toEqual([0, 1, 2])
    using other = toyModel()
    await Promise.all([first.fit(data, quiet), trainerOf(other).fit(data, quiet)])
  })

  it('a model that is disposed while a batch is computed', async () => {
    const model = sequential([gru({ units: 64 }), dense({ units: 1 })], { seed: 1, device: testDevice })
    const x = tensor(new Float32Array(4096 * 20), [4096, 20, 1])
    const callbacks = [{ onEpochBegin: () => void setTimeout(() => model.dispose(), 1) }]
    const fit = new Trainer(model, { loss: 'mse' }).fit({ x, y: tensor(new Float32Array(4096)) }, { epochs: 50, verbose: false, callbacks })
    await expect(fit).rejects.toMatchObject({ code: 'DISPOSED', message: expect.stringContaining('[trainer.fit] ') })
  })

  it('a model that was disposed, before or in the middle', async () => {
    const gone = toyModel()
    const trainer = trainerOf(gone)
    gone.dispose()
    await rejectsLater(trainer.fit(data, quiet), 'DISPOSED', /fit/)
    const model = toyModel()
    const callbacks = [{ onEpochEnd: () => model.dispose() }]
    await rejectsLater(trainerOf(model).fit(data, { epochs: 3, callbacks, ...quiet }), 'DISPOSED', /./)
  })

  it('batches of different size for a stateful model', async () => {
    using model = sequential([gru({ units: 3, stateful: true }), dense({ units: 1, activation: 'sigmoid' })], {
      seed: 1,
      device: testDevice,
    })
    const trainer = trainerOf(model)
    await rejectsLater(trainer.fit(data, { batchSize: 5, ...quiet }), 'INVALID_ARGUMENT', /12 rows.*batchSize 5/)
    await rejectsLater(trainer.fit(data, { batchSize: 6, validationData: toyData(3), ...quiet }), 'INVALID_ARGUMENT', /validation 3/)
    expect((await trainer.fit(data, { batchSize: 6, ...quiet })).epoch).toEqual([0])
  })
})
