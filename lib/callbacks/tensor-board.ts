import { join } from 'node:path'
import * as z from 'zod'
import { modelInternals } from '../model-internals.js'
import { flag } from '../spec/fields.js'
import { parse } from '../spec/parse.js'
import type { FloatTensor } from '../tensor.js'
import { EventFile } from '../tensorboard/event-file.js'
import { histogramValues, type SummaryValue, scalarValue, textValue } from '../tensorboard/events.js'
import type { Callback, Logs, TrainingContext } from './callback.js'
import { count, path } from './fields.js'

export interface TensorBoardOptions {
  /** The folder to show; default 'logs'. Its runs `train` and `validation` are made in it, each fit with files of its own. */
  logDir?: string
  /** Epochs from one histogram of every weight and gradient to the next; default 0: none. */
  histogramFreq?: number
  /** Default 'epoch'; 'batch' or a number writes figures after every, or every nth, batch too, which costs time as every onBatchEnd does. */
  updateFreq?: 'epoch' | 'batch' | number
  /** Writes the model's summary, its layers, optimizer, loss and options as text when training begins; default true. */
  writeConfiguration?: boolean
}

const frequencyText = "'epoch', 'batch' or a positive integer"
const schema = z.strictObject({
  logDir: path.default('logs'),
  histogramFreq: count.default(0),
  updateFreq: z
    .union([z.literal('epoch'), z.literal('batch'), z.int({ error: frequencyText }).min(1, { error: frequencyText })], {
      error: frequencyText,
    })
    .default('epoch'),
  writeConfiguration: flag.default(true),
})

const where = 'tensorBoard'

/**
 * Writes what TensorBoard shows, laid out as Keras does: `epoch_loss` and all other figures after every epoch, those with `val_` in the run
 * `validation`, the learning rate as `epoch_learning_rate`; `batch_loss` and so on with `updateFreq`, counted from 1. Histograms are those of each
 * weight, `gru/weight_ih_l0`, and of its gradient for the epoch's last batch, `gru/weight_ih_l0/gradient`.
 * @throws GrusError INVALID_ARGUMENT when training begins and the folder cannot be written.
 */
export function tensorBoard(options: TensorBoardOptions = {}): Callback {
  const { logDir, histogramFreq, updateFreq, writeConfiguration } = parse(where, schema, options)
  const every = updateFreq === 'batch' ? 1 : updateFreq
  let files: EventFile[] = []
  let epochNow = 0
  const close = async () => {
    const open = files
    files = []
    await Promise.all(open.map((file) => file.close()))
  }
  const callback: Callback = {
    async onTrainBegin(context) {
      const validates = context.logNames.some(isValidation)
      files = (validates ? ['train', 'validation'] : ['train']).map((run) => new EventFile(where, join(logDir, run)))
      if (writeConfiguration) await files[0]!.write(0, configuration(context))
      for (const file of files) await file.flush()
    },
    onEpochBegin(epoch) {
      epochNow = epoch
    },
    async onEpochEnd(epoch, logs, { model }) {
      const [train, validation] = files
      const names = Object.keys(logs)
      await train!.write(
        epoch,
        figures(
          'epoch',
          logs,
          names.filter((name) => !isValidation(name)),
        ),
      )
      await validation?.write(epoch, figures('epoch', logs, names.filter(isValidation)))
      if (histogramFreq > 0 && epoch % histogramFreq === 0) {
        await train!.write(epoch, histograms(await model.getWeights(), ''))
        await train!.write(epoch, histograms(await modelInternals(model, where).readGradients(where), '/gradient'))
      }
      for (const file of files) await file.flush()
    },
    onTrainEnd: close,
    onTrainError: close,
  }
  if (every === 'epoch') return callback
  return {
    ...callback,
    async onBatchEnd(batch, logs, { steps }) {
      const step = epochNow * steps + batch + 1
      if (step % every === 0) await files[0]!.write(step, figures('batch', logs, Object.keys(logs)))
    },
  }
}

function isValidation(name: string): boolean {
  return name.startsWith('val_')
}

function figures(prefix: string, logs: Logs, names: readonly string[]): SummaryValue[] {
  return names.map((name) => {
    const figure = name === 'learningRate' ? 'learning_rate' : name.replace(/^val_/, '')
    return scalarValue(`${prefix}_${figure}`, logs[name]!)
  })
}

/** Under tags whose first part is the layer's name, by which TensorBoard makes groups. */
function histograms(tensors: ReadonlyMap<string, FloatTensor>, suffix: string): SummaryValue[] {
  return [...tensors].flatMap(([name, { data }]) => histogramValues(`${name.replace('.', '/')}${suffix}`, data))
}

function configuration({ model, trainer, epochs, initialEpoch, steps, batchSize, samples }: TrainingContext): SummaryValue[] {
  const { name, seed, device, engine, precision } = model
  const { optimizer, loss, metrics, learningRate } = trainer
  const training = { optimizer, loss, metrics, learningRate, epochs, initialEpoch, steps, batchSize, samples }
  return [
    textValue('configuration/model', fenced('', model.summary())),
    textValue('configuration/layers', fenced('json', JSON.stringify(model.layers, undefined, 2))),
    textValue('configuration/training', fenced('json', JSON.stringify(training, undefined, 2))),
    textValue('configuration/engine', fenced('json', JSON.stringify({ name, seed, device, engine, precision }, undefined, 2))),
  ]
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``
}
