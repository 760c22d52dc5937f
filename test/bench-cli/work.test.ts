import { expect, test } from 'vitest'
import { nameOf, rowsOf, type Selection } from '../../lib/bench/rows.js'
import { median, statisticsOf } from '../../lib/bench/statistics.js'
import { flopOf } from '../../lib/bench/work.js'
import { thrown } from '../support/errors.js'

const selection: Selection = { precisions: ['float32'], algorithms: ['heuristic'], graphs: true }
const rows = (more: Partial<Selection>, device: 'cpu' | 'cuda' = 'cuda') => rowsOf('grus bench', { ...selection, ...more }, device)

test('FLOP of shapes counted by hand', () => {
  const one = { hidden: 5, input: 3, batch: 2, steps: 4, layers: 1, directions: 1 }
  // three gates: a product of 3 and one of 5 values for each of 5 units, a multiplication and an addition each
  expect(flopOf(one, 'forward')).toBe(4 * 2 * 3 * 5 * (3 + 5) * 2)
  expect(flopOf(one, 'call')).toBe(1920)
  expect(flopOf(one, 'training')).toBe(5760)
  expect(flopOf(one, 'step')).toBe(5760)
  // the second layer of two directions has 2 * 5 inputs
  expect(flopOf({ ...one, layers: 2, directions: 2 }, 'forward')).toBe(2 * 4 * 2 * 3 * 5 * 2 * (3 + 5 + (10 + 5)))
  // DeepBench's largest: 6 * 1500 * 32 * 2816 * 5632
  expect(flopOf({ hidden: 2816, input: 2816, batch: 32, steps: 1500, layers: 1, directions: 1 }, 'forward')).toBe(4_567_597_056_000)
})

test('DeepBench has 19 GRUs for training and 54 for servers', () => {
  const training = rows({ list: 'deepbench-training' })
  expect(training).toHaveLength(2 * 19)
  expect(training.map(nameOf)).toContain('training T375 B32 H2048 float32')
  expect(training.map(nameOf).slice(-4)).toEqual([
    'forward T1500 B64 H1024 float32',
    'training T1500 B64 H1024 float32',
    'forward T1 B32 H512 float32',
    'training T1 B32 H512 float32',
  ])
  const server = rows({ list: 'deepbench-server' })
  expect(server).toHaveLength(54)
  expect(new Set(server.map(({ mode }) => mode))).toEqual(new Set(['forward']))
  expect(rows({ list: 'deepbench' })).toEqual([...training, ...server])
  expect(rows({ list: 'deepbench', modes: ['training'] })).toHaveLength(19)
})

test('sizes are combined, and each precision and algorithm has its rows', () => {
  const some = rows({ hidden: [8, 16], batch: [1, 2], layers: [2], directions: [2], input: [3], modes: ['forward'] })
  expect(some.map(nameOf)).toEqual([
    'forward T50 B1 I3 H8 L2 D2 float32',
    'forward T50 B2 I3 H8 L2 D2 float32',
    'forward T50 B1 I3 H16 L2 D2 float32',
    'forward T50 B2 I3 H16 L2 D2 float32',
  ])
  const more = rows({
    hidden: [8],
    modes: ['call'],
    precisions: ['float32', 'float16'],
    algorithms: ['heuristic', 'standard'],
    graphs: false,
  })
  expect(more.map(nameOf)).toEqual([
    'call T50 B32 H8 float32 no graphs',
    'call T50 B32 H8 float32 standard no graphs',
    'call T50 B32 H8 float16 no graphs',
    'call T50 B32 H8 float16 standard no graphs',
  ])
  expect(rows({ steps: [7] })[2]).toMatchObject({ mode: 'step', shape: { steps: 7, hidden: 256, input: 256, batch: 32 } })
  expect(rows({}, 'cpu').length).toBeGreaterThan(6)
  expect(rows({}, 'cuda').map(nameOf)).toContain('training T1500 B32 H2816 float32')
})

test('what makes no rows, or far too many, is refused', () => {
  expect(thrown(() => rows({ list: 'short', hidden: [3] }))).toContain('leave out --hidden or --list')
  expect(thrown(() => rows({ list: 'deepbench-server', modes: ['step'] }))).toContain("'deepbench-server' has no rows of mode step")
  const many = Array.from({ length: 101 }, (_, i) => i + 1)
  expect(thrown(() => rows({ hidden: many, batch: many }))).toContain('more than 10000 rows')
})

test('median and best', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(statisticsOf([0.3, 0.1, 0.25])).toEqual({ median: 0.25, best: 0.1, samples: [0.3, 0.1, 0.25] })
})
