// npm run bench:gpu: grus on this machine's GPU beside PyTorch and cuDNN's own calls, with one JSON record. Needs Node, dist,
// build/Release/grus.node and build/gpu/cuda_gru_bench (npm run build:gpu), and Python with PyTorch for the peers; no npm, git or network.
// With GRUS_CUDA_SIM=<a build of test/cuda-sim> and --tiny it runs on that. All compute the same arrays, and nothing is timed before its
// results agree.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import { delimiter, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pythonOf } from '../../scripts/gpu/cuda-path.mjs'
import { heading, writeRecord } from '../../scripts/gpu/record.mjs'
import { asWords, Worker } from '../worker.mjs'
import { clocks } from './clocks.mjs'
import { ceilings } from './limits.mjs'
import { measureRow } from './measure.mjs'
import { rowsOf, sweepOf } from './rows.mjs'
import { algorithms, modes } from './subjects.mjs'
import { toTable } from './table.mjs'

const usage = `node bench/gpu/run.mjs [options]
  --only <text>      rows with this in their names; 'sweep': cuDNN's algorithms on many shapes
  --minutes <n>      ends in this time with a record, whatever is left (default 9)
  --out <folder>     where the record goes (default docs/gpu; with --tiny build/gpu-bench)
  --rounds <n>       of each row (default 5)
  --ms <n>           time of one side in one round (default 40)
  --subjects <names> grus' algorithms, of heuristic,standard,autotune (default: all three)
  --torch <modes>    of eager,graph,compile,compile-rnn (default eager,graph, since compiling takes minutes; none: '')
  --dynamic          the sweep tries PERSIST_DYNAMIC too, which cuDNN compiles for each shape
  --python <path>    with PyTorch (default $GRUS_PYTHON, else .venv/bin/python, else python3)
  --tiny             small sizes, for a simulated GPU; PyTorch then computes on the CPU`

function readOptions() {
  const text = (value) => ({ type: 'string', ...(value !== undefined && { default: value }) })
  try {
    const { values } = parseArgs({
      options: {
        only: text(''),
        minutes: text('9'),
        out: text(),
        rounds: text('5'),
        ms: text('40'),
        subjects: text(algorithms.join(',')),
        torch: text('eager,graph'),
        dynamic: { type: 'boolean', default: false },
        python: text(),
        tiny: { type: 'boolean', default: false },
      },
    })
    for (const name of ['minutes', 'rounds', 'ms']) {
      if (!(Number(values[name]) > 0)) throw new Error(`--${name}: expected a number above 0`)
      values[name] = Number(values[name])
    }
    for (const [name, known] of [
      ['subjects', algorithms],
      ['torch', modes],
    ]) {
      values[name] = values[name].split(',').filter(Boolean)
      const unknown = values[name].find((one) => !known.includes(one))
      if (unknown) throw new Error(`--${name}: there is no '${unknown}', there are ${known.join(', ')}`)
    }
    if (values.subjects.length === 0) throw new Error(`--subjects: expected at least one of ${algorithms.join(', ')}`)
    return values
  } catch (error) {
    console.error(`${error.message}\n${usage}`)
    process.exit(2)
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = join(root, 'bench/gpu')
const options = readOptions()
const sim = process.env.GRUS_CUDA_SIM && resolve(process.env.GRUS_CUDA_SIM)
const began = Date.now()
let deadline = began + options.minutes * 60_000 - Math.min(5000, options.minutes * 6000) // for the record
const left = () => (deadline - Date.now()) / 1000
const say = (text) => console.log(`[bench] ${text}`)
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    deadline = Date.now()
    for (const worker of Object.values(workers)) worker.kill()
  })
}

const folder = mkdtempSync(join(os.tmpdir(), 'grus-bench-gpu-'))
// no tuning of an earlier run
const env = { GRUS_CACHE_DIR: join(folder, 'cache'), ...(sim && { GRUS_PREBUILD: sim, GRUS_CUDA_PATH: join(sim, 'lib') }) }
const tuned = join(env.GRUS_CACHE_DIR, 'gru-algorithms.tsv') // what autotune found, each algorithm's time or refusal
const skipped = []
const workers = {}

/** Starts a worker; one that cannot even introduce itself is left out, with its reason. */
async function introduce(name, worker) {
  try {
    const info = await worker.ask({ command: 'info' }, Math.max(1, Math.min(60, left())))
    workers[name] = worker
    return info
  } catch (error) {
    worker.kill()
    skipped.push({ worker: name, reason: error.message.slice(0, 1000) })
    say(`${name} is skipped: ${error.message.split('\n')[0]}`)
    return undefined
  }
}

async function introduceAll() {
  const python = options.python ?? pythonOf(root)
  let torch
  if (options.torch.length > 0) {
    const args = ['-B', '-W', 'ignore', join(here, 'torch_peer.py'), ...(options.tiny ? ['--cpu'] : [])]
    torch = await introduce('torch', new Worker('torch', python, args))
    if (torch && options.torch.some((mode) => mode.startsWith('compile')))
      workers['torch-compile'] = new Worker('torch-compile', python, args)
  }
  // the same cuDNN for both, unless told otherwise
  if (!sim && torch?.folders?.length && !process.env.GRUS_CUDA_PATH) env.GRUS_CUDA_PATH = torch.folders.join(delimiter)
  const grus = await introduce('grus', new Worker('grus', process.execPath, [join(here, 'grus_peer.mjs')], { env }))
  const program = sim ? join(sim, 'test/cuda_gru_bench') : join(root, 'build/gpu/cuda_gru_bench')
  const native = await introduce('native', new Worker('native', program, [], { env, encode: asWords }))
  return { grus, native, torch }
}

async function measureCeilings() {
  if (!workers.torch) return undefined
  return workers.torch.ask({ command: 'ceilings' }, Math.min(60, left())).catch((error) => {
    skipped.push({ worker: 'torch', reason: `ceilings: ${error.message.slice(0, 300)}` })
    return undefined
  })
}

async function measureRows(rows, run, until) {
  const [results, leftOut] = [[], []]
  for (const row of rows) {
    if (left() < until) {
      leftOut.push(row.id)
      continue
    }
    const result = await measureRow(row, run)
    results.push(result)
    say(`${result.id}: ${briefly(result)}`)
  }
  return { results, leftOut }
}

function briefly({ subjects, metric }) {
  const timed = subjects.filter(({ ms }) => ms).map(({ name, ms }) => `${name} ${ms[metric].median}`)
  const failed = subjects.filter(({ failed }) => failed).map(({ name, failed }) => `${name}: ${failed.split('\n')[0]}`)
  return `${timed.join(', ')} ms${failed.length > 0 ? `; ${failed.join('; ')}` : ''}`
}

async function sweep(shapes) {
  const [results, leftOut] = [[], []]
  for (const { training, ...shape } of shapes) {
    if (left() < 1) {
      leftOut.push({ ...shape, training })
      continue
    }
    const request = { command: 'sweep', ...shape, training: Number(training), ...(options.dynamic && { dynamic: 1 }) }
    const answer = await workers.native
      .ask(request, Math.max(1, Math.min(30, left())))
      .catch((error) => ({ failed: error.message.slice(0, 500) }))
    results.push({ ...shape, training, ...answer })
  }
  say(`sweep: ${results.length} shapes, ${leftOut.length} left out`)
  return { shapes: results, leftOut: leftOut.length }
}

async function main() {
  const { grus, native, torch } = await introduceAll()
  const cuda = grus?.devices.find(({ device }) => device === 'cuda')
  if (grus && !cuda.available) {
    say([cuda.detail, ...(cuda.advice ?? [])].join('\n- '))
    process.exitCode = 1
    return
  }
  const before = clocks()
  const measured = await measureCeilings()
  const limits = ceilings(native?.gpu, measured)
  const { subjects, rounds, ms } = options
  const run = { workers, algorithms: subjects, torchModes: torch ? options.torch : [], folder, rounds, ms, limits, left }
  const sweeps = workers.native && (options.only === '' || options.only === 'sweep')
  const reserved = sweeps && options.only === '' ? 12 * options.minutes : 0 // seconds of the sweep: a fifth of the time
  const rows = rowsOf(options)
  const { results, leftOut } =
    grus || native ? await measureRows(rows, run, reserved + Math.min(5, options.minutes)) : { results: [], leftOut: [] }
  const swept = sweeps && left() > 1 ? await sweep(sweepOf(options)) : undefined
  const record = {
    ...heading(root, { devices: grus?.devices, simulated: Boolean(sim), date: new Date(began) }),
    ...(options.tiny && { tiny: true }),
    torch: torch ? { ...torch, folders: undefined } : null,
    skipped,
    clocks: { before, after: clocks() },
    limits,
    ...(options.only && { only: options.only }),
    subjects,
    msPerRound: ms,
    seconds: (Date.now() - began) / 1000,
    rows: results,
    leftOut,
    ...(swept && { sweep: swept }),
    tuned: existsSync(tuned) ? readFileSync(tuned, 'utf8').trim().split('\n') : [],
  }
  const into = options.out ? resolve(options.out) : join(root, sim || options.tiny ? 'build/gpu-bench' : 'docs/gpu')
  const file = writeRecord(into, 'bench', record)
  console.log(toTable(record))
  say(`${relative(process.cwd(), file)}: ${results.length} rows, ${leftOut.length} left out`)
  if (!swept && !results.some(({ subjects }) => subjects.some(({ ms }) => ms))) process.exitCode = 1 // nothing was measured
}

try {
  await main()
} finally {
  for (const worker of Object.values(workers)) worker.kill()
  rmSync(folder, { recursive: true, force: true })
}
