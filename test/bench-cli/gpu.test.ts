// grus bench --gpu on the simulated CUDA whose build GRUS_CUDA_SIM names (test/cuda-sim.test.ts does).
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { reportSchema } from '../../lib/bench/report.js'
import { grus } from '../support/grus-command.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sim = resolve(root, process.env.GRUS_CUDA_SIM ?? '')
const needed = [join(sim, 'build/Release/grus.node'), join(root, 'dist/cli/main.js')]
const missing = process.env.GRUS_CUDA_SIM ? needed.find((file) => !existsSync(file)) : 'a build of the simulated CUDA in GRUS_CUDA_SIM'
if (missing) console.info(`skipped: ${missing} is not there`)

const tools = mkdtempSync(join(tmpdir(), 'grus-bench-tools-'))
afterAll(() => rmSync(tools, { recursive: true, force: true }))

const tiny = ['--hidden', '8', '--batch', '2', '--steps', '3', '--rounds', '1', '--seconds', '0.001', '--minutes', '1440']

describe.skipIf(missing)('grus bench --gpu', () => {
  async function bench(args: readonly string[], env: Record<string, string> = {}) {
    const all = { GRUS_PREBUILD: sim, GRUS_CUDA_PATH: join(sim, 'lib'), GRUS_CACHE_DIR: tools, ...env }
    const { status, stdout, stderr } = await grus(['bench', ...tiny, ...args, '--json', '-'], all)
    return { status, stderr, report: stdout === '' ? undefined : reportSchema.parse(JSON.parse(stdout)) }
  }

  it('measures every mode in every precision', async () => {
    const precisions = 'float32,tf32,bfloat16,float16'
    const { status, report, stderr } = await bench(['--gpu', '--mode', 'forward,training,step,call', '--precision', precisions])
    expect(status, stderr).toBe(0)
    const { rows, limits, gpu, device } = report!
    expect(device).toBe('cuda')
    expect(gpu).toMatchObject({ name: 'Simulated GPU', cuda: 'CUDA 13.0', cublas: '13.1.0' })
    expect(rows).toHaveLength(16)
    for (const { mode, precision, engine, ms, hostMs, failed } of rows) {
      expect(failed, `${mode} ${precision}`).toBeUndefined()
      expect(engine).toMatch(new RegExp(`^cudnn .*, ${precision}, Simulated GPU$`))
      expect(ms).toBeDefined()
      expect(hostMs !== undefined).toBe(mode !== 'call')
    }
    expect(limits.map(({ how }) => how.split(' ').slice(0, 3).join(' '))).toEqual([
      'a product of',
      'a product of',
      'one step of',
      'one step of',
    ])
  }, 300_000)

  it('measures layers, directions and algorithms on the second GPU', async () => {
    const more = [
      '--layers',
      '2',
      '--directions',
      '1,2',
      '--algorithm',
      'standard,persistStaticSmallH',
      '--mode',
      'training',
      '--no-graphs',
    ]
    const { status, report, stderr } = await bench(['--device', 'cuda:1', ...more])
    expect(status, stderr).toBe(0)
    expect(report!.rows.map(({ shape, algorithm, graphs }) => [shape.directions, algorithm, graphs])).toEqual([
      [1, 'standard', false],
      [2, 'standard', false],
      [1, 'persistStaticSmallH', false],
      [2, 'persistStaticSmallH', false],
    ])
  })

  it('has the clocks that nvidia-smi tells, and null for what it does not', async () => {
    const file = join(tools, 'nvidia-smi')
    writeFileSync(
      file,
      '#!/bin/sh\ncase "$1" in *clocks*) echo "Some GPU, 1980, 2619, 1980, 41, [N/A]";; *) echo "Some GPU, 580.65.06";; esac\n',
    )
    chmodSync(file, 0o755)
    const { report } = await bench(['--gpu', '--mode', 'forward'], { PATH: `${tools}${delimiter}${process.env.PATH}` })
    const clocks = [{ name: 'Some GPU', sm: 1980, memory: 2619, maxSm: 1980, temperature: 41, power: null }]
    expect(report!.clocks).toEqual({ before: clocks, after: clocks })
    expect(report!.gpu!.driver).toBe('580.65.06')
  })

  it.each(['y', 'dx', 'dweights'])(
    'an algorithm whose %s are wrong is not timed',
    async (what) => {
      const more = ['--gpu', '--mode', 'training', '--algorithm', 'standard,persistStaticSmallH']
      const { status, report, stderr } = await bench(more, { GRUS_SIM_CUDNN_WRONG: `3:${what}` })
      expect(status, stderr).toBe(1)
      const [standard, wrong] = report!.rows
      expect(standard!.failed).toBeUndefined()
      expect(wrong).toMatchObject({
        algorithm: 'persistStaticSmallH',
        failed: expect.stringContaining('of the engine differs from float64 by'),
      })
      expect(wrong!.ms).toBeUndefined()
    },
    60_000,
  )

  it('a row that the GPU has no room for fails with that reason, the next is measured', async () => {
    const { status, report } = await bench(['--gpu', '--mode', 'forward', '--batch', '2000000,2'], {
      GRUS_SIM_MEMORY: String(556 * 2 ** 20),
    })
    expect(status).toBe(1)
    expect(report!.rows.map(({ failed }) => failed?.includes('GPU memory are needed') ?? false)).toEqual([true, false])
    expect(report!.rows[1]!.ms).toBeDefined()
  })

  it('a GPU that there is not is an error before anything is measured', async () => {
    const { status, report, stderr } = await bench(['--device', 'cuda:7'])
    expect({ status, report }).toEqual({ status: 1, report: undefined })
    expect(stderr).toMatch(/^\[[^\]]*\] .*7/)
  })

  it('what a fault of the GPU leaves unmeasured has the fault as its reason', async () => {
    // only the loss of a training step reduces rows
    const fault = { GRUS_SIM_FAIL: 'reduce_rows:every:cudaErrorIllegalAddress' }
    const { status, report, stderr } = await bench(['--gpu', '--mode', 'forward,step', '--batch', '2,3'], fault)
    expect(status, stderr).toBe(1)
    const [first, ...others] = report!.rows
    expect(first).toMatchObject({ mode: 'forward', ms: expect.anything() })
    expect(others.map(({ mode, ms }) => [mode, ms])).toEqual([
      ['step', undefined],
      ['forward', undefined],
      ['step', undefined],
    ])
    for (const { failed } of others) expect(failed).toContain('an illegal memory access')
  })
})
