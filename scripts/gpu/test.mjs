// npm run test:gpu: every test of the CUDA engine on this machine's GPU, with one JSON record of it all. Needs Node, the tree, dist,
// node_modules and what build:gpu made; no npm, no git, no network. With GRUS_CUDA_SIM=<a build of test/cuda-sim> it runs on that.

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { heading, writeRecord } from './record.mjs'
import { runStep } from './run-step.mjs'
import { partNames, stepsOf } from './steps.mjs'

const usage = `node scripts/gpu/test.mjs [options]
  --only <parts>     ${partNames.join(',')}
  --match <text>     only programs and suites with this in their names
  --minutes <n>      ends in this time with a record, whatever is left (default 30)
  --out <folder>     where the record and the log go (default docs/gpu; on a simulated GPU build/gpu-tests)`

function options() {
  const names = { only: { type: 'string' }, match: { type: 'string' }, minutes: { type: 'string', default: '30' }, out: { type: 'string' } }
  try {
    const { values } = parseArgs({ options: names })
    const parts = ['doctor', ...(values.only?.split(',') ?? partNames.slice(1))] // who it was that ran is in every record
    const unknown = parts.find((part) => !partNames.includes(part))
    if (unknown) throw new Error(`--only: there is no part '${unknown}'`)
    if (!(Number(values.minutes) > 0)) throw new Error('--minutes: expected a number above 0')
    return { parts, match: values.match ?? '', minutes: Number(values.minutes), out: values.out }
  } catch (error) {
    console.error(`${error.message}\n${usage}`)
    process.exit(2)
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const { parts, match, minutes, out } = options()
const sim = process.env.GRUS_CUDA_SIM && resolve(process.env.GRUS_CUDA_SIM)
const begin = Date.now()
const deadline = begin + minutes * 60_000 - 5000 // for the record
const scratch = mkdtempSync(join(tmpdir(), 'grus-gpu-'))
const log = join(scratch, 'tests.log')
writeFileSync(log, '')

process.env.GRUS_CACHE_DIR = join(scratch, 'cache') // no tuning of an earlier run
if (sim) Object.assign(process.env, { GRUS_PREBUILD: sim, GRUS_CUDA_PATH: join(sim, 'lib') })

const where = { root, programs: sim ? join(sim, 'test') : join(root, 'build/gpu'), scratch, simulated: Boolean(sim) }
const steps = stepsOf(where, parts).filter(({ part, name }) => part === 'doctor' || name.includes(match))
if (match && steps.every(({ part }) => part === 'doctor')) {
  console.error(`--match: nothing in ${parts.slice(1).join(', ')} has '${match}' in its name`)
  process.exit(2)
}
const results = []
for (const step of steps) results.push(await take(step))

/** Runs one step in what is left of the time. */
async function take(step) {
  const left = (deadline - Date.now()) / 1000
  const { part, name } = step
  if (left < 5) return tell({ part, name, state: 'left out', seconds: 0, failures: [`no time was left of ${minutes} minutes`] })
  const started = Date.now()
  const end = await runStep(step, { cwd: root, log, seconds: Math.min(step.seconds, left) })
  const { failures = [], ...facts } = judge(step, end)
  const state = end.timedOut ? 'out of time' : failures.length > 0 ? 'failed' : 'passed'
  return tell({
    part,
    name,
    state,
    seconds: (Date.now() - started) / 1000,
    ...facts,
    ...(failures.length > 0 && { failures: failures.slice(0, 20).map((text) => text.replaceAll(root, '')) }),
  })
}

function judge(step, end) {
  try {
    return step.judge(end)
  } catch (error) {
    return { passed: 0, failed: 1, failures: [`its output could not be read: ${error.message}`] }
  }
}

function tell(result) {
  const { part, name, state, seconds, passed, failed, failures = [] } = result
  const counts = passed === undefined ? '' : `, ${passed} passed, ${failed} failed`
  console.log(`${state.padEnd(11)} ${part}: ${name}${counts}, ${seconds.toFixed(1)} s`)
  for (const failure of failures.slice(0, 3)) console.log(`            ${failure.split('\n')[0]}`)
  return result
}

const strip = (result, ...names) => Object.fromEntries(Object.entries(result).filter(([name]) => !names.includes(name)))
const devices = results.find(({ part }) => part === 'doctor')?.devices
const bad = results.filter(({ state }) => state !== 'passed')
const total = (field) => results.reduce((sum, result) => sum + (result[field] ?? 0), 0)
const missing = parts.filter((part) => !steps.some((step) => step.part === part))
const record = {
  ...heading(root, { devices, simulated: Boolean(sim), date: new Date(begin) }),
  parts,
  ...(match && { match }),
  ...(missing.length > 0 && { nothingToRun: missing }), // compute-sanitizer is not everywhere
  seconds: (Date.now() - begin) / 1000,
  passed: total('passed'),
  failed: total('failed'),
  ok: bad.length === 0,
  steps: results.map((result) => strip(result, 'answers', 'devices')),
  probe: results.find(({ part }) => part === 'probe')?.answers ?? [],
}

const folder = out ? resolve(out) : join(root, sim ? 'build/gpu-tests' : 'docs/gpu')
const file = writeRecord(folder, 'tests', record)
const logs = out ? folder : join(root, 'build/gpu-tests')
mkdirSync(logs, { recursive: true })
copyFileSync(log, join(logs, 'tests.log'))
rmSync(scratch, { recursive: true, force: true })
console.log(
  `${relative(process.cwd(), file)}\n${record.passed} passed, ${record.failed} failed, ${bad.length} of ${results.length} steps not passed`,
)
process.exitCode = record.ok ? 0 : 1
