// npm run test:gpu: every test of the CUDA engine on this machine's GPU, with one JSON record of it all; with --all its speed too.
// Needs Node, the tree, dist, node_modules and what build:gpu made; no npm, no git, no network. With GRUS_CUDA_SIM=<a build of
// test/cuda-sim> it runs on that. Exit status: 0 all passed, 1 something did not, 2 nothing was begun, 3 the engine does not stand here.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isOutOfMemory, noMemory, reasonToStop } from './checks.mjs'
import { askPython, pythonOf } from './cuda-path.mjs'
import { readOptions } from './options.mjs'
import { outOfTime } from './outcomes.mjs'
import { RunRecord } from './run-record.mjs'
import { runStep, stopAll } from './run-step.mjs'
import { runStages, stages } from './stages.mjs'
import { explain, stepsOf } from './steps.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const date = new Date()
const options = readOptions(root, process.argv.slice(2))
const { parts, match, minutes, lanes, sim, records, logs, all } = options
const begin = date.getTime()
let deadline = begin + minutes * 60_000 - Math.min(5000, minutes * 6000) // for the record, and for what does not end at once
let [stopped, interrupted, unexplained] = [undefined, undefined, false]

const scratch = mkdtempSync(join(tmpdir(), 'grus-gpu-'))
const log = join(logs, 'tests.log')
writeFileSync(log, '')
if (sim) process.env.GRUS_PREBUILD = sim
if (sim) process.env.GRUS_CUDA_PATH ??= join(sim, 'lib')

const where = { root, programs: sim ? join(sim, 'test') : join(root, 'build/gpu'), scratch, simulated: Boolean(sim), lanes, match }
const always = ['doctor', 'machine', 'first']
const wanted = (step) => always.includes(step.part) || step.name.includes(match)
const steps = new Map(parts.map((part) => [part, stepsOf(where, part).filter(wanted)]))
if (match && parts.every((part) => always.includes(part) || steps.get(part).length === 0)) {
  rmSync(scratch, { recursive: true })
  console.error(`[test:gpu] --match: nothing in ${parts.slice(1).join(', ')} has '${match}' in its name`)
  process.exit(2)
}

const run = new RunRecord(root, {
  date,
  simulated: Boolean(sim),
  records,
  logs,
  parts,
  match,
  all,
  minutes,
  lanes,
  cudaPath: sim ? undefined : process.env.GRUS_CUDA_PATH,
})
run.plan(steps)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted ??= signal
    deadline = Date.now()
    stopAll()
  })
}

const secondsUntil = (until) => (Math.min(until, deadline) - Date.now()) / 1000
const isOver = (until) => secondsUntil(until) < Math.min(5, 6 * minutes)

/** Runs one step in what is left until `until`, and tells; `again`: what that cuts short comes once more, and is not told yet. */
async function take(step, until = deadline, again = false) {
  const { part, name } = step
  if (isOver(until)) return leaveOut(step)
  const started = Date.now()
  run.started(step)
  const cache = join(scratch, `cache-${part}-${name.replace(/\W+/g, '-')}`) // no tuning of an earlier run, none of another step
  const left = secondsUntil(until)
  const end = await runStep(
    { ...step, env: { GRUS_CACHE_DIR: cache, ...step.env } },
    { cwd: root, log, seconds: Math.min(step.seconds, left) },
  )
  const { failures = [], ...facts } = judge(step, end)
  const seconds = (Date.now() - started) / 1000
  // what is told its time has to end in it; any other may have been cut short, and what it found until then counts
  const isCut = end.timedOut && !end.stopped && step.seconds > left && typeof step.args !== 'function'
  if (isCut && failures.every((text) => text.startsWith(outOfTime))) return cut(step, { seconds, failures, ...facts }, again)
  const state = end.stopped || (end.timedOut && !isCut) ? 'out of time' : failures.length > 0 ? 'failed' : 'passed'
  return tell({ part, name, state, seconds, ...facts, ...(failures.length > 0 && { failures: failures.slice(0, 20) }) })
}

const cuts = new Map() // of each step that was cut short, how long it ran in all and what it had told

function cut(step, { seconds, failures, answers = [] }, again) {
  const before = cuts.get(step) ?? { seconds: 0, answers: [] }
  const most = answers.length > before.answers.length ? answers : before.answers // each time it answers from the first question on
  cuts.set(step, { seconds: before.seconds + seconds, failures, answers: most })
  run.cut(step)
  if (!again) return leaveOut(step)
  console.log(`cut short   ${step.part}: ${step.name}, ${seconds.toFixed(1)} s, it comes again if time is left`)
  return { state: 'cut' }
}

function leaveOut(step) {
  const { part, name } = step
  const { seconds = 0, failures = [], answers = [] } = cuts.get(step) ?? {}
  const reason = interrupted ? `stopped by ${interrupted}` : `no time was left of ${minutes} minutes`
  return tell({ part, name, state: 'left out', seconds, failures: [reason, ...failures], ...(answers.length > 0 && { answers }) })
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
  if (state !== 'left out') for (const failure of failures.slice(0, 3)) console.log(`            ${failure.split('\n')[0]}`)
  run.add(result)
  return result
}

/** Asks Python for NVIDIA's libraries where the loader found none and was told nothing. */
async function findLibraries() {
  const cudnn = () => run.devices?.find(({ device }) => device === 'cuda')?.components?.find(({ name }) => name === 'cuDNN')
  if (process.env.GRUS_CUDA_PATH || !cudnn() || cudnn().ok) return undefined
  const folder = await askPython(pythonOf(root), Math.max(1, Math.min(20, (deadline - Date.now()) / 1000)))
  if (!folder) return undefined
  console.log(`cuDNN      from ${folder}, as Python says`)
  process.env.GRUS_CUDA_PATH = folder
  run.forgetDoctor()
  await take(steps.get('doctor')[0])
  return folder
}

const readBuild = () => {
  const file = join(where.programs, 'build.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** What the first program's end means for the rest. */
function stopAfterFirst({ part }, { state, failures }) {
  if (part !== 'first' || ['passed', 'left out', 'cut'].includes(state) || interrupted) return
  if (isOutOfMemory(failures.join('\n'))) {
    stopped = noMemory
  } else {
    stopped = `the engine does not stand here: ${failures[0].replace(/\s+/g, ' ')}`
    unexplained = true
  }
}

async function main() {
  await take(steps.get('doctor')[0])
  const cudaPath = await findLibraries()
  const told = run.devices?.find(({ device }) => device === 'cuda')
  const cuda = told ?? { available: false, detail: run.bad[0]?.failures[0].replace(/\s+/g, ' ') }
  if (!interrupted) stopped = reasonToStop(cuda, readBuild())
  unexplained = Boolean(stopped) && !cuda.available && stopped !== noMemory
  run.write({ stopped, cudaPath }) // from here on after every step
  const takeAndSee = async (step, until, again) => {
    const result = await take(step, until, again)
    stopAfterFirst(step, result)
    return result.state
  }
  if (!stopped) await runStages(stages(lanes), steps, { begin, deadline, isOver, take: takeAndSee, goesOn: () => !stopped })
  if (unexplained) await Promise.all(explain(where).map((step) => take(step)))
}

await main()
const { record, file } = run.write({ final: true, ended: !interrupted, stopped })
rmSync(scratch, { recursive: true, force: true })
const { passed, failed } = record
console.log(relative(process.cwd(), file))
console.log(`${passed} passed, ${failed} failed, ${run.bad.length} of ${record.steps.length} steps not passed`)
if (stopped) console.error(`[test:gpu] ${stopped}`)
process.exit(interrupted ? 1 : stopped ? 3 : record.ok ? 0 : 1)
