import * as z from 'zod'
import { say } from './callbacks/callback.js'
import { formatLogs } from './callbacks/progress-bar.js'
import { check } from './errors.js'
import { type Loss, type LossName, resolveLoss } from './losses.js'
import { type Metric, type MetricName, resolveMetrics } from './metrics.js'
import type { Model } from './model.js'
import { modelInternals } from './model-internals.js'
import { type Optimizer, type OptimizerName, resolveOptimizer } from './optimizers.js'
import { parse } from './spec/parse.js'
import { describe } from './tensor.js'
import { planFit, runFit } from './training/fit-loop.js'
import { Lock } from './training/lock.js'
import {
  type Dataset,
  type EvaluateOptions,
  type FitOptions,
  type History,
  parseEvaluateOptions,
  parseFitOptions,
} from './training/options.js'
import { saidOf, throwIfAborted } from './training/run.js'
import { checkData, makeBatcher, type Setup, Work } from './training/work.js'

export interface TrainerOptions {
  /** Default `'rmsprop'`, as in Keras. */
  optimizer?: Optimizer | OptimizerName
  loss: Loss | LossName
  /** Measured beside the loss. Default: none. */
  metrics?: readonly (Metric | MetricName)[]
}

const schema = z.strictObject({
  optimizer: z.custom<Optimizer | OptimizerName>().default('rmsprop'),
  loss: z.custom<Loss | LossName>((value) => value !== undefined, { error: 'a loss or the name of one' }),
  metrics: z.custom<readonly (Metric | MetricName)[]>().default([]),
})

/** Trains and measures a model with one loss, its metrics and one optimizer, whose state lasts from fit to fit. */
export class Trainer {
  readonly model: Model
  /** Set to true, by a callback or from outside, it ends fit after the batch at hand, as if the epoch ended there. fit sets it to false when it begins. */
  stopTraining = false
  readonly #setup: Setup
  #learningRate: number

  /**
   * @throws GrusError INVALID_ARGUMENT for an unknown option, loss, optimizer or metric; fit and evaluate find what does not go with the model's output
   */
  constructor(model: Model, options: TrainerOptions) {
    const where = 'Trainer'
    modelInternals(model, where)
    const given = parse(where, schema, options)
    const [loss, optimizer] = [resolveLoss(where, given.loss), resolveOptimizer(where, given.optimizer)]
    // the output's size may not be known yet: any will do to find wrong names
    for (const { name } of resolveMetrics(where, given.metrics, loss, Number.MAX_SAFE_INTEGER)) {
      check(
        name !== 'learningRate' && name !== 'skippedSteps' && !name.startsWith('val_'),
        where,
        `a metric must not be named '${name}': the logs use that name`,
      )
    }
    this.model = model
    this.#setup = { model, loss, optimizer, metrics: [...given.metrics] }
    this.#learningRate = optimizer.learningRate
  }

  /** As it was made: its learningRate is the one that training began with. */
  get optimizer(): Optimizer {
    return this.#setup.optimizer
  }

  get loss(): Loss {
    return this.#setup.loss
  }

  get metrics(): readonly (Metric | MetricName)[] {
    return this.#setup.metrics
  }

  /** Of the next batch. Setting it keeps the optimizer's state. */
  get learningRate(): number {
    return this.#learningRate
  }

  set learningRate(value: number) {
    check(Number.isFinite(value) && value >= 0, 'Trainer', `learningRate must be a finite number of at least 0, got ${describe(value)}`)
    this.#learningRate = value
  }

  /**
   * Trains for some epochs. All arguments are checked before anything changes.
   *
   * @returns the figures of every epoch. `loss` is the mean over the epoch's samples while the weights were changing, regularisation included
   * @throws GrusError INVALID_ARGUMENT or SHAPE_MISMATCH for wrong arguments, and when another fit or evaluate is running on the model; ABORTED by the
   *   signal. What a callback throws ends the fit as it is. The model stays usable
   */
  async fit(data: Dataset, options: FitOptions = {}): Promise<History> {
    const lock = new Lock(this.model, 'fit', this)
    try {
      const where = 'trainer.fit'
      const plan = planFit(this.#setup, data, parseFitOptions(where, options))
      throwIfAborted(where, plan.options.signal)
      return await runFit(this, plan, await Work.begin(where, this.#setup, this), lock)
    } catch (error) {
      throw saidOf('trainer.fit', error)
    } finally {
      lock.release()
    }
  }

  /**
   * The loss and the metrics over all rows of data, with the weights as they are.
   *
   * @throws GrusError as fit
   */
  async evaluate(data: Dataset, options: EvaluateOptions = {}): Promise<{ loss: number } & Record<string, number>> {
    const lock = new Lock(this.model, 'evaluate', this)
    try {
      const where = 'trainer.evaluate'
      const { batchSize, signal, verbose } = parseEvaluateOptions(where, options)
      const inputs = checkData(where, this.#setup, data, 'data')
      const batcher = makeBatcher(where, this.model, inputs, batchSize, false)
      throwIfAborted(where, signal)
      const work = await Work.begin(where, this.#setup, this)
      const figures = await work.measure({ where, batcher, batchSize, signal })
      if (verbose) say(formatLogs(figures))
      return figures
    } catch (error) {
      throw saidOf('trainer.evaluate', error)
    } finally {
      lock.release()
    }
  }

  /** One optimizer update with the gradients of the last `model.backward`: for losses made elsewhere. */
  async update(): Promise<void> {
    const lock = new Lock(this.model, 'update', this)
    try {
      const { session } = await Work.begin('trainer.update', this.#setup, this)
      await session.update(this.#learningRate)
    } finally {
      lock.release()
    }
  }
}
