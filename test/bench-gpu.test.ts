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
    // what cuDNN would compile for each shape is left out
    for (const { trials } of record!.sweep!.shapes)
      expect(trials.map(({ algorithm }) => algorithm)).toEqual(['standard', 'persist_static_small_h', 'persist_static'])
    expect(output).toContain('| layer: forward+backward T4 B2 H8 float32 | grus autotune |')
    const { stdout } = await execute(process.execPath, ['scripts/gpu/judge.mjs', join(out, file!)], { cwd: root })
    expect(stdout).toContain('IT DECIDES NOTHING')
    expect(stdout).toContain('| agreement | all | met | 36 of 36 results |')
  }, 300_000)

  it('times the algorithms that are picked, and tries the one that is compiled when told to', async () => {
    const row = await run(['--only', 'layer: forward+backward T4 B2 H8 float32', '--subjects', 'heuristic'])
    expect(row.status, row.output).toBe(0)
    expect(row.record!.rows[0]!.subjects.map(({ name }) => name)).toEqual(['grus heuristic', "cuDNN's calls", "cuDNN's calls, no graphs"])
    rmSync(join(out, row.file!))
    const sweep = await run(['--only', 'sweep', '--dynamic'])
    expect(sweep.status, sweep.output).toBe(0)
    expect(sweep.record!.sweep!.shapes[0]!.trials.map(({ algorithm }) => algorithm)).toContain('persist_dynamic')
    expect(sweep.output).toContain('persist_dynamic µs')
  }, 120_000)

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

  it.each([
    ['--minutes', 'soon'],
    ['--subjects', 'heuristic,fastest'],
    ['--subjects', ''],
    ['--torch', 'eager,jit'],
  ])('says what is wrong with an option before anything runs: %s %s', async (name, value) => {
    const { status, output, file } = await run([name, value])
    expect({ status, file }).toEqual({ status: 2, file: undefined })
    expect(output.split('\n')[0]).toContain(name)
  })
})

describe('the peer', () => {
  // as PyTorch has it: an RNN is given CUDNN_FMA_MATH where TF32 is not allowed, in every type but float16
  const program = `
import json, sys, types
sys.path.insert(0, "bench/gpu")
import torch_peer
backends = types.SimpleNamespace(cudnn=types.SimpleNamespace(), cuda=types.SimpleNamespace(matmul=types.SimpleNamespace()))
torch_peer.torch = types.SimpleNamespace(backends=backends)
def ask(precision):
    torch_peer.tolerate_tf32(precision)
    return [backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32]
print(json.dumps({precision: ask(precision) for precision in ["float32", "tf32", "bfloat16", "float16"]}))`

  it('computes a GRU in bfloat16 with tensor cores, and float32 without', async ({ skip }) => {
    const found = await execute('python3', ['-B', '-c', program], { cwd: root }).catch((error: { code: unknown }) => error)
    if ('code' in found && found.code === 'ENOENT') return skip('there is no python3')
    const said = JSON.parse((found as { stdout: string }).stdout) as Record<string, [boolean, boolean]>
    expect(said).toEqual({ float32: [false, false], tf32: [true, true], bfloat16: [true, false], float16: [false, false] })
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
