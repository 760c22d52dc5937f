// node scripts/gpu/judge.mjs: what it prints, its exit status, bad input, and the blocks of docs/gpu.md.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { answer, bench, cases, type Facts, type Goal, heading, load, root, row, scratch, tests, write } from './records.js'

const execute = promisify(execFile)
const { goals } = await load('scripts/gpu/goals.mjs')

const run = (...args: string[]) =>
  execute(process.execPath, ['scripts/gpu/judge.mjs', ...args], { cwd: root }).then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({ status: error.code, stdout: error.stdout, stderr: error.stderr }),
  )

describe('the command', () => {
  const ratio = cases.ratio!(goals.find(({ id }: Goal) => id === 'PyTorch graphed'))

  it('says what is met, missed and decided, as text and as data', async () => {
    const probe = [answer('8.13', 'the three calls captured after a warm-up, float32', 'cudnnRNNForward: 5000 | failed')]
    const [timed, asked] = [write(ratio.met), write(tests({ probe, bench: 'gone.json', stopped: 'the engine does not stand here' }))]
    const text = await run(timed, asked)
    expect(text.status).toBe(1)
    expect(text.stdout).toContain('| PyTorch graphed | torch graph / grus heuristic ≥ 0.95 | met | 0.95 on 1 row |')
    expect(text.stdout).toContain('| assumptions | all | **missed** | 0 of 1 answers |')
    expect(text.stdout).toContain('cudnnRNNForward: 5000 \\| failed | otherwise: a replay gives the bits of plain calls |')
    expect(text.stdout).toContain('stopped early: the engine does not stand here')
    expect(text.stdout).toContain('not beside it: gone.json')
    expect(text.stdout).toContain('### Which limits move')
    const data = JSON.parse((await run('--json', timed, asked)).stdout)
    expect(data.goals).toHaveLength(goals.length)
    expect(data.goals.find(({ id }: Goal) => id === 'PyTorch graphed')).toMatchObject({
      state: 'met',
      rows: [{ id: 'a row', value: 0.95 }],
    })
    expect(data.decisions.limits.length).toBeGreaterThan(3)
  })

  it('ends with 0 when all that was measured is met, with 1 when something is missed', async () => {
    expect((await run(write(ratio.met))).status).toBe(0)
    expect((await run(write(ratio.missed))).status).toBe(1)
  })

  it('says loudly that a simulated GPU decides nothing, and judges what is no time', async () => {
    const simulated = { simulated: true, device: { gpu: 'Simulated GPU' } }
    const met = write({ ...(ratio.missed as Facts), ...simulated })
    const text = await run(met)
    expect(text).toMatchObject({ status: 0, stdout: expect.stringContaining('ITS TIMES SAY NOTHING, AND IT DECIDES NOTHING') })
    expect(text.stdout).not.toContain('limits move')
    expect(JSON.parse((await run('--json', met)).stdout)).toMatchObject({ simulated: true, decisions: null })
    const failed = { parts: ['leak'], steps: [{ part: 'leak', name: '10,000 steps', state: 'failed' }], ...simulated }
    expect((await run(write(tests(failed)))).status).toBe(1)
  })

  it('judges the record of a whole rehearsal on the simulated CUDA', async () => {
    const folder = join(root, 'test/fixtures/gpu-record')
    const kept = readdirSync(folder).map((name) => join(folder, name))
    const { states, probe } = kept.map((file) => JSON.parse(readFileSync(file, 'utf8'))).find((record) => record.probe)
    const { status, stdout } = await run('--json', kept.find((file) => file.endsWith('-tests.json'))!) // it names that of its benchmark
    const { goals: verdicts, decisions, points, records } = JSON.parse(stdout)
    expect({ decisions, records: records.length }).toEqual({ decisions: null, records: 2 })
    const judged = Object.fromEntries(verdicts.map(({ id, state }: { id: string; state: string }) => [id, state]))
    expect(status).toBe(Object.values(judged).includes('missed') ? 1 : 0)
    const meaning = { passed: 'met', failed: 'missed', 'out of time': 'missed', 'left out': 'not measured', 'not here': 'not measured' }
    for (const { id, kind, part } of goals as Goal[]) {
      if (kind === 'part') expect(judged[id], id).toBe(meaning[states[part].state as keyof typeof meaning])
      if (kind === 'ratio' || kind === 'time') expect(judged[id], id).toBe('not measured')
    }
    expect(judged).toMatchObject({ answers: 'met', assumptions: 'met', agreement: 'met' })
    expect(points.flatMap(({ questions }: { questions: unknown[] }) => questions)).toHaveLength(probe.length)
  })

  it('tells in one line what it cannot judge, with 2', async () => {
    const simulated = write(bench({ simulated: true }))
    const good = write(ratio.met)
    const other = write(bench({ device: { gpu: 'NVIDIA A100' } }))
    const inputs: [string[], string][] = [
      [[], 'got none'],
      [['no-such-record.json'], 'no such file'],
      [[scratch], 'it is a folder'],
      [[write('{"rows": [')], 'JSON'],
      [[write('null')], 'neither steps nor rows'],
      [[write({ rows: [null], leftOut: [], ...heading })], 'rows.0'],
      [[write(tests({ date: 'yesterday' }))], 'date'],
      [[write(bench({ rows: [row({ 'grus heuristic': { step: -1 } })] }))], 'median'],
      [[good, other], "'NVIDIA A100'"],
      [[good, simulated], 'simulated'],
      [['--all', good], '--all'],
      [['--docs', good], '--docs'],
      [['--docs', '--root', scratch], scratch],
    ]
    const said = await Promise.all(inputs.map(([args]) => run(...args)))
    for (const [i, { status, stdout, stderr }] of said.entries()) {
      expect({ status, stdout }, stderr).toEqual({ status: 2, stdout: '' })
      expect(stderr).toMatch(/^\[judge\] [^\n]+\n$/)
      expect(stderr).toContain(inputs[i]![1])
    }
  })
})

describe('docs/gpu.md', () => {
  const page = readFileSync(join(root, 'docs/gpu.md'), 'utf8')
  const folder = mkdtempSync(join(scratch, 'root-'))
  mkdirSync(join(folder, 'docs'))

  it('has the goals, and what the records in docs/gpu say', async () => {
    cpSync(join(root, 'docs/gpu.md'), join(folder, 'docs/gpu.md'))
    if (existsSync(join(root, 'docs/gpu'))) cpSync(join(root, 'docs/gpu'), join(folder, 'docs/gpu'), { recursive: true })
    expect(await run('--docs', '--root', folder)).toMatchObject({ status: 0, stderr: '' })
    expect(readFileSync(join(folder, 'docs/gpu.md'), 'utf8')).toBe(page) // else: node scripts/gpu/judge.mjs --docs
  })

  it('says so while there is no record, and takes the newest of a GPU with those of its commit', async () => {
    rmSync(join(folder, 'docs/gpu'), { recursive: true, force: true })
    cpSync(join(root, 'docs/gpu.md'), join(folder, 'docs/gpu.md'))
    const blockAfter = async () => {
      expect(await run('--docs', '--root', folder)).toMatchObject({ status: 0, stderr: '' })
      return /<!-- gpu -->\n([\s\S]*)<!-- end of gpu -->/.exec(readFileSync(join(folder, 'docs/gpu.md'), 'utf8'))![1]!
    }
    expect(await blockAfter()).toMatch(/^\*\*The engine has not run on a GPU yet\*\*[^\n]*\n$/)
    mkdirSync(join(folder, 'docs/gpu'))
    const put = (name: string, record: unknown) => writeFileSync(join(folder, 'docs/gpu', name), JSON.stringify(record))
    const { met, missed } = cases.ratio!(goals.find(({ id }: Goal) => id === 'PyTorch graphed')) as { met: Facts; missed: Facts }
    put('simulated.json', { ...met, simulated: true })
    expect(await blockAfter()).toContain('has not run on a GPU yet')
    put('no-gpu.json', tests({ device: { gpu: null }, stopped: "device 'cuda' is not available" }))
    expect(await blockAfter()).toContain('has not run on a GPU yet')
    put('older.json', { ...missed, commit: 'b'.repeat(40), date: '2026-11-19T10:00:00.000Z' })
    expect(await blockAfter()).toContain('| **missed** | 0.94 on 1 row |')
    put('newer-bench.json', met)
    put('no-gpu.json', tests({ device: { gpu: null }, date: '2026-11-21T10:00:00.000Z' }))
    put('newer-tests.json', tests({ parts: ['leak'], steps: [{ part: 'leak', name: 'memory', state: 'passed' }] }))
    const block = await blockAfter()
    for (const text of [
      '(gpu/newer-bench.json)',
      '(gpu/newer-tests.json)',
      '| met | 0.95 on 1 row |',
      '| leak | all | met | 1 of 1 passed |',
    ])
      expect(block).toContain(text)
    expect(block).not.toMatch(/older\.json|simulated|no-gpu|has not run/)
  })
})

describe('the largest errors of test/gpu', () => {
  it('come from what each test noted of itself, by precision', async () => {
    const { judgeVitest } = await load('scripts/gpu/outcomes.mjs')
    const noted = (float32: Facts) => ({ status: 'passed', meta: { parity: { float32 } } })
    const assertionResults = [
      noted({ forward: 1e-6, gradients: 3e-5 }),
      noted({ forward: 2e-6, gradients: 1e-5 }),
      { status: 'passed', meta: {} },
    ]
    const counts = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 0 }
    const file = write({ ...counts, testResults: [{ name: '/test/gpu/parity.test.ts', status: 'passed', assertionResults }] })
    const end = { status: 0, signal: null, timedOut: false, stdout: '', output: '' }
    expect(judgeVitest(file)(end).parity).toEqual({ float32: { forward: 2e-6, gradients: 3e-5, cases: 2 } })
  })
})
