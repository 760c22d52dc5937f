// What a sweep over cuDNN's algorithms and the probe's answers decide.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { answer, bench, type Facts, judged, load, root, row, tests, write } from './records.js'

const execute = promisify(execFile)
const { smallHLimits } = await load('scripts/gpu/goals.mjs')
const { asSource } = await load('scripts/gpu/judge/decisions.mjs')

describe('decisions', () => {
  /** `us` of an algorithm: a time, or more about the trial. */
  const shape = (steps: number, batch: number, hidden: number, us: Record<string, number | Facts>, facts: Facts = {}) => ({
    ...{ steps, batch, input: hidden, hidden, training: true, precision: 'float32', ...facts },
    trials: Object.entries({ standard: 100, ...us }).map(([algorithm, of]) => ({
      ...{ algorithm, outputError: 0, gradientError: 0, repeats: true },
      ...(typeof of === 'number' ? { us: of } : of),
    })),
  })
  const decided = (...shapes: unknown[]) => judged(bench({ sweep: { shapes, leftOut: 0 } })).decisions
  const rulesOf = (...shapes: unknown[]) =>
    decided(...shapes).algorithms[0].rows.map(({ hidden, batch, algorithm }: Facts) => [hidden, batch, algorithm])
  const [small, persistent] = ['persist_static_small_h', 'persist_static']

  it('an algorithm is taken where it is faster by more than 5 %, agrees, repeats, and with every number of steps', () => {
    const take = (of: number | Facts) => rulesOf(shape(50, 32, 64, { [small!]: of }))[0]?.[2] ?? 'standard'
    expect(take(90)).toBe(small)
    expect(take(96)).toBe('standard')
    expect(take({ us: 20, repeats: false })).toBe('standard')
    expect(take({ us: 20, outputError: 1e-3 })).toBe('standard')
    expect(take({ us: 20, gradientError: 1e-2 })).toBe('standard')
    expect(take({ refusal: '3000 CUDNN_STATUS_NOT_SUPPORTED' })).toBe('standard')
    expect(rulesOf(shape(50, 32, 64, { [small!]: 50 }), shape(500, 32, 64, { [small!]: 99 }))).toEqual([])
  })

  it('become rules by units and rows, in the form of native code', () => {
    const { algorithms } = decided(
      shape(50, 32, 64, { [small!]: 50, [persistent!]: 80 }),
      shape(50, 64, 64, { [small!]: 40 }),
      shape(50, 128, 64, { [small!]: 150, [persistent!]: 70 }),
      shape(50, 256, 64, { [small!]: 300, [persistent!]: 100 }),
      shape(50, 32, 512, { [persistent!]: 25 }, { precision: 'float16', training: false }),
    )
    const lines = asSource(algorithms).split('\n').slice(3, -1)
    expect(lines).toEqual([
      '    {Precision::float32, true, 64, 64, cudnn::RnnAlgo::persist_static_small_h},   // 2.00 to 2.50 times as fast as standard',
      '    {Precision::float32, true, 64, 128, cudnn::RnnAlgo::persist_static},   // 1.43 times as fast as standard',
      '    {Precision::float16, false, 512, 32, cudnn::RnnAlgo::persist_static},   // 4.00 times as fast as standard',
    ])
  })

  it('are no longer than they must be', () => {
    const at = (batch: number, hidden: number, us: number) => shape(50, batch, hidden, { [small!]: us })
    // 32 and 64 units alike; standard between 64 and 128 has to be said, that beyond needs not
    const all = [at(8, 32, 50), at(32, 32, 150), at(8, 64, 25), at(32, 64, 150), at(8, 96, 150), at(8, 128, 50), at(8, 256, 150)]
    expect(rulesOf(...all)).toEqual([
      [64, 8, small],
      [96, 8, 'standard'],
      [128, 8, small],
    ])
    const [rule] = decided(...all).algorithms
    expect(rule.rows[0].speeds).toEqual([2, 4])
    // a gap among the rows is said too
    expect(rulesOf(at(8, 64, 50), at(16, 64, 150), at(32, 64, 50))).toEqual([
      [64, 8, small],
      [64, 16, 'standard'],
      [64, 32, small],
    ])
  })

  it('compile beside the engine', async ({ skip }) => {
    const compiler = process.env.CXX ?? 'g++'
    const { algorithms } = decided(shape(50, 32, 64, { [small!]: 50 }), shape(50, 32, 64, { [persistent!]: 50 }, { precision: 'bfloat16' }))
    const includes = ['cuda/api/cudnn.h', 'engine_options.h'].map((file) => `#include "${file}"`)
    const type = 'struct Measured { Precision precision; bool training; int hidden, batch; cudnn::RnnAlgo algorithm; };'
    const file = write(
      [...includes, 'namespace grus::cuda {', type, asSource(algorithms), 'const auto* all = kMeasured;', '}'].join('\n'),
      'rules.cc',
    )
    const result = await execute(compiler, ['-std=c++17', '-fsyntax-only', '-I', join(root, 'native'), file]).catch((error) => error)
    if (result.code === 'ENOENT') return skip(`there is no ${compiler}`)
    expect(result.stderr).toBe('')
  })

  it('limits stay, move, or were not measured', () => {
    const limitOf = (hidden: number, ...shapes: unknown[]) =>
      decided(...shapes).limits.find(({ limit }: { limit: string }) => limit === `SMALL_H, float32 training, ${hidden} units`)
    const at = (batch: number, us: number, hidden = 64) => shape(50, batch, hidden, { [small!]: us })
    expect(limitOf(64)).toMatchObject({ state: 'not measured' })
    expect(limitOf(64, at(32, 50), at(64, 50), at(128, 120))).toMatchObject({ today: '64 rows', state: 'stays' })
    expect(limitOf(64, at(32, 50), at(128, 120))).toMatchObject({ state: 'stays' })
    expect(limitOf(64, at(32, 50), at(64, 50), at(128, 60), at(256, 130))).toMatchObject({ state: 'moves to 128', to: 128 })
    expect(limitOf(64, at(8, 50), at(32, 120), at(64, 50))).toMatchObject({ state: 'moves to 8' })
    expect(limitOf(64, at(8, 120))).toMatchObject({ state: 'moves to 0' })
    expect(limitOf(128, at(48, 50, 128), at(64, 50, 128))).toMatchObject({ today: '48 rows', state: 'moves to 64' })
  })

  it('so do those of units, among the rows of the widest rule', () => {
    const limitOf = (training: boolean, ...us: [hidden: number, batch: number, us: number][]) => {
      const shapes = us.map(([hidden, batch, each]) => shape(50, batch, hidden, { [small!]: each }, { training }))
      const name = `SMALL_H, float32 ${training ? 'training, up to 48' : 'inference, up to 8'} rows`
      return decided(...shapes).limits.find(({ limit }: { limit: string }) => limit === name)
    }
    expect(limitOf(true)).toMatchObject({ today: '128 units', state: 'not measured' })
    expect(limitOf(true, [64, 32, 50], [128, 32, 50], [160, 32, 150])).toMatchObject({ state: 'stays' })
    expect(limitOf(true, [64, 32, 50], [128, 32, 50], [160, 32, 50], [160, 64, 200])).toMatchObject({ state: 'moves to 160' })
    expect(limitOf(true, [64, 32, 50], [96, 32, 150], [128, 32, 50])).toMatchObject({ state: 'moves to 64' })
    expect(limitOf(false, [64, 8, 50], [192, 8, 50], [256, 8, 150])).toMatchObject({ today: '192 units', state: 'stays' })
  })

  it('limits that cuDNN itself had can go when it accepts more', () => {
    const of = (probe: unknown[]) =>
      Object.fromEntries(judged(tests({ probe })).decisions.limits.map(({ limit, state }: Record<string, string>) => [limit, state]))
    expect(of([])).toMatchObject({ 'steps of one call': 'not measured', 'SMALL_H in bfloat16': 'not measured' })
    const [steps, narrow] = ['65536 steps with STANDARD', 'SMALL_H, bfloat16, training']
    expect(of([answer('8.7', steps, '3000'), answer('8.9', narrow, { computed: {} })])).toMatchObject({
      'steps of one call': 'stays',
      'SMALL_H in bfloat16': 'stays',
    })
    const success = { training: 'success', inference: 'success' }
    expect(of([answer('8.7', steps, success), answer('8.9', narrow, { computed: { 'H 64 B 8': { apart: 0.01 } } })])).toMatchObject({
      'steps of one call': 'can go',
      'SMALL_H in bfloat16': 'can go',
    })
  })

  it('autotune is compared with the choice by shape', () => {
    const of = (id: string, tuned: number) => row({ 'grus heuristic': { step: 1 }, 'grus autotune': { step: tuned } }, { id })
    const { autotune } = judged(bench({ rows: [of('a', 0.5), of('b', 0.98), of('c', 0.4)] })).decisions
    expect(autotune).toEqual({ measured: 3, faster: [expect.objectContaining({ id: 'c', ratio: 2.5 }), { id: 'a', ratio: 2 }] })
  })

  it('today’s limits are those of the engine', () => {
    const source = readFileSync(join(root, 'native/cuda/gru/algorithms.cc'), 'utf8')
    const found = [...source.matchAll(/\((!training && )?hidden <= (\d+) && batch <= (\d+)\)/g)].map(([, inference, hidden, batch]) => ({
      ...{ hidden: Number(hidden), batch: Number(batch) },
      ...(inference && { inference: true }),
    }))
    expect(smallHLimits).toEqual(found)
  })
})
