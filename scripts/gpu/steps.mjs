// What `npm run test:gpu` runs, part by part.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { judgeDoctor, judgeProbe, judgeProgram, judgeSanitizer, judgeVitest } from './outcomes.mjs'

/** @typedef {import('./run-step.mjs').Step} Step */
/** @typedef {{ root: string, programs: string, scratch: string, simulated: boolean }} Where */

// An H200 needs a small part of these; they are for what hangs.
const seconds = { doctor: 60, programs: 120, suites: 240, gpu: 300, leak: 180, sanitizer: 180, probe: 420 }

export const partNames = Object.keys(seconds)

/** A name that is in the tree but was not built is a step that fails. @param {Where} where */
function programs({ root, programs: folder }) {
  const names = readdirSync(join(root, 'test/cuda')).filter((file) => file.endsWith('_test.cc'))
  return names.map((file) => program(folder, file.replace('.cc', ''), { part: 'programs', judge: judgeProgram }))
}

function program(folder, name, { part, judge, args = [], env = {} }) {
  return { part, name, file: join(folder, name), args, env, seconds: seconds[part], judge }
}

/** @param {Where} where */
function vitest({ root, scratch }, part, name, suites, env) {
  const report = join(scratch, `${name.replace(/\W+/g, '-')}.json`)
  const workers = Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)))
  const how = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`, `--maxWorkers=${workers}`]
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...suites, ...how]
  return {
    part,
    name,
    file: process.execPath,
    args,
    env: { GRUS_TEST_DEVICE: 'cuda', ...env },
    seconds: seconds[part],
    judge: judgeVitest(report),
  }
}

/** @param {Where} where */
function suites(where) {
  const all = JSON.parse(readFileSync(join(where.root, 'test/support/device-suites.json'), 'utf8'))
  return Object.entries(all).map(([name, files]) => vitest(where, 'suites', name, files, {}))
}

const sizes = ({ simulated }) => (simulated ? {} : { GRUS_TEST_SIZES: 'full' })

/** @param {Where} where */
function gpu(where) {
  const files = readdirSync(join(where.root, 'test/gpu')).filter((file) => file.endsWith('.test.ts') && file !== 'memory.test.ts')
  return files.map((file) => vitest(where, 'gpu', `test/gpu/${file}`, [`test/gpu/${file}`], sizes(where)))
}

/** @param {Where} where */
const leak = (where) => [vitest(where, 'leak', '10,000 steps', ['test/gpu/memory.test.ts'], sizes(where))]

/** @param {Where} where */
function sanitizer({ programs: folder }) {
  const tool = findOnPath('compute-sanitizer', ['/usr/local/cuda/bin'])
  if (!tool) return []
  // what NVIDIA's libraries try and do without is no error of memory
  const quiet = ['--report-api-errors', 'no']
  // initcheck also tells what cuDNN's own kernels read without need of it: it is recorded and fails nothing
  return [
    ['memcheck', 'short_test', true],
    ['memcheck', 'cast_test', true],
    ['initcheck', 'short_test', false],
  ].map(([check, name, fails]) => ({
    ...program(folder, name, { part: 'sanitizer', judge: judgeSanitizer(fails) }),
    name: `${check} of ${name}`,
    file: tool,
    args: ['--tool', check, ...quiet, '--print-limit', '20', join(folder, name)],
  }))
}

function findOnPath(name, more) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...more]
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
}

/** Its misuse is on purpose, so a simulated GPU must not end the process for it. @param {Where} where */
function probe(where) {
  const env = where.simulated ? { GRUS_SIM_MISUSE: 'report' } : sizes(where)
  return [program(where.programs, 'cudnn_probe', { part: 'probe', judge: judgeProbe, env })]
}

/** @param {Where} where */
const doctor = ({ root }) => [
  {
    part: 'doctor',
    name: 'grus doctor',
    file: process.execPath,
    args: [join(root, 'dist/cli/main.js'), 'doctor', '--json'],
    seconds: seconds.doctor,
    judge: judgeDoctor,
  },
]

/** @param {Where} where @returns {Step[]} */
export function stepsOf(where, parts) {
  const all = { doctor, programs, suites, gpu, leak, sanitizer, probe }
  return partNames.filter((part) => parts.includes(part)).flatMap((part) => all[part](where))
}
