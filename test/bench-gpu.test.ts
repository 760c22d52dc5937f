// npm run bench:gpu on the simulated CUDA whose build GRUS_CUDA_SIM names (test/cuda-sim.test.ts does): who agrees is timed, and the record
// holds it all.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const sim = resolve(root, process.env.GRUS_CUDA_SIM ?? '')
const needed = [join(sim, 'test/cuda_gru_bench'), join(sim, 'build/Release/grus.node'), join(root, 'dist/index.js')]
const missing = process.env.GRUS_CUDA_SIM ? needed.find((file) => !existsSync(file)) : 'a build of the simulated CUDA in GRUS_CUDA_SIM'
if (missing) console.info(`skipped: ${missing} is not there`)

const statistics = z.strictObject({ median: z.number().min(0), best: z.number().min(0), samples: z.number().min(1) })
const subject = z.object({
  name: z.string(),
  failed: z.string().optional(),
  largestDifference: z.number().optional(),
  ms: z.record(z.string(), statistics).optional(),
})
const recordShape = z.object({
  simulated: z.literal(true),
  tiny: z.literal(true),
  torch: z.null(),
  skipped: z.array(z.object({ worker: z.string(), reason: z.string() })),
  seconds: z.number(),
  rows: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['call', 'latency', 'step']),
      metric: z.string(),
      reference: z.string(),
      subjects: z.array(subject),
    }),
  ),
  leftOut: z.array(z.string()),
  sweep: z.object({ shapes: z.array(z.object({ trials: z.array(z.object({ algorithm: z.string() })) })) }).optional(),
})

type Sweep = { steps: number; batch: number; hidden: number; training: boolean; precision: string }

describe('the sweep over algorithms', () => {
  it("begins with the shapes around the heuristic's limits, and has none twice", async () => {
    const { sweepOf } = await import(pathToFileURL(join(root, 'bench/gpu/rows.mjs')).href)
    const shapes: Sweep[] = sweepOf({ tiny: false })
    const first = shapes.slice(0, 30)
    expect(first.every(({ precision, training }) => precision === 'float32' && training)).toBe(true)
    const all = [50, 100].flatMap((steps) =>
      [32, 48, 64, 128, 256].flatMap((batch) => [64, 96, 128].map((hidden) => [steps, batch, hidden])),
    )
    expect(first.map(({ steps, batch, hidden }) => [steps, batch, hidden]).sort()).toEqual(all.sort())
    expect(new Set(shapes.map((shape) => JSON.stringify(shape))).size).toBe(shapes.length)
  })
})

describe.skipIf(missing)('bench:gpu', () => {
  let out = ''
  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), 'grus-bench-record-'))
  })
  afterEach(() => rmSync(out, { recursive: true, force: true }))

  async function run(args: string[], env: Record<string, string> = {}) {
    const command = ['bench/gpu/run.mjs', '--tiny', '--out', out, '--rounds', '1', '--ms', '1', '--torch', '', ...args]
    const { status, output } = await execute(process.execPath, command, {
      cwd: root,
      env: { ...process.env, GRUS_CUDA_SIM: sim, ...env },
    }).then(
      ({ stdout }) => ({ status: 0, output: stdout }),
      (error: { code: number; stdout: string; stderr: string }) => ({ status: error.code, output: error.stdout + error.stderr }),
    )
    const [file] = readdirSync(out)
    return { status, output, file, record: file ? recordShape.parse(JSON.parse(readFileSync(join(out, file), 'utf8'))) : undefined }
  }

  it('computes every kind of row alike in all its ways, and tries the algorithms', async () => {
    const { status, output, file, record } = await run(['--minutes', '4'])
    expect(status, output).toBe(0)
    expect(file).toMatch(/^\d{4}-\d\d-\d\d-simulated-gpu-bench\.json$/)
    expect(new Set(record!.rows.map(({ kind }) => kind))).toEqual(new Set(['call', 'latency', 'step']))
    for (const { id, kind, metric, subjects } of record!.rows) {
      expect(subjects, id).toHaveLength(kind === 'call' ? 6 : 4)
      for (const { name, failed, largestDifference, ms } of subjects) {
        expect(failed, `${id}, ${name}`).toBeUndefined()
        expect(largestDifference, `${id}, ${name}`).toBeLessThan(0.05)
        expect(ms![metric], `${id}, ${name}`).toBeDefined()
      }
    }
    const tried = record!.sweep!.shapes[0]!.trials.map(({ algorithm }) => algorithm)
    expect(tried).toEqual(['standard', 'persist_static_small_h', 'persist_static']) // persist_dynamic only by the word dynamic=1
    expect(output).toContain('| layer: forward+backward T4 B2 H8 float32 | grus autotune |')
  }, 300_000)

  it('what fails is recorded with its reason', async () => {
    const only = ['--only', 'layer: forward+backward T4 B2 H8 float32']
    const { status, record } = await run(only, { GRUS_SIM_FAIL: 'cudaEventElapsedTime:every:cudaErrorUnknown' })
    expect(status).toBe(1)
    expect(record!.rows).toHaveLength(1)
    for (const { failed, ms } of record!.rows[0]!.subjects) {
      expect(failed).toContain('cudaEventElapsedTime')
      expect(ms).toBeUndefined()
    }
  }, 120_000)

  it('ends in time, and names what it left out', async () => {
    const { status, record } = await run(['--minutes', '0.005'])
    expect(status).toBe(1)
    expect(record!.rows).toEqual([])
    expect(record!.leftOut.length).toBeGreaterThan(3)
    expect(record!.seconds).toBeLessThan(20)
  }, 60_000)

  it('says what is wrong with an option before anything runs', async () => {
    const { status, output, file } = await run(['--minutes', 'soon'])
    expect({ status, file }).toEqual({ status: 2, file: undefined })
    expect(output).toContain('--minutes')
  })
})

describe('results are compared before anything is timed', async () => {
  const { agreement } = await import(pathToFileURL(join(root, 'bench/gpu/agreement.mjs')).href)
  const folder = mkdtempSync(join(tmpdir(), 'grus-bench-values-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const values = (name: string, ...numbers: number[]) => {
    const file = join(folder, name)
    writeFileSync(file, Float32Array.from(numbers))
    return { file, shape: [numbers.length] }
  }

  it('by the largest difference, in units of the largest value', () => {
    const ours = { y: values('a', 1, 2.0001, 4) }
    const theirs = { y: values('b', 1, 2, 4) }
    expect(agreement('float32', ours, theirs)).toBeCloseTo(2.5e-5, 6)
    expect(agreement('float32', ours, ours)).toBe(0)
  })

  it('what differs too much, is not finite, or is not there is refused by name', () => {
    const theirs = { y: values('c', 1, 2) }
    expect(() => agreement('float32', { y: values('d', 1, 2.001) }, theirs)).toThrow(/^y differs/)
    expect(agreement('bfloat16', { y: values('d', 1, 2.001) }, theirs)).toBeGreaterThan(0)
    expect(() => agreement('bfloat16', { y: values('e', 1, Number.NaN) }, theirs)).toThrow(/^y differs/)
    expect(() => agreement('float32', { y: values('f', 1) }, theirs)).toThrow(/^y has/)
    expect(() => agreement('float32', {}, theirs)).toThrow(/^y has/)
  })
})
