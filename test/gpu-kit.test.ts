// What npm run test:gpu and build:gpu are made of, as far as neither a GPU nor a simulated one is needed.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { processLives, until } from './support/processes.js'
import { scratchFolder } from './support/scratch-folder.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const load = (name: string) => import(pathToFileURL(join(root, 'scripts/gpu', name)).href)
const { runsOn, reasonToStop } = await load('checks.mjs')
const { askPython, cudnnFolders } = await load('cuda-path.mjs')
const { judgeProbe, judgeProgram, judgeSanitizer } = await load('outcomes.mjs')
const { judgeBench, judgeProfile } = await load('outcomes-of-timing.mjs')
const { runStages, stages } = await load('stages.mjs')
const { runStep, stopAll } = await load('run-step.mjs')
const { stepsOf } = await load('steps.mjs')

const elsewhere = process.platform !== 'linux' // the CUDA engine is for Linux
if (elsewhere) console.info('skipped: the processes of a GPU machine, which is one with Linux')

const scratch = scratchFolder()
const { write, script } = scratch
afterEach(() => vi.unstubAllEnvs())

const end = (output: string, more = {}) => ({ status: 0, signal: null, timedOut: false, stopped: false, stdout: output, output, ...more })

describe('the build fits the GPU', () => {
  it.each([
    ['90-real', '9.0', true],
    ['90-real', '8.0', false],
    ['80-real', '8.6', true],
    ['86-real', '8.0', false],
    ['90-real', '10.0', false],
    ['75-real;80-real;90', '12.0', true],
    ['90-virtual', '10.0', true],
    ['90a-real', '9.0', true],
    ['90a', '10.0', false],
    ['native', '9.0', true],
  ])('%s on %s: %s', (architectures, capability, fits) => expect(runsOn(architectures, capability)).toBe(fits))

  const cuda = (capability: string) => ({
    available: true,
    detail: '',
    components: [{ name: 'GPU 0', ok: true, version: `compute capability ${capability}, 80.0 GiB` }],
  })
  it('or a line says how to build', () => {
    expect(reasonToStop(cuda('8.0'), { architectures: '90-real' })).toBe(
      'the programs are built for 90-real, this GPU has compute capability 8.0: npm run build:gpu -- --architectures 80-real',
    )
    expect(reasonToStop(cuda('9.0'), { architectures: '90-real' })).toBeUndefined()
    expect(reasonToStop(cuda('9.0'), undefined)).toBeUndefined()
  })
})

describe.skipIf(elsewhere)('a step', () => {
  const step = (file: string) => ({ part: 'programs', name: 'a step', file, args: [] })
  const where = (seconds = 60) => ({ cwd: scratch.path, log: join(scratch.path, 'log'), seconds })

  it('is told with its status and its output, which goes to the log', async () => {
    const told = await runStep(step(script('three', 'echo out; echo err >&2; exit 3')), where())
    expect(told).toMatchObject({ status: 3, signal: null, timedOut: false, stdout: 'out\n' })
    expect(readFileSync(join(scratch.path, 'log'), 'utf8')).toContain('===== programs: a step')
    expect((await runStep(step(join(scratch.path, 'nothing')), where())).status).toBe(127)
  })

  it('ends with all that it started when it is stopped, also what does not want to', async () => {
    const told = runStep(
      step(script('long', `trap '' TERM; sleep 1000 & echo $! > child.part; mv child.part child; wait; sleep 1000`)),
      where(),
    )
    await until(() => existsSync(join(scratch.path, 'child')))
    stopAll()
    expect(await told).toMatchObject({ stopped: true, timedOut: false, status: null, signal: 'SIGKILL' })
    await until(() => !processLives(Number(readFileSync(join(scratch.path, 'child'), 'utf8'))))
  }, 60_000)

  it('ends when its time is over', async () => {
    expect(await runStep(step(script('long', 'sleep 1000')), where(0.2))).toMatchObject({ stopped: false, timedOut: true })
  }, 60_000)

  it('leaves nothing behind that still runs when it ends by itself', async () => {
    const told = await runStep(step(script('left', 'sleep 1000 & echo $! > child')), where())
    expect(told.status).toBe(0)
    await until(() => !processLives(Number(readFileSync(join(scratch.path, 'child'), 'utf8'))))
  }, 60_000)

  it('dies with the process that runs it, even when that is killed', async () => {
    script('long', 'sleep 1000 & echo $! > child; echo $$ > part; mv part self; wait')
    const module = pathToFileURL(join(root, 'scripts/gpu/run-step.mjs')).href
    const program = `import { runStep } from ${JSON.stringify(module)}
      await runStep({ part: 'programs', name: 'a step', file: './long', args: [] }, { cwd: ${JSON.stringify(scratch.path)}, seconds: 900 })`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' })
    await until(() => existsSync(join(scratch.path, 'self')))
    const pids = ['child', 'self'].map((name) => Number(readFileSync(join(scratch.path, name), 'utf8')))
    expect(pids.map(processLives)).toEqual([true, true])
    parent.kill('SIGKILL')
    await until(() => !pids.some(processLives))
  }, 60_000)
})

it('stages come in their order, lanes take from all parts in turn, and what measures is alone', async () => {
  const events: string[] = []
  let [now, most] = [0, 0]
  const parts = { sanitizer: 1, bench: 1, speed: 1, programs: 3, gpu: 2, first: 1 }
  const steps = new Map(Object.entries(parts).map(([part, count]) => [part, Array.from({ length: count }, () => ({ part }))]))
  const limits = new Map<string, number>()
  const take = async ({ part }: { part: string }, limit: number) => {
    most = Math.max(most, ++now)
    if (part === 'bench' || part === 'speed') expect(now).toBe(1)
    events.push(part)
    limits.set(part, limit)
    await new Promise((resolve) => setImmediate(resolve))
    now--
  }
  await runStages(stages(2), steps, { begin: 0, deadline: 1000, isOver: () => false, take, goesOn: () => true })
  expect(events).toEqual(['first', 'programs', 'gpu', 'programs', 'gpu', 'programs', 'speed', 'bench', 'sanitizer'])
  expect(most).toBe(2)
  expect([...limits]).toEqual([
    ['first', 380],
    ['programs', 380],
    ['gpu', 380],
    ['speed', 880],
    ['bench', 880],
    ['sanitizer', 1000],
  ])
})

it('what a stage has no time for comes with the last one', async () => {
  const steps = new Map([['programs', ['one', 'two']] as const, ['bench', ['three']] as const])
  const events: [string, number][] = []
  const take = async (step: string, limit: number) => {
    events.push([step, limit])
  }
  const isOver = (limit: number) => limit === 500 && events.length > 0
  await runStages(stages(1), steps, { begin: 0, deadline: 1000, isOver, take, goesOn: () => true })
  expect(events).toEqual([
    ['one', 500],
    ['three', 1000],
    ['two', 1000],
  ])
})

it('what measures time is left out rather than run beside others', async () => {
  const steps = new Map([['bench', ['one']] as const, ['profile', ['two']] as const])
  const events: string[] = []
  const take = async (step: string, limit: number) => {
    events.push(`${step}, in time ${limit}`)
    return 'cut'
  }
  await runStages(stages(4), steps, { begin: 0, deadline: 1000, isOver: (limit: number) => limit === 880, take, goesOn: () => true })
  expect(events).toEqual(['one, in time 880', 'two, in time 1000', 'two, in time 1000'])
})

it('what the end of its stage cut short comes again before the slower checks of compute-sanitizer, and then once more', async () => {
  const sanitizer = ['quick', 'slow']
  const steps = new Map([['programs', ['one', 'two']] as const, ['bench', ['three']] as const, ['sanitizer', sanitizer] as const])
  const events: [string, number, boolean][] = []
  const take = async (step: string, limit: number, again: boolean) => {
    events.push([step, limit, again])
    return step === 'one' ? 'cut' : 'passed'
  }
  await runStages(stages(1), steps, { begin: 0, deadline: 1000, isOver: () => false, take, goesOn: () => true })
  expect(events).toEqual([
    ['one', 380, true],
    ['two', 380, true],
    ['three', 880, false],
    ['quick', 1000, true],
    ['one', 1000, true],
    ['slow', 1000, true],
    ['one', 1000, false],
  ])
})

it('all checks of compute-sanitizer wait for their time, with --all as without', () => {
  script('compute-sanitizer', '')
  vi.stubEnv('PATH', scratch.path)
  const where = { root, programs: scratch.path, scratch: scratch.path, simulated: false, lanes: 1, match: '' }
  const names = (all: boolean) => stepsOf({ ...where, all }, 'sanitizer').map(({ name }: { name: string }) => name)
  for (const all of [true, false])
    expect(names(all)).toEqual(['memcheck of cast_test', 'memcheck of short_test', 'initcheck of short_test'])
})

describe("where NVIDIA's libraries lie", () => {
  it('is asked of Python', async () => {
    mkdirSync(join(scratch.path, 'nvidia'))
    expect(await askPython(script('python', `echo a warning; echo ${scratch.path}/nvidia`))).toBe(`${scratch.path}/nvidia`)
    expect(await askPython(script('python', `echo ${scratch.path}/elsewhere`))).toBeUndefined()
    expect(await askPython(script('python', `echo ${scratch.path}/nvidia; exit 1`))).toBeUndefined()
    expect(await askPython(join(scratch.path, 'no-python'))).toBeUndefined()
  })

  it('one that hangs is not waited for', async () => {
    expect(await askPython(script('python', "trap '' TERM; sleep 1000 & sleep 1000"), 0.2)).toBeUndefined()
  }, 60_000)

  it('in each of the places where a folder may hold them; a link is no second copy', () => {
    write('one/lib/python3.12/site-packages/nvidia/cudnn/lib/libcudnn.so.9', '')
    write('two/targets/x86_64-linux/lib/libcudnn.so.9', '')
    symlinkSync(join(scratch.path, 'one'), join(scratch.path, 'link'))
    const [one, two, link] = ['one', 'two', 'link'].map((name) => join(scratch.path, name))
    const first = join(one!, 'lib/python3.12/site-packages/nvidia/cudnn/lib')
    expect(cudnnFolders(`${one}:${link}:${scratch.path}/nothing`)).toEqual([first])
    expect(cudnnFolders(`${one}:${two}`)).toEqual([first, join(two!, 'targets/x86_64-linux/lib')])
    expect(cudnnFolders(undefined)).toEqual([])
  })
})

describe('outcomes', () => {
  it('a program that found no GPU has tested nothing', () => {
    const { failures } = judgeProgram(end('skipped: there is no NVIDIA driver\n', { status: 77 }))
    expect(failures).toEqual(['nothing was tested: there is no NVIDIA driver'])
  })

  describe('of what was cut short are the cut, and what was found until then', () => {
    const cut = (output: string) => end(output, { status: null, signal: 'SIGTERM', timedOut: true })
    it('by the probe', () => {
      const answer = '{"point":"8.2","question":"one","answer":1}'
      const { answers, failures } = judgeProbe(cut(`${answer}\n{"point":"8.2","que`))
      expect(answers).toEqual([JSON.parse(answer)])
      expect(failures).toEqual([expect.stringMatching(/^out of time: /)])
      expect(judgeProbe(cut('')).failures).toEqual(['out of time: '])
      expect(judgeProbe(end(`${answer}\n{"point":"8.2","que`)).failures[0]).toContain('no JSON')
    })

    it('by compute-sanitizer', () => {
      const found = '========= Invalid __global__ write of size 4 bytes\n'
      const isCut = expect.stringMatching(/^out of time: /)
      expect(judgeSanitizer(true)(cut('')).failures).toEqual(['out of time: '])
      expect(judgeSanitizer(true)(cut(found)).failures).toEqual(['Invalid __global__ write of size 4 bytes', isCut])
      expect(judgeSanitizer(false)(cut(found)).failures).toEqual([isCut])
      expect(judgeSanitizer(true)(end('')).failures).toEqual(['no summary: '])
    })
  })

  it('kernels of a profile, the longest in all first', () => {
    const csv = `==PROF== Connected
"ID","Process ID","Kernel Name","Metric Name","Metric Unit","Metric Value"
"0","1","a(int, ""x"")","gpu__time_duration.sum","nsecond","1,500"
"1","1","b","gpu__time_duration.sum","usecond","2.25"
"2","1","a(int, ""x"")","gpu__time_duration.sum","nsecond","1500"
`
    const { kernels, failures } = judgeProfile(true)(end(csv))
    expect(kernels).toEqual([
      { name: 'a(int, "x")', count: 2, us: 3 },
      { name: 'b', count: 1, us: 2.25 },
    ])
    expect(failures).toEqual([])
    expect(judgeProfile(true)(end('==ERROR== ERR_NVGPUCTRPERM', { status: 1 })).state).toBe('not here')
    expect(judgeProfile(true)(end('')).failures[0]).toContain('no kernel was profiled')
  })

  it('a row that grus did not compute fails the benchmark, one of a peer does not', () => {
    const ms = { step: { median: 1 } }
    const subjects = [
      { name: 'grus heuristic', ms },
      { name: 'torch graph', failed: 'no GPU' },
    ]
    const judge = (more: object[]) => {
      write('bench/x-bench.json', JSON.stringify({ rows: [{ id: 'row', subjects: [...subjects, ...more] }], leftOut: ['other'] }))
      return judgeBench(join(scratch.path, 'bench'))(end(''))
    }
    expect(judge([])).toMatchObject({ passed: 1, failed: 0, leftOut: 1, failures: [] })
    expect(judge([{ name: 'grus standard', failed: 'y differs' }]).failures).toEqual(['row: grus standard: y differs'])
    expect(judgeBench(join(scratch.path, 'nothing'))(end('', { status: 1 })).failures[0]).toContain('exit status 1')
  })
})
