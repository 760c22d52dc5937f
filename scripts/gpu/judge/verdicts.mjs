// What records say about the goals: met, missed, or not measured, with what was measured.

import { goals, isAbout } from '../goals.mjs'
import { judgePoints } from './points.mjs'

const first = (text) => text.split('\n')[0].slice(0, 300)
const notMeasured = (reason) => ({ state: 'not measured', measured: reason, misses: [] })
/** `misses`: a line for each case that misses the goal. */
const settled = (measured, misses) => ({ state: misses.length > 0 ? 'missed' : 'met', measured, misses })

function judgePart({ part }, { steps, whole }) {
  const all = steps.filter((step) => step.part === part)
  const tried = all.filter(({ state }) => state !== 'left out' && state !== 'not here')
  if (tried.length === 0) return notMeasured(all[0] ? all[0].state : 'it did not run')
  const bad = tried.filter(({ state }) => state !== 'passed')
  const leftOut = all.filter(({ state }) => state === 'left out').length
  const measured = `${tried.length - bad.length} of ${all.length} passed${leftOut > 0 ? `, ${leftOut} left out` : ''}`
  if (bad.length === 0 && (tried.length < all.length || !whole.has(part))) return notMeasured(`${measured}, which is not all of it`)
  return settled(
    measured,
    bad.map(({ name, state, failures = [] }) => `${name}: ${state}${failures.length > 0 ? `, ${first(failures[0])}` : ''}`),
  )
}

function judgeParity({ precision, most }, { steps }) {
  const found = steps.flatMap(({ parity }) => parity?.[precision] ?? [])
  const cases = found.reduce((sum, one) => sum + one.cases, 0)
  if (cases === 0) return notMeasured('no record has errors of this precision')
  const worst = (what) => Math.max(...found.map((one) => one[what]))
  const misses = Object.keys(most).filter((what) => !(worst(what) <= most[what]))
  return settled(
    `${worst('forward').toPrecision(2)}, gradients ${worst('gradients').toPrecision(2)}, in ${cases} cases`,
    misses.map((what) => `${what}: ${worst(what).toPrecision(3)} is more than ${most[what]}`),
  )
}

function judgeAnswers(_, { points }) {
  const asked = points.filter(({ state }) => state !== 'not asked')
  if (asked.length === 0) return notMeasured('the probe did not run')
  const open = asked.filter(({ state }) => state === 'in part')
  const misses = open.flatMap(({ point, questions }) =>
    questions
      .filter(({ verdict }) => verdict === 'not answered')
      .map(({ question, answer }) => `${point} ${question}: ${first(JSON.stringify(answer))}`),
  )
  const missing = points.filter(({ state }) => state === 'not asked').map(({ point }) => point)
  const count = `${asked.length - open.length} of ${points.length} points`
  if (missing.length > 0 && misses.length === 0) return notMeasured(`${count}; not asked: ${missing.join(', ')}`)
  return settled(count, misses)
}

function judgeAssumptions(_, { points }) {
  const all = points.flatMap(({ questions }) => questions).filter(({ assumes }) => assumes)
  if (all.length === 0) return notMeasured('no question that the engine assumes an answer to was asked')
  const wrong = all.filter(({ verdict }) => verdict === 'otherwise')
  const misses = wrong.map(
    ({ point, question, answer, assumes }) => `${point} ${question}: ${first(JSON.stringify(answer))}, not: ${assumes}`,
  )
  return settled(`${all.length - wrong.length} of ${all.length} answers`, misses)
}

function judgeAgreement(_, { rows }) {
  const computed = rows.flatMap(({ id, subjects }) =>
    subjects.filter(({ ms, failed }) => ms || (failed && failed !== 'the time was over')).map((subject) => ({ id, ...subject })),
  )
  if (computed.length === 0) return notMeasured('no row was computed')
  const ours = computed.filter(({ name }) => !name.startsWith('torch'))
  const wrong = ours.filter(({ failed }) => failed && failed !== 'the time was over')
  return settled(
    `${ours.length - wrong.length} of ${ours.length} results`,
    wrong.map(({ id, name, failed }) => `${id}, ${name}: ${first(failed)}`),
  )
}

function judgeGraphs(_, { rows }) {
  const counted = rows.flatMap(({ id, subjects }) =>
    subjects.filter(({ name, graphs }) => graphs && !name.endsWith(', no graphs')).map((subject) => ({ id, ...subject })),
  )
  if (counted.length === 0) return notMeasured('no record counts captures')
  const bad = counted.filter(({ graphs: { captures, replays } }) => captures < 1 || replays < 1)
  const misses = bad.map(
    ({ id, name, graphs }) => `${id}, ${name}: ${graphs.captures} captures, ${graphs.replays} replays${whyNot(graphs)}`,
  )
  const refusals = counted.reduce((sum, { graphs }) => sum + (graphs.refusals ?? 0), 0)
  const refused = refusals > 0 ? `, ${refusals} captures refused` : ''
  return settled(`${counted.length - bad.length} of ${counted.length} ways of computing${refused}`, misses)
}

const whyNot = ({ refusals, lastRefusal }) =>
  refusals > 0 ? `, ${refusals} refused${lastRefusal ? `: ${first(String(lastRefusal))}` : ''}` : ''

const median = (subject, series) => subject?.ms?.[series]?.median
const timeOf = (row, name, series = row.metric) => {
  const value = median(
    row.subjects.find((subject) => subject.name === name),
    series,
  )
  return value > 0 ? value : undefined
}

/** The rows that a goal is about and that have both times, or the one; what is said when there is none. */
function measuredRows(goal, { rows, leftOut, timed, simulated }, value) {
  if (!timed && rows.length > 0) return { reason: `the times of a ${simulated ? 'simulated GPU' : 'tiny run'} say nothing` }
  const about = rows.filter((row) => isAbout(goal.rows, row))
  const found = about.map((row) => ({ row, value: value(row) })).filter((one) => one.value !== undefined)
  if (found.length > 0) return { found, missing: about.length - found.length }
  if (about.length === 0) return { reason: leftOut.length > 0 ? 'no such row, some were left out for lack of time' : 'no such row' }
  const names = [goal.ours, goal.theirs].filter(Boolean)
  const missing = names.filter((name) => !about.some((row) => timeOf(row, name, goal.series)))
  return { reason: `not timed: ${missing.join(', ') || 'both on one row'}` }
}

function judgeRatio(goal, run) {
  const { found, missing, reason } = measuredRows(goal, run, (row) => {
    const [ours, theirs] = [timeOf(row, goal.ours), timeOf(row, goal.theirs)]
    return ours && theirs ? theirs / ours : undefined
  })
  if (!found) return notMeasured(reason)
  const how = { reached: (value) => value >= goal.atLeast, up: 1, show: (value) => value.toFixed(2), note: (row) => hostTimes(goal, row) }
  return overRows(found, missing, how)
}

/** Where the host takes as long as the GPU, it is the hosts that were compared. */
function hostTimes({ ours, theirs }, row) {
  const series = { call: 'host', step: 'cpu' }[row.kind]
  const [mine, others] = [ours, theirs].map((name) => timeOf(row, name, series))
  return mine && others ? ` (host: ${(1000 * mine).toFixed(0)} µs here, ${(1000 * others).toFixed(0)} µs there)` : ''
}

function judgeTime(goal, run) {
  const { found, missing, reason } = measuredRows(goal, run, (row) => {
    const value = timeOf(row, goal.ours, goal.series)
    return value && 1000 * value
  })
  if (!found) return notMeasured(reason)
  const show = (value) => `${value.toPrecision(3)} µs`
  return overRows(found, missing, { reached: (value) => value <= goal.atMost, up: -1, show, note: () => '' })
}

/** `up`: 1 when more is better, else -1. */
function overRows(found, missing, { reached, up, show, note }) {
  const sorted = found.toSorted((a, b) => up * (a.value - b.value))
  const [worst, best] = [sorted[0], sorted.at(-1)]
  const missed = sorted.filter(({ value }) => !reached(value))
  const range = found.length === 1 ? show(worst.value) : `${show(worst.value)} to ${show(best.value)}`
  const judged = settled(
    `${range} on ${found.length} row${found.length > 1 ? 's' : ''}${missing > 0 ? `, ${missing} not timed` : ''}`,
    missed.map(({ row, value }) => `${row.id}: ${show(value)}${note(row)}`),
  )
  return { ...judged, rows: found.map(({ row, value }) => ({ id: row.id, value })) }
}

const kinds = {
  part: judgePart,
  parity: judgeParity,
  answers: judgeAnswers,
  assumptions: judgeAssumptions,
  agreement: judgeAgreement,
  graphs: judgeGraphs,
  ratio: judgeRatio,
  time: judgeTime,
}

/** @param merged what merge() of records.mjs makes of records */
export function judge(merged) {
  const points = judgePoints(merged.answers)
  return { points, verdicts: goals.map((goal) => ({ ...goal, ...kinds[goal.kind](goal, { ...merged, points }) })) }
}
