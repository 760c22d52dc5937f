// grus bench on the CPU, as a process of its own; nothing here looks at how long anything took.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Report, readReport, reportSchema } from '../../lib/bench/report.js'
import { randomValues } from '../../lib/bench/values.js'
import { rejected, thrown } from '../support/errors.js'
import { command, grus } from '../support/grus-command.js'

const folder = mkdtempSync(join(tmpdir(), 'grus-bench-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const quick = ['--cpu', '--hidden', '8', '--batch', '2', '--steps', '3', '--rounds', '2', '--seconds', '0.001']
const bench = (...args: string[]) => grus(['bench', ...args])

test('--json -: the standard output is the report, all modes have times', async () => {
  const { status, stdout, stderr } = await bench(...quick, '--mode', 'forward,training,step,call', '--threads', '1', '--json', '-')
  expect(status, stderr).toBe(0)
  const report = reportSchema.parse(JSON.parse(stdout))
  expect(report).toMatchObject({ device: 'cpu', gpu: null, clocks: { before: null, after: null }, leftOut: [] })
  expect(report.machine.threads).toBe(1)
  expect(report.limits).toEqual([
    { precision: 'float32', tflops: expect.any(Number), how: expect.stringMatching(/^a product of \d+ x \d+/) },
  ])
  expect(report.rows.map(({ mode }) => mode)).toEqual(['forward', 'training', 'step', 'call'])
  for (const { mode, shape, engine, ms, tflops, limit, percent, failed, hostMs } of report.rows) {
    expect({ failed, hostMs }).toEqual({ failed: undefined, hostMs: undefined })
    expect(shape).toEqual({ hidden: 8, input: 8, batch: 2, steps: 3, layers: 1, directions: 1 })
    expect(engine).toMatch(/^cpu /)
    expect(ms!.samples.length).toBeGreaterThan(0)
    expect(ms!.best).toBe(Math.min(...ms!.samples))
    const flop = 6 * 3 * 2 * 8 * 16 * (mode === 'training' || mode === 'step' ? 3 : 1)
    expect(tflops! / (flop / ms!.median / 1e9)).toBeCloseTo(1, 4)
    expect(percent! / ((100 * tflops!) / limit!)).toBeCloseTo(1, 4)
  }
  expect(stderr).toMatch(/\[grus bench\] training T3 B2 H8 float32: .* ms\n/)
})

test('the table says what was measured and how, and the file holds the same', async () => {
  const file = join(folder, 'table.json')
  const sizes = ['--hidden', '8,12', '--input', '5', '--layers', '2', '--directions', '2', '--mode', 'training,step']
  const { status, stdout, stderr } = await bench(
    '--cpu',
    '--batch',
    '2',
    '--steps',
    '3',
    '--rounds',
    '1',
    '--seconds',
    '0.001',
    ...sizes,
    '--json',
    file,
  )
  expect(status, stderr).toBe(0)
  const { rows, method } = await readReport('test', file)
  expect(rows).toHaveLength(4)
  for (const line of [...method, `written to ${file}`, rows[0]!.engine!]) expect(stdout).toContain(line)
  for (const name of ['training T3 B2 I5 H8 L2 D2 float32', 'step T3 B2 I5 H12 L2 D2 float32'])
    expect(stdout).toMatch(new RegExp(`^${name} `, 'm'))
})

test('what cannot be fails with its reason, and the others are measured', async () => {
  const tooLarge = ['--hidden', '8,30000', '--batch', '1', '--steps', '1', '--minutes', '1440']
  const { status, stdout } = await bench(...quick, ...tooLarge, '--mode', 'forward,call,step', '--json', '-')
  expect(status).toBe(1)
  const { rows } = reportSchema.parse(JSON.parse(stdout))
  expect(rows.map(({ shape, ms }) => [shape.hidden, ms !== undefined])).toEqual([8, 8, 8, 30000, 30000, 30000].map((H) => [H, H === 8]))
  for (const { failed, shape } of rows) if (shape.hidden > 8) expect(failed).toContain('2^31 - 1 is the most')
})

test('values that no memory holds are an error that says so', () => {
  const draw = () => 1
  expect([...randomValues('test', Int32Array, 3, draw)]).toEqual([1, 1, 1])
  expect(thrown(() => randomValues('test', Float32Array, 2 ** 50, draw), 'OUT_OF_MEMORY')).toContain(
    'no memory for 1125899906842624 values',
  )
})

test('rows that do not fit into the time are left out by name, also those that would take longer than what is left', async () => {
  const { stdout, stderr } = await bench('--cpu', '--list', 'deepbench-training', '--minutes', '0.01', '--json', '-')
  expect(stderr).not.toContain('H2816')
  const { rows, leftOut } = reportSchema.parse(JSON.parse(stdout))
  expect(rows.length + leftOut.length).toBe(38)
  expect(leftOut.slice(0, 2)).toEqual(['forward T1500 B32 H2816 float32', 'training T1500 B32 H2816 float32'])
})

test('an interrupted run ends with what it has', async () => {
  const endless = [command, 'bench', ...quick, '--seconds', '3600', '--rounds', '1000', '--json', '-']
  const child = spawn(process.execPath, endless, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text: Buffer) => {
    stdout += text
  })
  child.stderr.on('data', (text: Buffer) => {
    stderr += text
    if (stderr.includes('limit of float32') && !stderr.includes('interrupted')) child.kill('SIGINT')
  })
  const status = await new Promise((done) => child.once('close', done))
  expect(stderr).toContain('[grus bench] interrupted: what has been measured follows')
  const { rows, leftOut } = reportSchema.parse(JSON.parse(stdout))
  expect(rows.length + leftOut.length).toBe(3)
  expect(leftOut.length).toBeGreaterThan(0)
  expect(status).toBe(rows.length > 0 ? 0 : 1)
})

test.each([
  [['--cpu', '--gpu'], '[grus bench] give one of --gpu, --cpu and --device'],
  [['--device', 'gpu'], "error: option '--device <name>' argument 'gpu' is invalid. Expected cpu, cuda, or cuda:1"],
  [['--hidden', '0'], "error: option '--hidden <list>' argument '0' is invalid. Expected whole numbers from 1"],
  [['--hidden', '8,,9'], "error: option '--hidden <list>' argument '8,,9' is invalid. Expected whole numbers from 1"],
  [['--batch', '2147483648'], "error: option '--batch <list>' argument '2147483648' is invalid."],
  [['--directions', '3'], "error: option '--directions <list>' argument '3' is invalid. Expected whole numbers from 1 to 2"],
  [['--mode', 'forwards'], "error: option '--mode <list>' argument 'forwards' is invalid. Expected some of forward, training, step, call"],
  [['--precision', 'float64'], "error: option '--precision <list>' argument 'float64' is invalid. Expected some of float32"],
  [['--algorithm', 'fast'], "error: option '--algorithm <list>' argument 'fast' is invalid. Expected some of heuristic"],
  [['--minutes', '0'], "error: option '--minutes <n>' argument '0' is invalid. Expected a number from 0.01"],
  [['--seconds', 'soon'], "error: option '--seconds <n>' argument 'soon' is invalid."],
  [['--rounds', '0'], "error: option '--rounds <n>' argument '0' is invalid. Expected a whole number from 1"],
  [['--threads', '65'], "error: option '--threads <n>' argument '65' is invalid. Expected a whole number from 1 to 64."],
  [['--list', 'db'], "error: option '--list <name>' argument 'db' is invalid. Allowed choices are short, deepbench"],
  [['--cpu', '--list', 'deepbench', '--hidden', '8'], '[grus bench] --list has sizes of its own: leave out --hidden or --list'],
  [['--cpu', '--precision', 'bfloat16'], "[grus bench] precision 'bfloat16' needs a GPU, and the device is the CPU"],
  [['--cpu', '--json', '/nowhere/at all.json'], "[grus bench] cannot write '/nowhere/at all.json': ENOENT"],
  [['--cpu', '--json', tmpdir()], `[grus bench] cannot write '${tmpdir()}': it is no regular file`],
  [['--compare', 'a.json'], '[grus bench] --compare takes two files, got 1'],
  [['--compare', 'a.json', 'b.json', '--rounds', '3'], '[grus bench] --compare measures nothing: leave out --rounds'],
  [['fast'], "error: too many arguments for 'bench'"],
])('%j is refused in one line', async (args, words) => {
  const { status, stdout, stderr } = await bench(...args)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/^[^\n]+\n$/)
  expect(stderr.slice(0, words.length)).toBe(words)
})

test('--gpu where there is none says what device cuda does', async () => {
  const { status, stdout, stderr } = await grus(['bench', '--gpu'], { CUDA_VISIBLE_DEVICES: '-1' })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/^\[grus bench\] device 'cuda' cannot be used here: /)
})

describe('--compare', () => {
  const statistics = (ms: number) => ({ median: ms, best: ms / 2, samples: [ms, ms / 2] })
  const shape = { hidden: 8, input: 8, batch: 2, steps: 3, layers: 1, directions: 1 }
  const row = (mode: 'forward' | 'training', ms: number, more = {}) => ({
    mode,
    shape,
    precision: 'float32' as const,
    algorithm: 'heuristic' as const,
    graphs: true,
    engine: 'some engine',
    ms: statistics(ms),
    ...more,
  })
  const report = (rows: Report['rows'], more: Partial<Report> = {}): Report => ({
    format: 'grus-bench',
    version: 1,
    grus: '0.1.0',
    node: 'v20',
    date: '2026-11-28T00:00:00.000Z',
    seconds: 1,
    device: 'cuda',
    machine: { cpu: 'one', cores: 2, threads: 2, platform: 'linux-x64' },
    gpu: { name: 'NVIDIA H200', cuda: 'CUDA 13.0', driver: '580.1', cudnn: '9.24.0', cublas: '13.1.1' },
    clocks: { before: null, after: null },
    method: [],
    limits: [],
    rows,
    leftOut: [],
    ...more,
  })
  const write = (name: string, content: unknown) => {
    const file = join(folder, name)
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return file
  }
  const compare = async (a: unknown, b: unknown) => await bench('--compare', write('a.json', a), write('b.json', b))
  const lines = async (a: Report, b: Report) => {
    const { status, stdout, stderr } = await compare(a, b)
    expect(status, stderr).toBe(0)
    return stdout.split('\n')
  }

  test('ratios by shape and mode, and what only one has', async () => {
    const other = { ...row('training', 9), shape: { ...shape, hidden: 16, input: 4 } }
    const all = await lines(report([row('forward', 1), row('training', 8), other]), report([row('training', 2), row('forward', 2)]))
    expect(all.filter((line) => /^(row|forward|training)/.test(line))).toEqual([
      'row                 a ms   b ms  a / b  of the best',
      'forward T3 B2 H8   1.000  2.000  0.500        0.500',
      'training T3 B2 H8  8.000  2.000  4.000        4.000',
    ])
    expect(all).toContain('geometric mean of a / b: 1.414; above 1: b is faster')
    expect(all).toContain('only in a: training T3 B2 I4 H16')
    expect(all.join('\n')).not.toMatch(/differs|only in b/)
  })

  test('two precisions can be compared; where a file holds several, like is compared with like', async () => {
    const half = { precision: 'float16' as const }
    const across = await lines(report([row('forward', 4)]), report([row('forward', 1, half)]))
    expect(across).toContain('forward T3 B2 H8  4.000  1.000  4.000        4.000')
    expect(across).toContain('differs: precision: float32 / float16')
    const alike = await lines(report([row('forward', 4), row('forward', 1, half)]), report([row('forward', 2, half)]))
    expect(alike).toContain('forward T3 B2 H8 float16  1.000  2.000  0.500        0.500')
    expect(alike).toContain('only in a: forward T3 B2 H8 float32')
  })

  test('says where the machines differ, and leaves out what failed', async () => {
    const failed = { ...row('training', 1), ms: undefined, failed: '[cuda] no room' }
    const gpu = { name: 'NVIDIA L4', cuda: 'CUDA 13.0', driver: null, cudnn: '9.24.0', cublas: '13.1.1' }
    const all = await lines(
      report([row('forward', 1), JSON.parse(JSON.stringify(failed))]),
      report([row('training', 2)], { gpu, grus: '0.2.0' }),
    )
    expect(all).toContain('differs: GPU: NVIDIA H200 / NVIDIA L4')
    expect(all).toContain('differs: driver: 580.1 / none')
    expect(all).toContain('differs: grus: 0.1.0 / 0.2.0')
    expect(all).toContain('no row is in both')
    expect(all).toContain('only in a: forward T3 B2 H8')
  })

  test('refuses what is no such file', async () => {
    const good = report([row('forward', 1)])
    const refused = async (content: unknown) => {
      const { status, stdout, stderr } = await compare(good, content)
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toMatch(/^\[grus bench\] [^\n]+b\.json: [^\n]+; expected what grus bench --json wrote\n$/)
      return stderr
    }
    expect(await refused('not JSON')).toContain('it is no JSON')
    expect(await refused({ ...good, format: 'other' })).toContain("it has no format 'grus-bench'")
    expect(await refused(null)).toContain("it has no format 'grus-bench'")
    expect(await refused({ ...good, version: 2 })).toContain('it is of version 2, this grus reads version 1')
    expect(await refused({ ...good, rows: [{ ...row('forward', 1), ms: { median: -1, best: 1, samples: [1] } }] })).toContain(
      'rows[0].ms.median',
    )
    expect(await refused({ ...good, more: 1 })).toContain("unknown option 'more'")
    expect(await rejected(readReport('grus bench', join(folder, 'none.json')))).toContain('cannot read')
    expect(existsSync(join(folder, 'none.json'))).toBe(false)
    expect(JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8'))).toEqual(good)
  })
})
