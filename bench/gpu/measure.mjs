import { join } from 'node:path'
import { agreement } from './agreement.mjs'
import { writeArrays } from './arrays.mjs'
import { judge } from './limits.mjs'
import { metrics, subjectsOf } from './subjects.mjs'

const quantile = (values, q) => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = Math.floor(at)
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low])
}
const median = (values) => quantile(values, 0.5)
const mostSeconds = 10 // a row whose single calls are long gets fewer rounds
const round = (value) => Number(value.toPrecision(4))

/**
 * One row: everybody computes it, who agrees is timed, in rounds that alternate who comes first.
 *
 * @param run - { workers by name, algorithms, torchModes, folder, rounds, ms, limits, left(): seconds until the end }
 */
export async function measureRow(row, run) {
  const arrays = writeArrays(row, join(run.folder, 'arrays'))
  const subjects = subjectsOf(row, run.algorithms, run.torchModes).filter(({ worker }) => run.workers[worker])
  await prepare(row, arrays, subjects, run)
  for (const subject of subjects) if (!subject.failed) await attempt(subject, run, () => open(subject, run))
  const reference = agree(row, subjects)
  const rounds = await time(subjects, run)
  const metric = metrics[row.kind]
  return {
    ...row,
    rank: undefined,
    metric,
    reference: reference?.name,
    rounds,
    subjects: subjects.map((subject) => summarize(row, subject, metric, run.limits)),
    ratios: ratiosOf(subjects, metric),
  }
}

async function attempt(subject, run, action) {
  try {
    await action()
  } catch (error) {
    subject.failed = run.left() < 1 ? 'the time was over' : error.message.slice(0, 1000)
  }
}

const seconds = (run, most) => Math.max(1, Math.min(most, run.left()))

async function prepare(row, arrays, subjects, run) {
  const { steps, batch, input, hidden, training, precision } = row
  const shape = { steps, batch, input, hidden, training: Number(training), precision }
  for (const name of new Set(subjects.map(({ worker }) => worker))) {
    const request = name === 'native' ? { command: 'prepare', ...shape, arrays: arrays.folder } : { command: 'prepare', row, arrays }
    const all = subjects.filter(({ worker }) => worker === name)
    const failure = await run.workers[name].ask(request, seconds(run, 60)).then(
      () => undefined,
      (error) => error.message,
    )
    if (failure) for (const subject of all) subject.failed = failure
  }
}

async function open(subject, run) {
  const { worker, ...told } = subject
  const out = join(run.folder, subject.name.replaceAll(/\W+/g, '-'))
  const { results, engine, compile } = await run.workers[worker].ask({ command: 'open', ...told, out }, seconds(run, 90))
  Object.assign(subject, { results, engine, ...(compile && { compile }) })
}

/** With torch's eager mode, or where there is none, with the first. */
function agree(row, subjects) {
  const good = subjects.filter(({ failed }) => !failed)
  const reference = good.find(({ name }) => name === 'torch eager') ?? good[0]
  for (const subject of good) {
    try {
      subject.largestDifference = agreement(row.precision, subject.results, reference.results)
    } catch (error) {
      subject.failed = `not timed, its results are not those of ${reference.name}: ${error.message}`
    }
  }
  return reference
}

async function time(subjects, run) {
  const good = () => subjects.filter(({ failed }) => !failed)
  for (const subject of good()) subject.times = []
  let done = 0
  const start = performance.now()
  const goesOn = () => performance.now() - start < 1000 * mostSeconds && run.left() > 2
  for (; done < run.rounds && (done === 0 || goesOn()) && good().length > 0; done++) {
    for (const subject of done % 2 ? good().reverse() : good()) {
      await attempt(subject, run, async () => {
        const request = { command: 'time', name: subject.name, ms: run.ms }
        const { graphs, ...times } = await run.workers[subject.worker].ask(request, seconds(run, 60))
        subject.times.push(times)
        if (graphs) subject.captured = graphs
      })
    }
  }
  return done
}

function summarize(row, subject, metric, limits) {
  const { name, worker, engine, failed, largestDifference, compile, captured, times = [] } = subject
  const facts = Object.entries({ engine, failed, compile, graphs: captured }).filter(([, value]) => value)
  const summary = { name, worker, ...Object.fromEntries(facts) }
  if (times.length === 0) return summary
  const series = Object.keys(times[0]).map((key) => {
    const all = times.flatMap((each) => each[key])
    return [key, { median: round(median(all)), best: round(all.reduce((a, b) => Math.min(a, b))), samples: all.length }]
  })
  const measured = Object.fromEntries(series)
  return { ...summary, largestDifference, ms: measured, ...judge(row, measured[metric].median, limits) }
}

/** The other's median over that of grus, above 1: grus is faster; the quartiles are those of single rounds. */
function ratiosOf(subjects, metric) {
  const timed = subjects.filter(({ times }) => times?.length)
  const [ours, others] = [(name) => name.startsWith('grus'), (name) => !name.startsWith('grus')]
  return timed
    .filter(({ name }) => ours(name))
    .flatMap((mine) => timed.filter(({ name }) => others(name)).map((theirs) => ratio(mine, theirs, metric)))
}

function ratio(mine, theirs, metric) {
  const of = (subject) => median(subject.times.flatMap((each) => each[metric]))
  const single = Array.from({ length: Math.min(mine.times.length, theirs.times.length) }, (_, i) => {
    return median(theirs.times[i][metric]) / median(mine.times[i][metric])
  })
  return {
    grus: mine.name,
    other: theirs.name,
    ratio: round(of(theirs) / of(mine)),
    quartiles: { low: round(quantile(single, 0.25)), high: round(quantile(single, 0.75)) },
  }
}
