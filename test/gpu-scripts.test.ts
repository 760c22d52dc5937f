// npm run test:gpu on a simulated CUDA: its steps, its records, its exit status. Its build is named by GRUS_CUDA_SIM; test/cuda-sim.test.ts
// does that.
import { type ExecFileException, execFile, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, it } from 'vitest'
import { testRecord } from './support/gpu-record.js'
import { processLives, until } from './support/processes.js'
import { scratchFolder } from './support/scratch-folder.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const sim = process.env.GRUS_CUDA_SIM && resolve(process.env.GRUS_CUDA_SIM)
if (!sim) console.info('skipped: GRUS_CUDA_SIM names no build of the simulated CUDA')

const kept = join(root, 'test/fixtures/gpu-record')
it('the record of a whole rehearsal has the shape that a run writes', () => {
  const [record, bench] = ['tests', 'bench'].map((what) => readdirSync(kept).find((name) => name.endsWith(`-${what}.json`))!)
  const { all, bench: named, parts, steps, probe } = testRecord.parse(JSON.parse(readFileSync(join(kept, record!), 'utf8')))
  expect({ all, named }).toEqual({ all: true, named: bench })
  expect(parts.filter((part) => part !== 'sanitizer')).toEqual([...new Set(steps.map(({ part }) => part))])
  expect(probe.length).toBeGreaterThan(50)
})

describe.skipIf(!sim)('test:gpu', () => {
  const scratch = scratchFolder()
  const { script } = scratch
  let out = ''
  beforeEach(() => {
    out = join(scratch.path, 'out')
  })

  const names = () => (existsSync(out) ? readdirSync(out).sort() : [])
  const readRecord = () => {
    const file = names().find((name) => name.endsWith('-tests.json'))
    return file ? testRecord.parse(JSON.parse(readFileSync(join(out, file), 'utf8'))) : undefined
  }
  const command = (args: string[]) => ['scripts/gpu/test.mjs', '--out', out, ...args]
  const environment = (env: Record<string, string>) => ({ ...process.env, GRUS_PYTHON: '/bin/false', TMPDIR: scratch.path, ...env })

  async function run(args: string[], env: Record<string, string> = {}) {
    const ended = await new Promise<{ error: ExecFileException | null; stdout: string; stderr: string }>((done) =>
      execFile(process.execPath, command(args), { cwd: root, env: environment(env) }, (error, stdout, stderr) =>
        done({ error, stdout, stderr }),
      ),
    )
    const status = ended.error ? ended.error.code : 0
    return { status, output: ended.stdout + ended.stderr, errors: ended.stderr, record: readRecord() }
  }

  const installed = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout?.includes('libcudnn.so.9')
  if (installed) console.info('skipped: Python is not asked for a cuDNN, the system has one')
  const nothingNamed = { GRUS_CUDA_PATH: '', LD_LIBRARY_PATH: '', VIRTUAL_ENV: '', CONDA_PREFIX: '' }

  it('records programs, with the device and its libraries, which Python knows', async () => {
    const env = installed ? {} : { ...nothingNamed, GRUS_PYTHON: script('python', `echo '${sim}/lib'`) }
    const { status, output, record } = await run(['--only', 'first,programs', '--match', 'half_test', '--lanes', '2'], env)
    expect(status, output).toBe(0)
    expect(record!.steps.map(({ part, name, state }) => [part, name, state])).toEqual([
      ['doctor', 'grus doctor', 'passed'],
      ['first', 'short_test', 'passed'],
      ['programs', 'half_test', 'passed'],
    ])
    expect(record).toMatchObject({ ok: true, ended: true, bench: null, lanes: 2, ...(!installed && { cudaPath: 'lib' }) })
    expect(record!.states.programs).toMatchObject({ state: 'passed', passed: 34, failed: 0 })
    expect(record!.device).toMatchObject({ gpu: 'Simulated GPU', cuda: '13.0', cudnn: expect.stringMatching(/^9\./) })
    const [file, ...others] = names()
    expect(file).toMatch(/^\d{4}-\d\d-\d\d-simulated-gpu-tests\.json$/)
    expect(others).toEqual(['summary.txt', 'tests.log'])
    expect(readFileSync(join(out, 'tests.log'), 'utf8')).toContain('===== programs: half_test')
    expect(readFileSync(join(out, 'summary.txt'), 'utf8')).toMatch(/^programs +passed +34 passed, 0 failed/m)
  }, 300_000)

  it('records a suite, then alone the benchmark, then training steps for a profiler', async () => {
    const { status, output, record } = await run(['--only', 'leak,bench,profile', '--lanes', '3'])
    expect(status, output).toBe(0)
    expect(record!.steps[1]).toMatchObject({ part: 'leak', suites: 1, failed: 0 })
    expect(record!.steps[1]!.passed).toBeGreaterThan(3)
    expect(record!.steps[2]).toMatchObject({ part: 'bench', state: 'passed', failed: 0 })
    expect(record!.steps[3]).toMatchObject({ part: 'profile', state: 'passed' })
    expect(names()).toHaveLength(4)
    const bench = JSON.parse(readFileSync(join(out, record!.bench!), 'utf8'))
    expect(bench.rows).toHaveLength(record!.steps[2]!.passed!)
  }, 600_000)

  it('profiles kernels that there are', async () => {
    // a profiler that counts: the last kernel that it is to see faults
    script('ncu', 'while [ "$1" != -s ]; do shift; done; last=$(($2 + $4)); shift 4; GRUS_SIM_KERNEL_FAULT=$last exec "$@"')
    const { record } = await run(['--only', 'profile'], { PATH: `${scratch.path}:${process.env.PATH}` })
    const step = record!.steps.find(({ part }) => part === 'profile')!
    expect(step).toMatchObject({ state: 'failed', failures: [expect.stringContaining("code: 'DEVICE'")] })
  }, 300_000)

  it('records the largest errors of random GRUs, which the judge holds against the goals', async () => {
    const { status, output, record } = await run(['--only', 'gpu', '--match', 'parity'])
    expect(status, output).toBe(0)
    const parity = record!.steps.find(({ part }) => part === 'gpu')!.parity!
    for (const precision of ['float32', 'tf32', 'bfloat16', 'float16'] as const) {
      expect(parity[precision]!.gradients).toBeGreaterThan(0) // sums in another order
      expect(parity[precision]!.cases).toBe(24)
    }
    const file = names().find((name) => name.endsWith('-tests.json'))!
    const judge = spawnSync(process.execPath, ['scripts/gpu/judge.mjs', join(out, file)], { cwd: root, encoding: 'utf8' })
    expect(judge).toMatchObject({ status: 0, stdout: expect.stringContaining('IT DECIDES NOTHING') })
    expect(judge.stdout.match(/^\| parity, \w+ \|.*\| met \|.*in 24 cases \|$/gm)).toHaveLength(4)
  }, 300_000)

  it('records the answers of the probe', async () => {
    const { status, output, record } = await run(['--only', 'probe,speed'])
    expect(status, output).toBe(0)
    expect(record!.probe.filter(({ answer }) => JSON.stringify(answer).includes('died of'))).toEqual([])
    expect(record!.probe.filter(({ question }) => question.startsWith('STANDARD, '))).toEqual([]) // tables: only by name
    const points = new Set(record!.probe.map(({ point }) => point))
    expect([...points].sort()).toEqual(['8.10', '8.11', '8.12', '8.13', '8.14', '8.15', '8.2', '8.4', '8.5', '8.6', '8.7', '8.8', '8.9'])
    const timed = record!.probe.filter(({ point }) => point === '8.15')
    expect(record!.states.speed!.passed).toBe(timed.length) // not beside the others
  }, 600_000)

  it('a program that finds no GPU ends with 77, and none says that it passed', async () => {
    const end = (name: string, ...args: string[]) =>
      new Promise<[string, unknown, string]>((done) =>
        execFile(join(sim!, 'test', name), args, { env: { ...process.env, GRUS_SIM_DRIVER: '0' } }, (error, stdout) =>
          done([name, error ? error.code : 0, stdout]),
        ),
      )
    const programs = readdirSync(join(root, 'test/cuda')).flatMap((file) => /^(.*_test)\.cc$/.exec(file)?.[1] ?? [])
    const needsNone = ['half_test'] // rounds numbers on the host
    for (const name of programs.filter((each) => !needsNone.includes(each))) {
      expect(await end(name)).toEqual([name, 77, expect.stringMatching(/^skipped: /m)])
    }
    expect((await end('cudnn_probe', 'weights', 'padding')).slice(0, 2)).toEqual(['cudnn_probe', 77])
  }, 300_000)

  it('a failure is recorded with its message and fails the run', async () => {
    const { status, record } = await run(['--only', 'programs', '--match', 'short'], { GRUS_SIM_FAIL: 'cublasSgemm_v2:every:13' })
    expect(status).toBe(1)
    expect(record!.ok).toBe(false)
    expect(record!.steps[1]!.failures![0]).toContain('cublasSgemm')
  }, 300_000)

  it('an engine that does not stand explains itself, and nothing else is run', async () => {
    const python = script('python', 'echo PyTorch computes a GRU here')
    const { status, errors, record } = await run(['--only', 'first,programs,leak'], {
      GRUS_SIM_FAIL: 'cublasSgemm_v2:every:13',
      GRUS_PYTHON: python,
    })
    expect(status).toBe(3)
    expect(errors).toMatch(/^\[test:gpu\] the engine does not stand here: .*\n$/)
    expect(record!.stopped).toContain('cublasSgemm')
    expect(record!.states).toMatchObject({ first: { state: 'failed' }, programs: { state: 'left out' }, leak: { state: 'left out' } })
    const explained = record!.steps.filter(({ part }) => part === 'explain')
    expect(Object.fromEntries(explained.map(({ name, state, said }) => [name, [state, said]]))).toEqual({
      "cuDNN's log": ['failed', expect.stringContaining('cublasSgemm')],
      ldd: ['passed', expect.stringContaining('GRUS_CUDA_PATH=')],
      "PyTorch's GRU": ['passed', 'PyTorch computes a GRU here'],
    })
  }, 300_000)

  it('ends in time, with a record of what was left out', async () => {
    const { status, record } = await run(['--only', 'suites', '--minutes', '0.2'])
    expect(status).toBe(1)
    for (const { state, failures } of record!.steps.slice(1)) // none of them at its own limit
      expect({ state, failures }).toEqual({ state: 'left out', failures: expect.arrayContaining(['no time was left of 0.2 minutes']) })
  }, 60_000)

  describe('when it is ended from outside', () => {
    const hanging = () =>
      script('python', `echo $$ > '${scratch.path}/part'; mv '${scratch.path}/part' '${scratch.path}/pid'; exec sleep 1000`)
    async function end(signal: NodeJS.Signals) {
      const args = command(['--only', 'machine,programs', '--match', 'half_test'])
      const child = spawn(process.execPath, args, { cwd: root, env: environment({ GRUS_PYTHON: hanging() }), stdio: 'ignore' })
      const ended = new Promise((done) => child.on('exit', (status) => done(status)))
      await until(() => existsSync(join(scratch.path, 'pid')))
      child.kill(signal)
      const status = await ended
      await until(() => !processLives(Number(readFileSync(join(scratch.path, 'pid'), 'utf8'))))
      return { status, record: readRecord()! }
    }

    it('it tells what it has, and ends all that it started', async () => {
      const { status, record } = await end('SIGTERM')
      expect(status).toBe(1)
      expect(record).toMatchObject({ ended: false, ok: false })
      expect(record.steps.map(({ part, state }) => [part, state])).toEqual([
        ['doctor', 'passed'],
        ['machine', 'out of time'],
        ['programs', 'left out'],
      ])
    }, 300_000)

    it('a kill leaves a whole record, and no process', async () => {
      const { record } = await end('SIGKILL')
      expect(record).toMatchObject({ ended: false, ok: false, states: { doctor: { state: 'passed' }, machine: { state: 'running' } } })
      expect(names()).toHaveLength(3)
    }, 300_000)
  })

  it('an earlier record of the day stays as it is', async () => {
    const texts = async () => {
      expect((await run(['--only', 'doctor'])).status).toBe(0)
      return names().flatMap((name) => (name.endsWith('.json') ? readFileSync(join(out, name), 'utf8') : []))
    }
    const [first] = await texts()
    const both = await texts()
    expect(both).toHaveLength(2)
    expect(both).toContain(first)
  }, 300_000)

  describe('one line says what is wrong and what to do', () => {
    function copyOfCudnn() {
      mkdirSync(join(scratch.path, 'other'))
      writeFileSync(join(scratch.path, 'other/libcudnn.so.9'), '')
      return join(scratch.path, 'other')
    }

    const refused: [string, string[], () => Record<string, string>, RegExp][] = [
      ['no time', ['--minutes', '0'], () => ({}), /--minutes: expected a number above 0 and up to 1440, came '0'/],
      ['no number', ['--minutes', 'soon'], () => ({}), /--minutes: expected a number/],
      ['an unknown part', ['--only', 'programs,nothing'], () => ({}), /--only: there is no part 'nothing', expected some of doctor,/],
      ['all and some', ['--all', '--only', 'gpu'], () => ({}), /--all, --only: expected one of them/],
      ['no lanes', ['--lanes', '0'], () => ({}), /--lanes: expected a whole number from 1 to 64, came '0'/],
      ['an unknown option', ['--fast'], () => ({}), /'--fast'.*--help lists the options/],
      ['a name of nothing', ['--only', 'programs', '--match', 'xyz'], () => ({}), /--match: nothing in programs has 'xyz' in its name/],
      [
        'a folder that cannot be written',
        ['--out', '/proc'],
        () => ({}),
        /--out: nothing can be written to \/proc \(E[A-Z]+\), name another/,
      ],
      ['no build', [], () => ({ GRUS_CUDA_SIM: join(scratch.path, 'no') }), /no\/test is not there: GRUS_CUDA_SIM names no build/],
      [
        'two folders with cuDNN',
        [],
        () => ({ GRUS_CUDA_PATH: `${sim}/lib:${copyOfCudnn()}` }),
        /two copies of cuDNN, .* and .*\/other: name one/,
      ],
    ]
    it.each(refused)('%s, before anything runs', async (_, args, env, line) => {
      const { status, output } = await run(args, env())
      expect({ status, lines: output.trim().split('\n') }).toEqual({ status: 2, lines: [expect.stringMatching(line)] })
      expect(names().filter((name) => name.endsWith('.json'))).toEqual([])
    })

    /** The double again, as if it had been built for GPUs of another kind. */
    function builtFor(architectures: string) {
      const other = join(scratch.path, 'build')
      mkdirSync(join(other, 'test'), { recursive: true })
      for (const name of ['lib', 'build']) symlinkSync(join(sim!, name), join(other, name))
      writeFileSync(join(other, 'test/build.json'), JSON.stringify({ architectures }))
      return { GRUS_CUDA_SIM: other }
    }
    const stopped: [string, () => Record<string, string>, RegExp][] = [
      ['a GPU without memory', () => ({ GRUS_SIM_MEMORY: '1048576' }), /has no memory left for the shortest program: nvidia-smi lists/],
      [
        'an old driver',
        () => ({ GRUS_SIM_DRIVER: '12040' }),
        /too old: it knows CUDA 12\.4, grus needs 13\.0: install the NVIDIA driver 580/,
      ],
      ['an old GPU', () => ({ GRUS_SIM_CAPABILITY: '70' }), /Simulated GPU: too old, 7\.5 \(Turing\) is the least/],
      [
        'programs for another GPU',
        () => builtFor('80-real'),
        /built for 80-real, this GPU has compute capability 9\.0: npm run build:gpu -- --architectures 90/,
      ],
    ]
    it.each(stopped)(
      '%s, which the record tells',
      async (_, env, line) => {
        const { status, errors, record } = await run(['--only', 'programs,leak'], env())
        expect({ status, lines: errors.trim().split('\n') }).toEqual({ status: 3, lines: [expect.stringMatching(line)] })
        expect(record).toMatchObject({
          ok: false,
          ended: true,
          stopped: expect.stringMatching(line),
          states: { programs: { state: 'left out' } },
        })
        expect(record!.steps.map(({ part }) => part).filter((part) => part !== 'explain')).toEqual(['doctor'])
      },
      120_000,
    )
  })
})
