// npm run test:gpu on a simulated CUDA: its steps, its record, its exit status. Its build is named by GRUS_CUDA_SIM; test/cuda-sim.test.ts
// does that.
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const sim = process.env.GRUS_CUDA_SIM
if (!sim) console.info('skipped: GRUS_CUDA_SIM names no build of the simulated CUDA')

const text = z.string().min(1)
const step = z.strictObject({
  part: text,
  name: text,
  state: z.enum(['passed', 'failed', 'out of time', 'left out']),
  seconds: z.number().min(0),
  suites: z.number().optional(),
  passed: z.number().optional(),
  failed: z.number().optional(),
  skipped: z.number().optional(),
  skips: z.array(text).optional(),
  failures: z.array(text).optional(),
})
const answer = z.strictObject({ point: z.string().regex(/^8\.\d+$/), question: text, answer: z.unknown() })
const recordShape = z.strictObject({
  date: z.iso.datetime(),
  simulated: z.literal(true),
  device: z.record(z.enum(['gpu', 'capability', 'driver', 'cuda', 'cudnn', 'cublas', 'cpu']), text.nullable()),
  grus: text,
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .nullable(),
  node: text,
  parts: z.array(text),
  match: text.optional(),
  seconds: z.number(),
  passed: z.number(),
  failed: z.number(),
  ok: z.boolean(),
  steps: z.array(step),
  probe: z.array(answer),
})

describe.skipIf(!sim)('test:gpu', () => {
  let out = ''
  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), 'grus-record-'))
  })
  afterEach(() => rmSync(out, { recursive: true, force: true }))

  async function run(args: string[], env: Record<string, string> = {}) {
    const all = { ...process.env, ...env }
    const command = ['scripts/gpu/test.mjs', '--out', out, ...args]
    const { status, output } = await execute(process.execPath, command, { cwd: root, env: all }).then(
      ({ stdout }) => ({ status: 0, output: stdout }),
      (error: { code: number; stdout: string; stderr: string }) => ({ status: error.code, output: error.stdout + error.stderr }),
    )
    const [file] = readdirSync(out).filter((name) => name.endsWith('.json'))
    return { status, output, file, record: file ? recordShape.parse(JSON.parse(readFileSync(join(out, file), 'utf8'))) : undefined }
  }

  it('records a program, with the device and its libraries', async () => {
    const programs = await run(['--only', 'programs', '--match', 'half_test'])
    expect(programs.status, programs.output).toBe(0)
    expect(programs.file).toMatch(/^\d{4}-\d\d-\d\d-simulated-gpu-tests\.json$/)
    expect(programs.record!.steps.map(({ name, state }) => [name, state])).toEqual([
      ['grus doctor', 'passed'],
      ['half_test', 'passed'],
    ])
    expect(readFileSync(join(out, 'tests.log'), 'utf8')).toContain('===== programs: half_test')
    expect(programs.record!.device).toMatchObject({ gpu: 'Simulated GPU', cuda: '13.0', cudnn: expect.stringMatching(/^9\./) })
  }, 300_000)

  it('records a suite', async () => {
    const { status, output, record } = await run(['--only', 'leak'])
    expect(status, output).toBe(0)
    expect(record!.steps[1]).toMatchObject({ part: 'leak', suites: 1, failed: 0 })
    expect(record!.steps[1]!.passed).toBeGreaterThan(3)
  }, 300_000)

  it('records the answers of the probe', async () => {
    const { status, output, record } = await run(['--only', 'probe'])
    expect(status, output).toBe(0)
    expect(record!.probe.filter(({ answer }) => JSON.stringify(answer).includes('died of'))).toEqual([])
    expect(record!.probe.filter(({ question }) => question.startsWith('STANDARD, '))).toEqual([]) // tables: only by name
    const points = new Set(record!.probe.map(({ point }) => point))
    expect([...points].sort()).toEqual(['8.10', '8.11', '8.12', '8.13', '8.14', '8.15', '8.2', '8.4', '8.5', '8.6', '8.7', '8.8', '8.9'])
  }, 600_000)

  it('a failure is recorded with its message and fails the run', async () => {
    const { status, record } = await run(['--only', 'programs', '--match', 'short'], { GRUS_SIM_FAIL: 'cublasSgemm_v2:every:13' })
    expect(status).toBe(1)
    expect(record!.ok).toBe(false)
    expect(record!.steps[1]!.failures![0]).toContain('cublasSgemm')
  }, 300_000)

  it('ends in time, with a record of what was left out', async () => {
    const { status, record } = await run(['--only', 'suites', '--minutes', '0.2'])
    expect(status).toBe(1)
    expect(record!.steps.slice(1).every(({ state }) => state === 'out of time' || state === 'left out')).toBe(true)
  }, 60_000)

  it('an unknown part is refused before anything runs', async () => {
    const { status, output, file } = await run(['--only', 'nothing'])
    expect({ status, file }).toEqual({ status: 2, file: undefined })
    expect(output).toContain("there is no part 'nothing'")
  })
})
