// Every goal of scripts/gpu/goals.mjs met, missed and not measured; what is made of cuDNN's answers.
import { describe, expect, it } from 'vitest'
import { answer, bench, cases, type Facts, type Goal, judged, load, row, tests } from './records.js'

const { goals, isAbout } = await load('scripts/gpu/goals.mjs')

describe('goals', () => {
  it.each(goals.map((goal: Goal) => [goal.id, goal]) as [string, Goal][])('%s: met, missed, or not measured', (id, goal) => {
    const { met, missed, open } = cases[goal.kind]!(goal)
    const good = judged(met)
    expect(good.of(id)).toMatchObject({ state: 'met', misses: [] })
    const bad = judged(missed).of(id)
    expect(bad.state).toBe('missed')
    expect(bad.misses).toHaveLength(1)
    for (const record of open) expect(judged(record).of(id)).toMatchObject({ state: 'not measured', misses: [] })
  })

  it('each has a name of its own', () => {
    expect(new Set(goals.map(({ id }: Goal) => id)).size).toBe(goals.length)
  })

  it('are about the rows they name', () => {
    const about = (facts: Facts) => goals.filter(({ rows }: Goal) => rows && isAbout(rows, row({}, facts))).map(({ id }: Goal) => id)
    const steps = ['PyTorch graphed', 'host time of a step']
    expect(about({ hidden: 256 }).sort()).toEqual([...steps, 'PyTorch eager'].sort())
    expect(about({ hidden: 512 }).sort()).toEqual([...steps, 'PyTorch eager, large float32'].sort())
    expect(about({ hidden: 512, precision: 'tf32' }).sort()).toEqual([...steps, 'PyTorch eager'].sort())
    // a call of one step is all fixed cost
    expect(about({ kind: 'call', steps: 1, training: false })).toEqual([])
    expect(about({ kind: 'call', precision: 'float16' }).sort()).toEqual(['cuDNN, 16 bits', 'host time of a pass'])
  })

  it('hold on every row; the worst come first, with the time of both hosts', () => {
    const of = (id: string, theirs: number) =>
      row({ 'grus heuristic': { step: 1, cpu: 0.05 }, 'torch graph': { step: theirs, cpu: 0.4 } }, { id })
    const { state, measured, misses } = judged(bench({ rows: [of('a', 2), of('b', 0.9), of('c', 0.7), of('d', 1)] })).of('PyTorch graphed')
    expect({ state, measured }).toEqual({ state: 'missed', measured: '0.70 to 2.00 on 4 rows' })
    expect(misses).toEqual(['c: 0.70 (host: 50 µs here, 400 µs there)', 'b: 0.90 (host: 50 µs here, 400 µs there)'])
  })

  it('tell why nothing was captured', () => {
    const graphs = { captures: 0, replays: 0, refusals: 2, lastRefusal: 'cudaErrorStreamCaptureInvalidated' }
    const { measured, misses } = judged(bench({ rows: [{ ...row({}), subjects: [{ name: 'grus heuristic', graphs }] }] })).of('graphs')
    expect(measured).toBe('0 of 1 ways of computing, 2 captures refused')
    expect(misses).toEqual(['a row, grus heuristic: 0 captures, 0 replays, 2 refused: cudaErrorStreamCaptureInvalidated'])
  })

  it('what a later record says about the same takes the place of what an earlier one said', () => {
    const [goal] = goals as [Goal]
    const { met, missed } = cases.part!(goal) as { met: Facts; missed: Facts }
    const later = '2026-11-20T11:00:00.000Z'
    expect(judged({ ...met, date: later }, missed).of(goal.id).state).toBe('met')
    expect(judged(met, { ...missed, date: later }).of(goal.id).state).toBe('missed')
  })

  it('times of tiny sizes count for nothing', () => {
    const { met } = cases.ratio!(goals.find(({ kind }: Goal) => kind === 'ratio'))
    for (const facts of [{ tiny: true }, { simulated: true }]) {
      const { verdicts } = judged({ ...(met as Facts), ...facts })
      const timed = verdicts.filter((verdict) => ['ratio', 'time'].includes((verdict as unknown as Goal).kind))
      expect(new Set(timed.map(({ state }) => state))).toEqual(new Set(['not measured']))
    }
  })
})

describe('answers', () => {
  const verdictOf = (point: string, question: string, said: unknown): string =>
    judged(tests({ probe: [answer(point, question, said)] })).points.find((one: { point: string }) => one.point === point).questions[0]
      .verdict
  const places = { 'matrices at': [0, 48], 'biases at': [96, 'none'] }
  const repeats = { 'streams are two': true, 'results that differ, of 20': 0 }
  const captured = { outcome: 'success', nodes: 4, 'same bits as plain calls': true }
  const refusal = 'cudnnGetRNNTempSpaceSizes, training: 3002 CUDNN_STATUS_NOT_SUPPORTED_SHAPE'
  const computed = (apart: unknown) => ({ steps: 50, computed: { 'H 64 B 8': { apart, us: 3 } }, refused: {} })

  it.each([
    ['8.2', 'weights: float32 I 28 H 128', places, { ...places, 'matrices at': ['byte 2'] }],
    ['8.7', '65535 steps with STANDARD', { training: 'success', inference: 'success' }, { training: 'success', inference: refusal }],
    ['8.7', '65536 rows with STANDARD', 'success', refusal],
    ['8.9', 'SMALL_H, float16, training', computed(1e-3), computed('nan')],
    ['8.9', 'SMALL_H, float32, training', computed(1e-6), computed(1e-2)],
    ['8.10', 'hx, hy, dhy, dhx are null', 'success', refusal],
    ['8.11', 'hx null or zeros: the same bits', true, refusal],
    ['8.12', 'the same bits from run to run, L 2 D 2, tf32', { 'runs that differ, of 10': 0 }, { 'runs that differ, of 10': 1 }],
    ['8.12', 'the same bits on two streams at once, float32', repeats, { ...repeats, 'streams are two': false }],
    ['8.13', 'the three calls captured after a warm-up, float32', captured, { ...captured, 'same bits as plain calls': false }],
    ['8.13', 'the three calls captured after a warm-up, float32', captured, refusal],
    ['8.13', 'the three calls captured after a warm-up, float32 PERSIST_STATIC H 64', refusal, 'cudaStreamEndCapture: cudaErrorUnknown'],
  ])('%s %s: as assumed, or otherwise', (point, question, usual, other) => {
    expect(verdictOf(point, question, usual)).toBe('as assumed')
    for (const said of [other, null, [], {}, 'nonsense']) expect(verdictOf(point, question, said)).toBe('otherwise')
  })

  it('of what the engine does not rest on are noted; a group that died has not answered', () => {
    expect(verdictOf('8.4', 'rows without a step, every row, inference', refusal)).toBe('noted')
    expect(verdictOf('8.13', 'the rest of capture-warm', { error: 'died of Segmentation fault' })).toBe('not answered')
  })
})
