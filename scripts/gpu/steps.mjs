// What `npm run test:gpu` runs, part by part. Which part comes when is in stages.mjs.

import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { pythonOf } from './cuda-path.mjs'
import { forTheLog, judgeDoctor, judgeFacts, judgeProbe, judgeProgram, judgeSanitizer, judgeVitest } from './outcomes.mjs'
import { judgeBench, judgeProfile } from './outcomes-of-timing.mjs'

/** @typedef {import('./run-step.mjs').Step} Step */
/**
 * @typedef {{ root: string, programs: string, scratch: string, simulated: boolean, lanes: number, match: string }} Where
 */

// An H200 needs a small part of these; they are for what hangs. The benchmark takes what is left.
const seconds = {
  doctor: 60,
  machine: 50,
  first: 40,
  explain: 40,
  programs: 120,
  suites: 240,
  gpu: 300,
  leak: 180,
  probe: 420,
  speed: 90,
  bench: 3600,
  profile: 60,
  sanitizer: 180,
}

function program(folder, part, name, more) {
  return { part, name, file: join(folder, name), args: [], seconds: seconds[part], judge: judgeProgram, ...more }
}

function script({ root }, part, name, file, args, more) {
  return { part, name, file: process.execPath, args: [join(root, file), ...args], seconds: seconds[part], ...more }
}

const shell = (part, name, text) => ({ part, name, file: '/bin/sh', args: ['-c', text], seconds: seconds[part], judge: judgeFacts })

const readNames = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [])
const threads = ({ lanes }) => Math.max(1, Math.floor(availableParallelism() / lanes))
const sizes = ({ simulated }) => (simulated ? {} : { GRUS_TEST_SIZES: 'full' })

/** A name that is in the tree but was not built is a step that fails. What takes minutes runs when it is asked for. @param {Where} where */
function programs({ root, programs: folder, match }) {
  const slow = readNames(join(root, 'test/cuda/slow-programs.json'))
  const names = readdirSync(join(root, 'test/cuda')).flatMap((file) => /^(.*_test)\.cc$/.exec(file)?.[1] ?? [])
  return names.filter((name) => match || !slow.includes(name)).map((name) => program(folder, 'programs', name))
}

/** @param {Where} where */
function vitest(where, part, name, suites, workers, env) {
  const folder = join(where.scratch, name.replace(/\W+/g, '-'))
  mkdirSync(folder)
  const report = join(folder, 'report.json')
  const how = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`, `--maxWorkers=${workers}`]
  const each = Math.max(1, Math.floor(threads(where) / workers))
  return script(where, part, name, 'node_modules/vitest/vitest.mjs', ['run', ...suites, ...how], {
    env: { GRUS_TEST_DEVICE: 'cuda', ...(!process.env.GRUS_NUM_THREADS && { GRUS_NUM_THREADS: String(each) }), ...env },
    judge: judgeVitest(report),
  })
}

/** @param {Where} where */
function suites(where) {
  const all = JSON.parse(readFileSync(join(where.root, 'test/support/device-suites.json'), 'utf8'))
  return Object.entries(all).map(([name, files]) => vitest(where, 'suites', name, files, Math.min(4, threads(where)), {}))
}

/** @param {Where} where */
function gpu(where) {
  const files = readdirSync(join(where.root, 'test/gpu')).filter((file) => file.endsWith('.test.ts') && file !== 'memory.test.ts')
  return files.map((file) => vitest(where, 'gpu', `test/gpu/${file}`, [`test/gpu/${file}`], 1, sizes(where)))
}

/** @param {Where} where */
const leak = (where) => [vitest(where, 'leak', '10,000 steps', ['test/gpu/memory.test.ts'], 1, sizes(where))]

/** The quickest first: no more of it runs than there is time. @param {Where} where */
function sanitizer({ programs: folder }) {
  const tool = findOnPath('compute-sanitizer')
  if (!tool) return []
  // what NVIDIA's libraries try and do without is no error of memory
  const quiet = ['--report-api-errors', 'no']
  // initcheck also tells what cuDNN's own kernels read without need of it: it is recorded and fails nothing
  const checks = [
    ['memcheck', 'cast_test', true],
    ['memcheck', 'short_test', true], // what loads cuDNN takes the tool minutes
    ['initcheck', 'short_test', false],
  ]
  return checks.map(([check, name, fails]) =>
    program(folder, 'sanitizer', name, {
      judge: judgeSanitizer(fails),
      name: `${check} of ${name}`,
      file: tool,
      args: ['--tool', check, ...quiet, '--print-limit', '20', join(folder, name)],
    }),
  )
}

function findOnPath(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/cuda/bin']
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
}

// groups of cudnn_probe that time something, which is worth nothing beside other lanes
const timed = ['standard', 'small-h', 'persist-static', 'persist-dynamic', 'speed']

/** Its misuse is on purpose, so a simulated GPU must not end the process for it. @param {Where} where */
function probe(where, part, args) {
  const env = where.simulated ? { GRUS_SIM_MISUSE: 'report' } : sizes(where)
  return [program(where.programs, part, 'cudnn_probe', { args, env, judge: judgeProbe })]
}

/** @param {Where} where */
function bench(where) {
  const out = join(where.scratch, 'bench')
  const how = where.simulated
    ? ['--tiny', '--rounds', '1', '--ms', '1', '--torch', '']
    : ['--rounds', '3', '--ms', '25', '--torch', 'eager,graph']
  const args = (seconds) => ['--minutes', String((seconds - 5) / 60), '--python', pythonOf(where.root), '--out', out, ...how]
  const step = script(where, 'bench', 'bench/gpu', 'bench/gpu/run.mjs', [], { judge: judgeBench(out) })
  return [{ ...step, args: (seconds) => [...step.args, ...args(seconds)] }]
}

/** Nsight Compute on training steps that are not captured; a simulated GPU only runs them. @param {Where} where */
function profile(where) {
  const tool = findOnPath('ncu')
  if (!tool && !where.simulated) return []
  const shape = [...(where.simulated ? ['8', '2', '4'] : ['128', '32', '50']), '12']
  const step = script(where, 'profile', 'training steps', 'scripts/gpu/step-kernels.mjs', shape, { judge: judgeProfile(Boolean(tool)) })
  if (!tool) return [step]
  // 12 epochs of 4 steps of some 22 kernels (where cuDNN takes one kernel for all time steps of a call) are 1056 of them: the first 5 steps
  // are skipped, the next 20 profiled. Where it takes some for each time step, 440 kernels are still one or two steps.
  const [skipped, profiled] = [5 * 22, 20 * 22]
  const how = ['--clock-control none --target-processes all --metrics gpu__time_duration.sum --csv', `-s ${skipped} -c ${profiled}`]
    .join(' ')
    .split(' ')
  return [{ ...step, file: tool, args: [...how, step.file, ...step.args] }]
}

/** @param {Where} where */
const doctor = (where) => [script(where, 'doctor', 'grus doctor', 'dist/cli/main.js', ['doctor', '--json'], { judge: judgeDoctor })]

// Each command has a limit of its own: nvidia-smi may hang as long as it likes. --foreground: it stays in the step's process group.
// One stream for both, so that nothing passes the line behind which the log alone has it: names, owners, the processes on the GPU.
const limited = 'timeout --foreground -k 1'
const asked = 'name,driver_version,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw,power.limit,clocks.sm,clocks.max.sm'
const gpus = `${limited} 10 nvidia-smi --query-gpu=${asked},compute_mode --format=csv`
const behind = `echo; echo '${forTheLog}'; uname -a; ${limited} 10 nvidia-smi`
const facts = `exec 2>&1
date -u; uname -srm; nproc; head -3 /proc/meminfo; ldd --version | head -1
${gpus}; ${limited} 5 nvcc --version | tail -2; command -v ncu nsys compute-sanitizer
for folder in $(echo "$GRUS_CUDA_PATH" | tr : ' '); do ls "$folder"; done
${limited} 20 "$0" -c 'import torch; print(torch.__version__, torch.backends.cudnn.version(), torch.cuda.get_device_name())'
${behind}; for folder in $(echo "$GRUS_CUDA_PATH" | tr : ' '); do ls -l "$folder"; done
true`

/** @param {Where} where */
const machine = ({ root }) => {
  const step = shell('machine', 'what it has', facts)
  return [{ ...step, args: [...step.args, pythonOf(root)] }]
}

const torch = `import torch
g = torch.nn.GRU(8, 8).cuda()
g(torch.randn(4, 2, 8, device="cuda", requires_grad=True))[0].sum().backward()
torch.cuda.synchronize()
print("PyTorch", torch.__version__, "computes a GRU here, with cuDNN", torch.backends.cudnn.version())`

/** Why the engine does not stand: what cuDNN itself says, which libraries there are, whether PyTorch's GRU runs. @param {Where} where */
export function explain({ root, programs: folder }) {
  const addon = join(process.env.GRUS_PREBUILD ?? root, 'build/Release/grus.node')
  return [
    program(folder, 'explain', 'short_test', {
      name: "cuDNN's log",
      env: { CUDNN_LOGLEVEL_DBG: '3', CUDNN_LOGDEST_DBG: 'stderr' },
      judge: judgeFacts,
    }),
    shell('explain', 'ldd', `exec 2>&1; ${gpus}; ldd '${addon}'; echo "GRUS_CUDA_PATH=$GRUS_CUDA_PATH"; ${behind}; true`),
    { part: 'explain', name: "PyTorch's GRU", file: pythonOf(root), args: ['-c', torch], seconds: seconds.explain, judge: judgeFacts },
  ]
}

const parts = {
  doctor,
  machine,
  first: (where) => [program(where.programs, 'first', 'short_test')],
  programs,
  suites,
  gpu,
  leak,
  probe: (where) =>
    probe(
      where,
      'probe',
      timed.map((name) => `-${name}`),
    ),
  speed: (where) => probe(where, 'speed', ['speed']),
  bench,
  profile,
  sanitizer,
}

export const partNames = Object.keys(parts)
/** What runs without --all: everything but what measures. */
export const testNames = partNames.filter((name) => !['machine', 'bench', 'speed', 'profile'].includes(name))

// computed on the host, with sanitizers
const slower = ({ simulated }) => (simulated ? 4 : 1)

/** @param {Where} where @returns {Step[]} */
export const stepsOf = (where, part) => parts[part](where).map((step) => ({ ...step, seconds: slower(where) * step.seconds }))
