// npm run bench at sizes that say nothing: everybody who is here computes the same, the record is whole, and the report comes out of it.
// Never about times. The C++ peers are built beside the addon, on the same engine library.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'grus-bench-test-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const load = (file: string) => import(pathToFileURL(join(root, file)).href)
const node = (...args: string[]) =>
  execute(process.execPath, args, { cwd: root, maxBuffer: 1 << 26 }).then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({ status: error.code, stdout: error.stdout, stderr: error.stderr }),
  )

const positive = z.number().positive()
const share = positive.optional()
const ratio = z.strictObject({ ratio: positive, quartiles: z.tuple([positive, positive]) })
const result = z.strictObject({
  engine: z.string(),
  compared: z.literal(false).optional(),
  difference: z.number().min(0).max(1e-4).optional(),
  median: positive,
  best: positive,
  samples: z.int().positive(),
  against: z.record(z.string(), ratio).optional(),
  gflops: share,
  ofFma: share,
  ofGemm: share,
  ofRoofline: share,
})
const runShape = z.object({
  date: z.iso.datetime(),
  tiny: z.literal(true),
  machine: z.object({ cpu: z.string(), cores: positive, node: z.string() }),
  peers: z.record(z.string(), z.object({ name: z.string() })),
  results: z.array(
    z.object({
      workload: z.string(),
      kind: z.enum(['forward', 'forward+backward', 'training']),
      threads: z.int().positive(),
      rounds: z.literal(1),
      flop: positive.optional(),
      limits: z.object({ fma: positive, gemm: positive, bandwidth: positive }).optional(),
      roofline: z.object({ ms: positive, bound: z.enum(['FMA', 'bandwidth']) }).optional(),
      peers: z.record(z.string(), result),
    }),
  ),
  growth: z.array(
    z.object({ kind: z.string(), axis: z.enum(['T', 'B']), points: z.array(z.object({ value: positive, relative: positive })) }),
  ),
})

describe('a run', () => {
  const file = join(scratch, 'run.json')
  let output: { status: number; stdout: string; stderr: string }
  let run: z.infer<typeof runShape>
  beforeAll(async () => {
    const python = process.env.GRUS_BENCH_PYTHON
    const beside = existsSync(join(root, 'build/cmake/CMakeCache.txt')) ? ['--build', 'build/cmake'] : []
    const more = [...beside, ...(python ? ['--python', python] : [])]
    output = await node('bench/run.mjs', '--tiny', '--rounds', '1', '--ms', '1', '--out', file, ...more)
    expect(output.status, output.stderr).toBe(0)
    run = runShape.parse(JSON.parse(readFileSync(file, 'utf8')))
  }, 900_000)

  it('measures who is here, and says why others are not', async () => {
    const { peerNames } = await load('bench/peers.mjs')
    expect(Object.keys(run.peers)).toContain('grus')
    for (const name of peerNames) {
      if (name in run.peers) continue
      const reason = new RegExp(`^\\[bench\\] ${name.replace('.', '\\.')} is skipped: .+$`, 'm').exec(output.stderr)
      expect(reason, output.stderr).not.toBeNull()
      console.info(reason![0])
    }
  })

  it('has every row, in which all agree', async () => {
    const { workloads } = await load('bench/workloads.mjs')
    expect(run.results.map(({ workload, threads }) => `${workload} ${threads}`)).toEqual(
      workloads.tiny.rows.flatMap(({ id }: { id: string }) => [`${id} 1`, `${id} 2`]),
    )
    for (const { workload, kind, flop, limits, peers } of run.results) {
      expect(Object.keys(peers), workload).toContain('grus')
      if ('grus-native' in run.peers && kind !== 'training') expect(Object.keys(peers), workload).toContain('grus-native')
      expect(limits !== undefined, workload).toBe('limits' in run.peers && flop !== undefined)
      for (const [name, { compared, difference }] of Object.entries(peers)) {
        if (name !== 'grus' && compared === undefined) expect(difference, `${workload}, ${name}`).toBeDefined()
      }
    }
  })

  it('tells how the cost grows', () => {
    expect(run.growth).toHaveLength('grus-native' in run.peers ? 4 : 0)
    for (const { points } of run.growth) expect(points.at(-1)!.relative).toBe(1)
  })

  it('becomes a report: tables for the pages, and a chart', async () => {
    for (const page of ['README.md', 'docs/performance.md']) {
      mkdirSync(join(scratch, 'docs'), { recursive: true })
      cpSync(join(root, page), join(scratch, page))
    }
    const { status, stdout, stderr } = await node('bench/report.mjs', file, '--write', '--root', scratch)
    expect(status, stderr).toBe(0)
    expect(output.stdout).toBe(stdout)
    const page = readFileSync(join(scratch, 'docs/performance.md'), 'utf8')
    for (const { workload } of run.results) expect(page).toContain(`| ${workload} | 2 |`)
    expect(page).toContain(stdout.trim())
    expect(readFileSync(join(scratch, 'README.md'), 'utf8')).toContain('| forward T3 B5 I12 H20 |')
    const chart = readFileSync(join(scratch, 'docs/performance.svg'), 'utf8')
    expect(chart).toMatch(/^<svg [^>]+>[\s\S]*<\/svg>\n$/)
    expect(chart).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('refuses options that make no sense before anything runs', async () => {
    for (const args of [
      ['--rounds', 'many'],
      ['--threads', '0'],
      ['--peers', 'grus,nobody'],
    ]) {
      const { status, stderr } = await node('bench/run.mjs', ...args)
      expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(args[0]!) })
    }
  })
})

describe('a row', async () => {
  const { measure } = await load('bench/measure.mjs')
  const workload = { id: 'a row', kind: 'forward', group: 'throughput', steps: 2, batch: 1, input: 3, hidden: 3 }
  const options = { rounds: 2, ms: 1, limit: 5 }
  type Answer = Record<string, unknown>
  const peer = (name: string, y: number[], time: () => Answer = () => ({ times: [2] })) => {
    const file = join(scratch, `${name}.bin`)
    writeFileSync(file, Float32Array.from(y))
    const ask = async ({ command }: { command: string }) =>
      command === 'time' ? time() : { engine: name, results: { y: { file, shape: [y.length] } } }
    return { name, kinds: ['forward'], ask }
  }

  it('does not time who disagrees, and says on what', async () => {
    const never = () => {
      throw new Error('timed')
    }
    const others = [peer('wrong', [1, 2.01], never), peer('nan', [1, Number.NaN], never), peer('short', [1], never)]
    const { peers } = await measure(workload, {}, 1, [peer('grus', [1, 2]), peer('same', [1, 2.00001]), ...others], scratch, options)
    expect(peers.grus).toEqual({ engine: 'grus', median: 2, best: 2, samples: 2 })
    expect(peers.same).toMatchObject({ median: 2, difference: expect.closeTo(5e-6, 6), against: { grus: { ratio: 1, quartiles: [1, 1] } } })
    expect(peers.wrong.failed).toMatch(/^y differs by 0\.0099/)
    expect(peers.nan.failed).toMatch(/^y differs by Infinity/)
    expect(peers.short.failed).toMatch(/^y has shape/)
  })

  it('goes on without who fails while it is timed', async () => {
    const fails = () => {
      throw new Error('it ended with SIGSEGV')
    }
    const { rounds, peers } = await measure(workload, {}, 1, [peer('gone', [1], fails), peer('grus', [1])], scratch, options)
    expect(rounds).toBe(2)
    expect(peers).toEqual({ gone: { failed: 'it ended with SIGSEGV' }, grus: expect.objectContaining({ samples: 2 }) })
  })

  it('is held against what the machine did in the same rounds', async () => {
    const limits = { ...peer('limits', [1], () => ({ fma: 100, gemm: 80, sgemm: 90, bandwidth: 10 })), limits: true }
    const { flop, bytes, roofline, peers } = await measure(
      { ...workload, steps: 50, batch: 64, input: 128, hidden: 128 },
      {},
      1,
      [peer('grus', [1], () => ({ times: [10.5] })), limits],
      scratch,
      options,
    )
    expect(flop).toBe(6 * 50 * 64 * 128 * 256)
    expect(bytes).toBe(4 * (2 * 50 * 64 * 128 + 3 * 128 * 256 + 49 * 3 * 128 * 128))
    expect(roofline).toEqual({ ms: 6.291, bound: 'FMA' })
    expect(peers.grus).toMatchObject({ gflops: 59.92, ofFma: 0.5992, ofGemm: 0.6658, ofRoofline: 0.5992 })
    expect(Object.keys(peers)).toEqual(['grus'])
  })
})
