// The CUDA engine on a simulated CUDA, under AddressSanitizer and UndefinedBehaviorSanitizer: its C++ programs, then the suites of every
// device. GRUS_CUDA_SIM names a build of test/cuda-sim that is there already.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wheels } from './support/nvidia.js'

const execute = promisify(execFile)
const compiler = process.env.CXX ?? 'g++'
const root = fileURLToPath(new URL('..', import.meta.url))
const built = resolve(root, process.env.GRUS_CUDA_SIM ?? 'build/cuda-sim')
const cache = mkdtempSync(join(tmpdir(), 'grus-cuda-sim-'))
afterAll(() => rmSync(cache, { recursive: true, force: true }))

const programs = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith('_test.cc'))
    .map((file) => file.replace('.cc', ''))

const deviceSuites: Record<string, string[]> = JSON.parse(readFileSync(join(root, 'test/support/device-suites.json'), 'utf8'))

/** The double at its nastiest within the rules: nothing of it may change a number. */
const hard = { GRUS_SIM_DEFER: '1', GRUS_SIM_WARMUP: '2', GRUS_SIM_CUDNN_LAYOUT: 'permuted', GRUS_SIM_CUDNN_WARMUP: '2' }

interface Outcome {
  status: unknown
  output: string
  passed: number
  failed: number
}

async function run(file: string, args: readonly string[], env: Record<string, string>): Promise<Outcome> {
  const { stdout } = await execute(compiler, ['-print-file-name=libasan.so'])
  const all = {
    ...process.env,
    GRUS_CUDA_PATH: join(built, 'lib'),
    GRUS_CACHE_DIR: cache,
    GRUS_REAL_CUDNN: wheels() ?? '',
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
    ...(file === process.execPath && { GRUS_PREBUILD: built, GRUS_TEST_DEVICE: 'cuda', LD_PRELOAD: stdout.trim() }),
    ...env,
  }
  const { status, output } = await execute(file, args, { cwd: root, env: all, maxBuffer: 1 << 28 }).then(
    (done) => ({ status: 0 as unknown, output: done.stdout + done.stderr }),
    (error: { code: unknown; stdout: string; stderr: string }) => ({ status: error.code, output: error.stdout + error.stderr }),
  )
  const [, passed, failed] = /(\d+) passed, (\d+) failed(?![\s\S]* passed, )/.exec(output) ?? []
  return { status, output, passed: Number(passed ?? 0), failed: Number(failed ?? -1) }
}

async function expectAllPass(outcome: Promise<Outcome>): Promise<void> {
  const { status, output, passed, failed } = await outcome
  expect({ status, failed }, output.slice(-20_000)).toEqual({ status: 0, failed: 0 })
  expect(passed).toBeGreaterThan(0)
}

const succeeds = (command: string, ...args: string[]) =>
  execute(command, args).then(
    ({ stdout }) => stdout,
    () => '',
  )
const missing = [
  process.platform !== 'linux' && 'the simulated CUDA is for Linux',
  !(await succeeds('cmake', '--version')) && 'no cmake',
  !(await succeeds(compiler, '-print-file-name=libasan.so')).includes('/') && `${compiler} has no AddressSanitizer`,
].find(Boolean)
if (missing) console.warn(`skipped: the CUDA engine on a simulated CUDA: ${missing}`)

// Each is a process of its own, so two run at once (maxConcurrency).
describe.skipIf(missing).concurrent('the CUDA engine on a simulated CUDA', () => {
  beforeAll(async () => {
    if (process.env.GRUS_CUDA_SIM) return
    const configure = ['-S', 'test/cuda-sim', '-B', built, '-DGRUS_SANITIZE=ON']
    const build = ['--build', built, '--parallel', String(availableParallelism())]
    for (const args of [existsSync(join(built, 'CMakeCache.txt')) ? [] : configure, build]) {
      if (args.length === 0) continue
      await execute('cmake', args, { cwd: root, maxBuffer: 1 << 28 }).catch((error: { stdout: string; stderr: string }) => {
        throw new Error(`the simulated CUDA did not compile:\n${error.stdout.slice(-20_000)}${error.stderr.slice(-20_000)}`)
      })
    }
  }, 1_800_000)

  const each = programs('test/cuda')
  describe.each([
    ['as it comes', {}, each],
    ['deferred, permuted', hard, each.filter((program) => !['gru_algorithms_test', 'gru_dynamic_test'].includes(program))], // these take minutes
  ])('%s', (_, knobs: Record<string, string>, some: string[]) => {
    test.each(some)('%s', (program) => expectAllPass(run(join(built, 'test', program), [], knobs)), 600_000)
  })

  test.for(programs('test/cuda-sim/self'))('%s', { timeout: 600_000 }, async (program, { skip }) => {
    const outcome = await run(join(built, 'test', program), [], {})
    const [, reason] = /^skipped: (.*)$/m.exec(outcome.output) ?? []
    if (reason && outcome.status === 77) skip(reason) // it has tested nothing
    await expectAllPass(Promise.resolve(outcome))
  })

  const vitest = (files: readonly string[], knobs: Record<string, string>) =>
    expectAllPass(run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files], knobs))
  test.each(Object.entries(deviceSuites))('%s', (_, files) => vitest(files, hard), 1_200_000)
  test('parity, graphs, memory, precisions', () => vitest(['test/gpu/'], hard), 1_200_000)

  describe('a GPU that hangs keeps no process from its end', () => {
    test.each(['exit', 'dispose', 'end', 'terminate'])('%s', { timeout: 600_000 }, async (way) => {
      const log = join(cache, `hang-${way}`)
      const { status, output } = await run(process.execPath, ['--expose-gc', 'test/cuda-sim/programs/hang.mjs', way], { GRUS_SIM_LOG: log })
      expect(status, output).toBe(7)
      expect(readFileSync(log, 'utf8')).toMatch(/^(\w+: waits for a kernel that does not end\n)+$/)
    })
  })
  test.each(['test/gpu-scripts.test.ts', 'test/gpu-probe.test.ts', 'test/bench-gpu.test.ts', 'test/bench-cli/gpu.test.ts'])(
    '%s',
    (file) => vitest([file], { GRUS_CUDA_SIM: built }),
    1_200_000,
  )
})
