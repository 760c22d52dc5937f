import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type TensorBoardOptions, tensorBoard } from '../../lib/callbacks/tensor-board.js'
import { GrusError } from '../../lib/errors.js'
import { dense, gru } from '../../lib/layers.js'
import { type Model, sequential } from '../../lib/model.js'
import { modelInternals } from '../../lib/model-internals.js'
import { type Optimizer, sgd } from '../../lib/optimizers.js'
import { tensor } from '../../lib/tensor.js'
import { bucketsOf } from '../../lib/tensorboard/buckets.js'
import { Trainer } from '../../lib/trainer.js'
import type { FitOptions, History } from '../../lib/training/options.js'
import { testDevice } from '../support/devices.js'
import { rejected } from '../support/errors.js'
import { eventFilesIn, readEvents } from '../support/event-file.js'
import { pythonMissing, runPython } from '../support/python.js'
import { toyData, toyModel } from '../support/toy.js'
import { rejectsWith } from '../support/values.js'

type Opened = { fd: number }
const files = vi.hoisted(() => ({ opened: [] as Opened[] }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const open: typeof real.open = async (...call) => {
    const file = await real.open(...call)
    files.opened.push(file)
    return file
  }
  return { ...real, open }
})

let folder: string
let runs = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grus-tensorboard-'))
})
afterAll(() => rm(folder, { recursive: true }))

const data = toyData(40)

interface Run {
  logDir: string
  history: History
}

async function fit(options: TensorBoardOptions, more: FitOptions = {}, model: Model = toyModel(), optimizer?: Optimizer): Promise<Run> {
  const logDir = options.logDir ?? join(folder, `run${runs++}`)
  const trainer = new Trainer(model, {
    optimizer: optimizer ?? sgd({ learningRate: 0.5 }),
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
  })
  const callbacks = [...(more.callbacks ?? []), tensorBoard({ logDir, ...options })]
  const { history, epoch } = await trainer.fit(data, { epochs: 2, batchSize: 8, verbose: false, ...more, callbacks })
  return { logDir, history: { epoch, history } }
}

/** Everything in the files of a run: [step, tag, content]. */
function shown(logDir: string, run: 'train' | 'validation'): [number, string, number[] | string][] {
  return eventFilesIn(join(logDir, run)).flatMap((file) =>
    readEvents(file).flatMap(({ step, values }) =>
      values.map(({ tag, content }) => [step, tag, content] as [number, string, number[] | string]),
    ),
  )
}

const curve = (events: [number, string, number[] | string][], tag: string): [number, number][] =>
  events.filter(([, name]) => name === tag).map(([step, , content]) => [step, (content as number[])[0]!])

const points = (values: readonly number[], from = 0): [number, number][] => values.map((value, i) => [from + i, Math.fround(value)])

describe('tensorBoard', () => {
  it('writes the figures of every epoch as the history has them, in Keras layout', async () => {
    const { logDir, history } = await fit({}, { validationSplit: 0.25, epochs: 3 })
    const { loss, accuracy, val_loss, val_accuracy, learningRate } = history.history
    const [train, validation] = [shown(logDir, 'train'), shown(logDir, 'validation')]
    expect(curve(train, 'epoch_loss')).toEqual(points(loss!))
    expect(curve(train, 'epoch_accuracy')).toEqual(points(accuracy!))
    expect(curve(train, 'epoch_learning_rate')).toEqual(points(learningRate!))
    expect(curve(validation, 'epoch_loss')).toEqual(points(val_loss!))
    expect(curve(validation, 'epoch_accuracy')).toEqual(points(val_accuracy!))
    const tags = (events: typeof train) => [...new Set(events.map(([, tag]) => tag))].sort()
    const texts = ['engine', 'layers', 'model', 'training'].map((name) => `configuration/${name}`)
    expect(tags(train)).toEqual([...texts, 'epoch_accuracy', 'epoch_learning_rate', 'epoch_loss'])
    expect(tags(validation)).toEqual(['epoch_accuracy', 'epoch_loss'])
  })

  it('leaves the validation run to fits that validate, and to the epochs that do', async () => {
    const without = await fit({})
    expect(() => eventFilesIn(join(without.logDir, 'validation'))).toThrow('ENOENT')
    const seldom = await fit({}, { validationSplit: 0.25, validationFreq: 2, epochs: 4 })
    expect(curve(shown(seldom.logDir, 'validation'), 'epoch_loss').map(([step]) => step)).toEqual([1, 3])
  })

  it('writes figures of batches when asked, counted from 1 over all epochs', async () => {
    const never = await fit({})
    expect(shown(never.logDir, 'train').some(([, tag]) => tag.startsWith('batch_'))).toBe(false)
    const seen: number[] = []
    const watch = { onBatchEnd: (_: number, logs: Record<string, number>) => void seen.push(logs.loss!) }
    const each = await fit({ updateFreq: 'batch' }, { callbacks: [watch] })
    expect(curve(shown(each.logDir, 'train'), 'batch_loss')).toEqual(points(seen, 1))
    expect(seen).toHaveLength(10)
    const some = await fit({ updateFreq: 4 }, { initialEpoch: 1, epochs: 3 })
    expect(curve(shown(some.logDir, 'train'), 'batch_accuracy').map(([step]) => step)).toEqual([8, 12])
  })

  it('tells the configuration as Markdown', async () => {
    using model = toyModel()
    const { logDir } = await fit({}, { epochs: 5 }, model, sgd({ learningRate: 0.25, momentum: 0.5 }))
    const text = (name: string) => shown(logDir, 'train').find(([, tag]) => tag === `configuration/${name}`)![2] as string
    const json = (name: string) => JSON.parse(/^```json\n([\s\S]*)\n```$/.exec(text(name))![1]!) as Record<string, unknown>
    expect(text('model')).toBe(`\`\`\`\n${model.summary()}\n\`\`\``)
    expect(json('layers')).toEqual(JSON.parse(JSON.stringify(model.layers)))
    expect(json('training')).toMatchObject({
      optimizer: { type: 'sgd', learningRate: 0.25, momentum: 0.5 },
      loss: { type: 'binaryCrossentropy' },
      metrics: ['accuracy'],
      epochs: 5,
      batchSize: 8,
      samples: 40,
      steps: 5,
    })
    expect(json('engine')).toMatchObject({ seed: 7, device: model.device, precision: 'float32' })
    const bare = await fit({ writeConfiguration: false })
    expect(shown(bare.logDir, 'train').some(([, tag]) => tag.startsWith('configuration'))).toBe(false)
  })

  it('writes histograms of all weights and of their gradients, every histogramFreq epochs', async () => {
    using model = toyModel()
    const { logDir } = await fit({ histogramFreq: 2 }, { epochs: 3, validationSplit: 0.25 }, model)
    const events = shown(logDir, 'train')
    const weights = await model.getWeights()
    const gradients = await modelInternals(model).readGradients('test')
    expect([...gradients.keys()]).toEqual([...weights.keys()])
    for (const [name, { data: values }] of weights) {
      const tag = name.replace('.', '/')
      const steps = (wanted: string) => events.filter(([, found]) => found === wanted).map(([step]) => step)
      expect([steps(tag), steps(`${tag}/gradient`)]).toEqual([
        [0, 2],
        [0, 2],
      ])
      const last = (wanted: string) => events.findLast(([, found]) => found === wanted)![2]
      expect(last(tag)).toEqual([...bucketsOf(values)])
      expect(last(`${tag}/gradient`)).toEqual([...bucketsOf(gradients.get(name)!.data)])
    }
    expect(events.some(([, tag]) => tag === 'gru/weight_ih_l0')).toBe(true)
  })

  it("leaves files closed and whole, also after another callback's error, and makes new ones in the next fit", async () => {
    const logDir = join(folder, 'closed')
    files.opened.length = 0
    const failing = {
      onEpochEnd(epoch: number) {
        if (epoch === 1) throw new GrusError('UNSUPPORTED', '[test] enough')
      },
    }
    expect(await rejected(fit({ logDir }, { validationSplit: 0.25, epochs: 4, callbacks: [failing] }), 'UNSUPPORTED')).toMatch(/enough/)
    expect(files.opened.map(({ fd }) => fd)).toEqual([-1, -1])
    expect(curve(shown(logDir, 'train'), 'epoch_loss').map(([step]) => step)).toEqual([0])
    await fit({ logDir }, { validationSplit: 0.25, initialEpoch: 1, epochs: 3 })
    expect(files.opened.map(({ fd }) => fd)).toEqual([-1, -1, -1, -1])
    expect(eventFilesIn(join(logDir, 'train'))).toHaveLength(2)
    expect(curve(shown(logDir, 'train'), 'epoch_loss').map(([step]) => step)).toEqual([0, 1, 2])
  })

  it('shows an epoch as soon as it is over', async () => {
    const logDir = join(folder, 'live')
    const seen: number[] = []
    const look = { onEpochBegin: () => void seen.push(curve(shown(logDir, 'train'), 'epoch_loss').length) }
    await fit({ logDir }, { epochs: 3, callbacks: [look] })
    expect(seen).toEqual([0, 1, 2])
  })

  it('refuses a folder that cannot be written before anything is trained, and wrong options', async () => {
    const taken = join(folder, 'taken')
    await writeFile(taken, '')
    using model = toyModel({ inputSize: 2 })
    const before = await model.getWeights()
    const message = await rejected(fit({ logDir: join(taken, 'logs') }, {}, model))
    expect(message).toMatch(/^\[tensorBoard\] cannot write '.*taken/)
    expect(await model.getWeights()).toEqual(before)
    rejectsWith(() => tensorBoard({ histogramFreq: -1 }), 'INVALID_ARGUMENT', /histogramFreq must be an integer of at least 0/)
    rejectsWith(
      () => tensorBoard({ updateFreq: 0 }),
      'INVALID_ARGUMENT',
      /updateFreq must be 'epoch', 'batch' or a positive integer, got 0/,
    )
    rejectsWith(() => tensorBoard({ logdir: 'x' } as never), 'INVALID_ARGUMENT', /did you mean 'logDir'/)
  })
})

describe('readGradients', () => {
  const x = tensor([
    [[0.5], [-1], [2]],
    [[1], [0.25], [-0.5]],
  ])
  const y = tensor([1, -1])
  const build = () =>
    sequential([gru({ units: 3, updateGate: 'write', kernelRegularizer: { l2: 0.1 } }), dense({ units: 1 })], {
      seed: 5,
      device: testDevice,
      inputSize: 1,
    })

  it('gives those of the last training step, which a plain step has subtracted', async () => {
    using model = build()
    expect(await rejected(modelInternals(model).readGradients('test'))).toMatch(/there are no gradients yet/)
    const before = await model.getWeights()
    const trainer = new Trainer(model, { optimizer: sgd({ learningRate: 0.5 }), loss: 'mse' })
    await trainer.fit({ x, y }, { batchSize: 2, shuffle: false, verbose: false, validationData: { x, y } })
    const [after, gradients] = [await model.getWeights(), await modelInternals(model).readGradients('test')]
    for (const [name, { data: start }] of before) {
      const found = gradients.get(name)!.data
      expect(found.some((value) => value !== 0)).toBe(true)
      // rounding of one float32 update
      start.forEach((value, i) => void expect(after.get(name)!.data[i]).toBeCloseTo(value - 0.5 * found[i]!, 6))
    }
  })

  it('says what the documentation says about clipping', async () => {
    const norm = async (optimizer: Optimizer) => {
      using model = build()
      await new Trainer(model, { optimizer, loss: 'mse' }).fit({ x, y }, { batchSize: 2, verbose: false })
      const values = [...(await modelInternals(model).readGradients('test')).values()].flatMap(({ data: found }) => [...found])
      return Math.hypot(...values)
    }
    const whole = await norm(sgd())
    expect(whole).toBeGreaterThan(0.1)
    expect(await norm(sgd({ globalClipNorm: 0.05 }))).toBeCloseTo(testDevice === 'cpu' ? 0.05 : whole, 5)
  })
})

describe('TensorBoard itself', () => {
  const missing = pythonMissing('tensorboard', 'numpy')

  it('finds both runs with their figures, histograms and texts', async ({ skip }) => {
    skip(missing !== undefined, missing)
    const { logDir, history } = await fit({ histogramFreq: 1, updateFreq: 'batch' }, { validationSplit: 0.2, epochs: 2 })
    const said = runPython(
      `
import json, sys
from tensorboard.backend.event_processing import event_multiplexer
from tensorboard.util import tensor_util
multiplexer = event_multiplexer.EventMultiplexer().AddRunsFromDirectory(sys.argv[1])
multiplexer.Reload()
def curve(run, tag):
    return [[event.step, tensor_util.make_ndarray(event.tensor_proto).tolist()] for event in multiplexer.Tensors(run, tag)]
print(json.dumps({
    'runs': sorted(multiplexer.Runs()),
    'loss': curve('train', 'epoch_loss'),
    'val_loss': curve('validation', 'epoch_loss'),
    'batches': len(curve('train', 'batch_loss')),
    'histograms': sorted(multiplexer.PluginRunToTagToContent('histograms')['train']),
    'texts': sorted(multiplexer.PluginRunToTagToContent('text')['train']),
}))
`,
      [logDir],
    )
    const names = ['dense/bias', 'dense/weight', 'gru/bias_hh_l0', 'gru/bias_ih_l0', 'gru/weight_hh_l0', 'gru/weight_ih_l0']
    expect(JSON.parse(said)).toEqual({
      runs: ['train', 'validation'],
      loss: points(history.history.loss!),
      val_loss: points(history.history.val_loss!),
      batches: 8,
      histograms: names.flatMap((name) => [name, `${name}/gradient`]),
      texts: ['engine', 'layers', 'model', 'training'].map((name) => `configuration/${name}`),
    })
  })
})
