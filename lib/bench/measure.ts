// One run: what the machine is, its limits, then row after row until all are done or the time is up.
import { GrusError } from '../errors.js'
import { checkAgreement, smallShape } from './agreement.js'
import { callSubject } from './call-subject.js'
import { type BaseEngine, engineOf } from './engine.js'
import { layerSubject } from './layer-subject.js'
import { findLimit, type Limiter } from './limits.js'
import { describeGpu, describeMachine, readClocks } from './machine.js'
import { format, formatVersion, type Report, type ReportRow } from './report.js'
import { nameOf, type Row } from './rows.js'
import { sample } from './sample.js'
import { rounded, statisticsOf } from './statistics.js'
import { batches, classes, stepSubject, vocabulary } from './step-subject.js'
import { limitLine } from './table.js'
import { flopOf, flopText } from './work.js'

export interface Run {
  base: BaseEngine
  rows: readonly Row[]
  rounds: number
  /** of one row */
  seconds: number
  /** Seconds until what is left is to be left out. */
  left(): number
  /** Gets a line for each thing that was done. */
  say(line: string): void
  /** of the package */
  version: string
}

const where = 'grus bench'

const method = [
  'forward, training (forward + backward): one GRU with all arrays on the device, passes back to back, a host clock up to the last',
  `step: Trainer.fit, batches from the host: embedding of ${vocabulary}, GRU, dense softmax of ${classes}, Adam`,
  "call: Gru.forward, from the host's values to the host's values",
  flopText,
  '% of limit: of a large product on the same device, timed beside each row; it says nothing of memory and of the time a step waits',
]

/** @throws GrusError for a device, a precision or a number of threads that cannot be; what befalls a single row is in its `failed` */
export async function measure(run: Run): Promise<Report> {
  const began = performance.now()
  const date = new Date().toISOString()
  const { base, rows, say } = run
  const limiters: Limiter[] = []
  for (const precision of new Set(rows.map((row) => row.precision))) {
    const limiter = await findLimit(base, precision)
    limiters.push(limiter)
    say(limitLine(limiter.limit))
  }
  const clocks = async () => (base.device === 'cpu' ? null : await readClocks())
  const clocksBefore = await clocks()
  const checked = new Map<string, string | undefined>()
  const [done, leftOut]: [ReportRow[], string[]] = [[], []]
  let latest: { limiter: Limiter; tflops: number } | undefined
  for (const row of rows) {
    const limiter = limiters.find(({ limit }) => limit.precision === row.precision)!
    if (run.left() <= leastSeconds(row, latest?.limiter === limiter ? latest.tflops : limiter.limit.tflops)) {
      leftOut.push(nameOf(row))
      continue
    }
    const before = latest?.limiter === limiter ? latest.tflops : await limitNow(limiter)
    const measured = await measureRow(row, run, checked)
    latest = { limiter, tflops: await limitNow(limiter) }
    done.push(judge(measured, Math.max(before, latest.tflops)))
    say(rowLine(done.at(-1)!))
  }
  return {
    format,
    version: formatVersion,
    grus: run.version,
    node: process.version,
    date,
    seconds: rounded((performance.now() - began) / 1000),
    device: base.device,
    machine: describeMachine(base.threads),
    gpu: await describeGpu(base.device),
    clocks: { before: clocksBefore, after: await clocks() },
    method,
    limits: limiters.map(({ limit }) => limit),
    rows: done,
    leftOut,
  }
}

/** Of the two calls that every row takes at least, at the speed of the limit. */
function leastSeconds({ shape, mode }: Row, tflops: number): number {
  return tflops > 0 ? (2 * flopOf(shape, mode) * (mode === 'step' ? batches : 1)) / tflops / 1e12 : 0
}

/** @param checked - what was found of each kind of GRU: a reason, or nothing */
async function measureRow(row: Row, run: Run, checked: Map<string, string | undefined>): Promise<ReportRow> {
  try {
    const engine = engineOf(run.base, row)
    const shape = smallShape(row.shape)
    const kind = nameOf({ ...row, shape, mode: 'training' })
    if (!checked.has(kind)) checked.set(kind, await failureOf(checkAgreement(where, shape, engine)))
    const wrong = checked.get(kind)
    if (wrong !== undefined) return { ...row, failed: wrong }
    return await timeRow(row, run)
  } catch (error) {
    if (!(error instanceof GrusError)) throw error
    return { ...row, failed: error.message }
  }
}

async function timeRow(row: Row, run: Run): Promise<ReportRow> {
  const make = { forward: layerSubject, training: layerSubject, call: callSubject, step: stepSubject }[row.mode]
  const subject = await make(where, row, engineOf(run.base, row))
  try {
    const times = await sample(subject, run)
    await subject.check()
    const hosts = times.flatMap(({ hostMs }) => hostMs ?? [])
    const ms = statisticsOf(times.map((time) => time.ms))
    return { ...row, engine: subject.engine, ms, ...(hosts.length > 0 && { hostMs: statisticsOf(hosts) }) }
  } finally {
    await subject.dispose()
  }
}

async function failureOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    if (!(error instanceof GrusError)) throw error
    return error.message
  }
}

/** 0 where it cannot be measured any more: a GPU may have failed, and what was measured before that counts. */
async function limitNow({ again }: Limiter): Promise<number> {
  try {
    return await again()
  } catch (error) {
    if (!(error instanceof GrusError)) throw error
    return 0
  }
}

function judge(row: ReportRow, limit: number): ReportRow {
  if (!row.ms?.median) return row
  const tflops = flopOf(row.shape, row.mode) / row.ms.median / 1e9
  return { ...row, tflops: rounded(tflops), ...(limit > 0 && { limit, percent: rounded((100 * tflops) / limit) }) }
}

function rowLine(row: ReportRow): string {
  return `${nameOf(row)}: ${row.ms ? `${row.ms.median.toPrecision(4)} ms` : row.failed!.split('\n')[0]}`
}
