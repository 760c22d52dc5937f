// Records of test:gpu and bench:gpu as judge.mjs reads them: checked for what it needs, and several of one GPU made one.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'

const text = z.string()
const count = z.number().min(0)
const heading = {
  date: z.iso.datetime(),
  simulated: z.boolean().optional(),
  tiny: z.boolean().optional(),
  device: z.looseObject({ gpu: text.nullable() }),
  commit: text.nullable(),
}
const errors = z.looseObject({ forward: count, gradients: count, cases: count })
const step = z.looseObject({
  part: text,
  name: text,
  state: text,
  failures: z.array(text).optional(),
  parity: z.record(text, errors).optional(),
})
const parts = { parts: z.array(text), match: text.optional(), states: z.record(text, z.looseObject({ state: text })).optional() }
const answer = z.looseObject({ point: text, question: text, answer: z.unknown() })
const tests = z.looseObject({
  ...heading,
  ...parts,
  bench: text.nullish(),
  stopped: text.optional(),
  steps: z.array(step),
  probe: z.array(answer),
})

const time = z.looseObject({ median: count })
const subject = z.looseObject({
  name: text,
  failed: text.optional(),
  ms: z.record(text, time).optional(),
  graphs: z.looseObject({ captures: count, replays: count, refusals: count.optional(), lastRefusal: text.optional() }).optional(),
})
const row = z.looseObject({
  id: text,
  kind: text,
  metric: text,
  precision: text,
  training: z.boolean(),
  steps: count,
  batch: count,
  hidden: count,
  subjects: z.array(subject),
})
const trial = z.looseObject({
  algorithm: text,
  us: count.optional(),
  outputError: count.optional(),
  gradientError: count.optional(),
  repeats: z.boolean().optional(),
})
const shape = z.looseObject({
  steps: count,
  batch: count,
  hidden: count,
  training: z.boolean(),
  precision: text,
  trials: z.array(trial).optional(),
})
const sweep = z.looseObject({ shapes: z.array(shape) })
const bench = z.looseObject({ ...heading, rows: z.array(row), leftOut: z.array(text), sweep: sweep.optional() })

/** What came instead of a record, and what to do: one line. */
export class BadRecord extends Error {}

/** @throws BadRecord */
function readRecord(file) {
  let content
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const reason = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' }[error.code] ?? error.message.split('\n')[0]
    throw new BadRecord(`expected a record such as docs/gpu/<file>.json, got '${file}': ${reason}`)
  }
  const what = Array.isArray(content?.steps) ? 'tests' : Array.isArray(content?.rows) ? 'bench' : undefined
  if (!what) throw new BadRecord(`expected a record of test:gpu or bench:gpu, got '${file}', which has neither steps nor rows`)
  const { data, error } = { tests, bench }[what].safeParse(content)
  if (!data) {
    const { path, message } = error.issues[0]
    throw new BadRecord(
      `expected a record of ${what === 'tests' ? 'test' : 'bench'}:gpu, got '${file}', where ${path.join('.')}: ${message}`,
    )
  }
  return { file, what, ...data }
}

const isSimulated = ({ simulated }) => Boolean(simulated)

/** The records of one GPU, the oldest first; with one of the tests comes that of its benchmark, from the same folder. @throws BadRecord */
export function readRecords(files) {
  const given = files.map(readRecord)
  const known = new Set(files.map((file) => resolve(file)))
  const named = given.flatMap(({ file, bench }) => (bench ? [join(dirname(file), bench)] : []))
  const others = [...new Set(named)].filter((file) => !known.has(resolve(file)) && existsSync(file))
  const records = [...given, ...others.map(readRecord)].sort((a, b) => a.date.localeCompare(b.date))
  const [first, other] = [...new Set(records.map(({ device }) => device.gpu ?? 'no GPU'))]
  if (other) throw new BadRecord(`expected records of one GPU, got such of '${first}' and of '${other}'; judge them one by one`)
  if (new Set(records.map(isSimulated)).size > 1)
    throw new BadRecord('expected records of one kind, got simulated ones beside others; judge them one by one')
  return records
}

/** Of the records in a folder that a GPU made: the newest, and those of the same GPU and commit. */
export function newestRecords(folder) {
  const names = listJson(folder)
  const all = names.map((name) => readRecord(join(folder, name))).filter(({ device, simulated, tiny }) => device.gpu && !simulated && !tiny)
  const newest = all.sort((a, b) => a.date.localeCompare(b.date)).at(-1)
  return all.filter(({ device, commit }) => device.gpu === newest.device.gpu && commit === newest.commit)
}

function listJson(folder) {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch {
    return []
  }
}

/** The parts of which every step ran: not those of which only some were picked, and not those that were cut short. */
const wholeParts = ({ what, parts = [], match, states }) => {
  if (what !== 'tests' || match) return []
  return parts.filter((part) => !states || ['passed', 'failed', 'out of time'].includes(states[part]?.state))
}

/** What later records say about the same step, row, shape or question takes the place of what earlier ones said. */
export function merge(records) {
  const last = (what, list, key) => [
    ...new Map(records.filter((record) => record.what === what).flatMap((record) => list(record).map((one) => [key(one), one]))).values(),
  ]
  const rows = last(
    'bench',
    (record) => record.rows,
    ({ id }) => id,
  )
  const measured = new Set(rows.map(({ id }) => id))
  return {
    simulated: records.some(isSimulated),
    timed: records.some(({ what, simulated, tiny }) => what === 'bench' && !simulated && !tiny),
    whole: new Set(records.flatMap(wholeParts)),
    steps: last(
      'tests',
      (record) => record.steps,
      ({ part, name }) => `${part}: ${name}`,
    ),
    answers: last(
      'tests',
      (record) => record.probe,
      ({ point, question }) => `${point} ${question}`,
    ),
    rows,
    leftOut: [...new Set(records.flatMap(({ leftOut = [] }) => leftOut))].filter((id) => !measured.has(id)),
    shapes: last(
      'bench',
      (record) => record.sweep?.shapes ?? [],
      ({ steps, batch, hidden, training, precision }) => [steps, batch, hidden, training, precision].join(),
    ),
  }
}
