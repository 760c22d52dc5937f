// Small records for the tests of scripts/gpu/judge.mjs, and what they are judged to be.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const load = (file: string) => import(pathToFileURL(join(root, file)).href)
export const scratch = mkdtempSync(join(tmpdir(), 'grus-judge-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const { points } = await load('scripts/gpu/judge/points.mjs')
const { merge, readRecords } = await load('scripts/gpu/judge/records.mjs')
const { judge } = await load('scripts/gpu/judge/verdicts.mjs')
const { decide } = await load('scripts/gpu/judge/decisions.mjs')

export type Facts = Record<string, unknown>
export const heading = {
  date: '2026-11-20T10:00:00.000Z',
  device: { gpu: 'NVIDIA H200', cudnn: '9.24.0' },
  commit: 'a'.repeat(40),
  grus: '0.1.0',
}
export const tests = (facts: Facts = {}) => ({ ...heading, parts: [], steps: [], probe: [], ...facts })
export const bench = (facts: Facts = {}) => ({ ...heading, rows: [], leftOut: [], ...facts })
export const answer = (point: string, question: string, said: unknown) => ({ point, question, answer: said })

let files = 0
export function write(record: unknown, name = `record-${++files}.json`) {
  const file = join(scratch, name)
  writeFileSync(file, typeof record === 'string' ? record : JSON.stringify(record))
  return file
}

export interface Verdict {
  id: string
  state: string
  measured: string
  misses: string[]
}

export function judged(...records: unknown[]) {
  const merged = merge(readRecords(records.map((record) => write(record))))
  const { verdicts, points: asked } = judge(merged)
  const of = (id: string): Verdict => verdicts.find((one: Verdict) => one.id === id)
  return { of, verdicts: verdicts as Verdict[], points: asked, decisions: decide(merged) }
}

/** `times`: of each subject, ms by series. */
export function row(times: Record<string, Record<string, number>>, facts: Facts = {}) {
  const subjects = Object.entries(times).map(([name, series]) => ({
    name,
    ms: Object.fromEntries(Object.entries(series).map(([key, median]) => [key, { median, best: median, samples: 3 }])),
  }))
  const sizes = { steps: 100, batch: 32, input: 128, hidden: 128, precision: 'float32', training: true }
  return { id: 'a row', kind: 'step', metric: 'step', ...sizes, subjects, ...facts }
}

export interface Goal {
  id: string
  kind: string
  part: string
  precision: string
  most: { forward: number; gradients: number }
  rows: { kind: string; precisions?: string[]; steps?: { upTo?: number }; batch?: { upTo?: number }; hidden?: { above?: number } }
  ours: string
  theirs: string
  series: string
  atLeast: number
  atMost: number
}

const metrics: Record<string, string> = { call: 'device', latency: 'latency', step: 'step' }
const rowOf = ({ rows }: Goal, times: Record<string, Record<string, number>>) =>
  row(times, {
    kind: rows.kind,
    metric: metrics[rows.kind],
    precision: rows.precisions?.[0] ?? 'float32',
    steps: rows.steps?.upTo ?? 100,
    batch: rows.batch?.upTo ?? 32,
    hidden: rows.hidden?.above ? rows.hidden.above * 2 : 128,
  })

/** Of a goal of each kind, records of which it is met, missed, and not measured. */
export const cases: Record<string, (goal: Goal) => { met: unknown; missed: unknown; open: unknown[] }> = {
  part: ({ part }) => {
    const ends = (state: string, facts: Facts = {}) => tests({ parts: [part], steps: [{ part, name: 'one of it', state }], ...facts })
    const goesOn = { states: { [part]: { state: 'running' } } }
    return {
      met: ends('passed'),
      missed: ends('failed'),
      open: [ends('left out'), ends('not here'), ends('passed', { match: 'one' }), ends('passed', goesOn), tests()],
    }
  },
  parity: ({ precision, most }) => {
    const of = (gradients: number) => {
      const parity = { [precision]: { forward: most.forward, gradients, cases: 24 } }
      return tests({ steps: [{ part: 'gpu', name: 'test/gpu/parity.test.ts', state: 'passed', parity }] })
    }
    return { met: of(most.gradients), missed: of(1.01 * most.gradients), open: [tests()] }
  },
  answers: () => {
    const all = points.map(([point]: [string]) => answer(point, 'a question', 'success'))
    const died = answer('8.7', 'the rest of long-sequences', { error: 'no answer in 60 s' })
    return { met: tests({ probe: all }), missed: tests({ probe: [...all, died] }), open: [tests({ probe: all.slice(1) }), tests()] }
  },
  assumptions: () => {
    const of = (said: unknown) => tests({ probe: [answer('8.11', 'hx null or zeros: the same bits', said)] })
    return { met: of(true), missed: of(false), open: [tests({ probe: [answer('8.4', 'rows without a step, every row', 'success')] })] }
  },
  agreement: () => {
    const failed = (why: string) => bench({ rows: [{ ...row({}), subjects: [{ name: 'grus standard', failed: why }] }] })
    return {
      met: bench({ rows: [row({ 'grus standard': { step: 1 } })] }),
      missed: failed('not timed, its results are not those of torch eager: y differs by 0.1'),
      open: [failed('the time was over'), bench()],
    }
  },
  graphs: () => {
    const of = (name: string, graphs?: Facts) => bench({ rows: [{ ...row({}), subjects: [{ name, graphs }] }] })
    const none = { captures: 0, replays: 0, refusals: 2, lastRefusal: 'cudaErrorStreamCaptureInvalidated' }
    return {
      met: of('grus heuristic', { captures: 1, replays: 40 }),
      missed: of('grus heuristic', none),
      open: [of('grus heuristic'), of('grus heuristic, no graphs', none)],
    }
  },
  ratio: (goal) => {
    const series = metrics[goal.rows.kind]!
    const of = (ratio: number) => bench({ rows: [rowOf(goal, { [goal.ours]: { [series]: 2 }, [goal.theirs]: { [series]: 2 * ratio } })] })
    const alone = bench({ rows: [rowOf(goal, { [goal.ours]: { [series]: 2 } })] })
    return { met: of(goal.atLeast), missed: of(goal.atLeast - 0.01), open: [alone, bench()] }
  },
  time: (goal) => {
    const of = (us: number) => bench({ rows: [rowOf(goal, { [goal.ours]: { [metrics[goal.rows.kind]!]: 50, [goal.series]: us / 1000 } })] })
    const other = bench({ rows: [rowOf(goal, { 'torch graph': { [goal.series]: 1 } })] })
    return { met: of(goal.atMost), missed: of(1.01 * goal.atMost), open: [other, bench()] }
  },
}
