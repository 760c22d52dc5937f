import type { Logs, TrainingContext } from '../callbacks/callback.js'
import { progressBar } from '../callbacks/progress-bar.js'
import { check } from '../errors.js'
import type { ResolvedMetric } from '../metrics.js'
import { modelInternals } from '../model-internals.js'
import type { Trainer } from '../trainer.js'
import type { Batcher } from './batcher.js'
import { CallbackList } from './callback-list.js'
import { withClassWeight } from './class-weight.js'
import type { Lock } from './lock.js'
import type { CheckedFitOptions, Dataset, History } from './options.js'
import { shuffleRows } from './order.js'
import { splitInputs } from './split.js'
import { checkData, makeBatcher, type Setup, type Work } from './work.js'

const where = 'trainer.fit'

/** What a fit works on: arguments that are known to be right. */
export interface Plan {
  training: Batcher
  validation: Batcher | undefined
  options: CheckedFitOptions
  /** Filled anew for each epoch; absent: the rows go as they lie. */
  order: Uint32Array | undefined
}

/** Checks data and options against the model. */
export function planFit(setup: Setup, data: Dataset, options: CheckedFitOptions): Plan {
  const { batchSize, validationSplit, validationData, classWeight } = options
  let training = checkData(where, setup, data, 'data')
  let validation = validationData && checkData(where, setup, validationData, 'validationData')
  if (validationSplit > 0) [training, validation] = splitInputs(where, training, validationSplit)
  if (classWeight) training = withClassWeight(where, training, classWeight, setup.loss, modelInternals(setup.model).output(where))
  if (validation && modelInternals(setup.model).stateful) {
    const [batch, other] = [training, validation].map(({ rows }) => Math.min(rows, batchSize))
    check(batch === other, where, `a stateful model needs batches of one size: training has ${batch} rows in a batch, validation ${other}`)
  }
  return {
    training: makeBatcher(where, setup.model, training, batchSize, true),
    validation: validation && makeBatcher(where, setup.model, validation, batchSize, false),
    options,
    order: options.shuffle ? new Uint32Array(training.rows) : undefined,
  }
}

/** The epochs of one fit. */
export async function runFit(trainer: Trainer, plan: Plan, work: Work, lock: Lock): Promise<History> {
  const { validation, options } = plan
  const { epochs, initialEpoch, validationFreq, batchSize, signal, verbose } = options
  const context = contextOf(trainer, plan, work.metrics)
  const callbacks = new CallbackList(verbose ? [progressBar(), ...options.callbacks] : options.callbacks, context)
  const history: History = { epoch: [], history: {} }
  const between = async (call: () => Promise<void>) => {
    lock.open = true
    await call()
    lock.close()
  }
  trainer.stopTraining = false
  try {
    await between(() => callbacks.trainBegin())
    for (let epoch = initialEpoch; epoch < epochs && !trainer.stopTraining; epoch++) {
      await between(() => callbacks.epochBegin(epoch))
      const logs: Logs = await trainEpoch(epoch, trainer, plan, work, callbacks)
      if (validation && (epoch + 1) % validationFreq === 0) {
        const figures = await work.measure({ where, batcher: validation, batchSize, signal })
        for (const [name, value] of Object.entries(figures)) logs[`val_${name}`] = value
      }
      logs.learningRate = trainer.learningRate
      await between(() => callbacks.epochEnd(epoch, logs))
      history.epoch.push(epoch)
      for (const [name, value] of Object.entries(logs)) {
        history.history[name] ??= []
        history.history[name].push(value)
      }
    }
    await between(() => callbacks.trainEnd())
  } catch (error) {
    await callbacks.trainError(error)
    throw error
  }
  return history
}

async function trainEpoch(epoch: number, trainer: Trainer, plan: Plan, work: Work, callbacks: CallbackList): Promise<Logs> {
  const { training, options, order } = plan
  const skips = trainer.model.precision === 'float16'
  const skippedBefore = skips ? await work.session.skippedUpdates() : 0
  const figures = await work.over({
    where,
    batcher: training,
    batchSize: options.batchSize,
    order: order && (await shuffleRows(order, options.seed ?? trainer.model.seed, epoch)),
    signal: options.signal,
    submit: (batch) => work.session.trainStep(batch, trainer.learningRate),
    afterBatch: callbacks.has('onBatchEnd') ? async (batch) => callbacks.batchEnd(batch, await work.figuresSoFar()) : undefined,
    progress: callbacks.has('onProgress') ? async (batch) => callbacks.progress(batch, await work.figuresSoFar()) : undefined,
    stopped: () => trainer.stopTraining,
  })
  return skips ? { ...figures, skippedSteps: (await work.session.skippedUpdates()) - skippedBefore } : figures
}

function contextOf(trainer: Trainer, { training, validation, options }: Plan, metrics: readonly ResolvedMetric[]): TrainingContext {
  const { epochs, initialEpoch, batchSize } = options
  const names = ['loss', ...metrics.map(({ name }) => name)]
  const falling: readonly ResolvedMetric['type'][] = ['mae', 'mse', 'rmse']
  const directions = metrics.map(({ name, type }) => [name, falling.includes(type) ? 'min' : 'max'] as const)
  return {
    model: trainer.model,
    trainer,
    epochs,
    initialEpoch,
    steps: Math.ceil(training.rows / batchSize),
    batchSize,
    samples: training.rows,
    logNames: [
      ...names,
      ...(validation ? names.map((name) => `val_${name}`) : []),
      ...(trainer.model.precision === 'float16' ? ['skippedSteps'] : []),
      'learningRate',
    ],
    directions: { loss: 'min', ...Object.fromEntries(directions) },
  }
}
