// The report of a run: node bench/report.mjs bench/results/<file>.json prints it; with --write it goes into docs/performance.md, a short
// table into README.md, and a chart into docs/performance.svg, all below --root.
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fill } from '../scripts/fill-page.mjs'
import { toChart } from './chart.mjs'
import { barsTable, growthTables, narrowTable, recordTable, rowsTable, shortTable } from './tables.mjs'

const headings = {
  inference: 'Inference of one and of few rows',
  'bfloat16 weights': 'Inference with weights in bfloat16',
  throughput: 'Inference of many rows',
  DeepBench: "Inference: DeepBench's sizes, with fewer steps",
  'forward+backward': 'Forward and backward',
  'training step': 'Whole training steps',
}

export function toReport(run) {
  const { results, growth } = run
  const section = (title, lines) => (lines.length > 0 ? ['', `### ${title}`, '', ...lines] : [])
  const failures = results.flatMap(({ workload, threads, peers }) =>
    Object.entries(peers).flatMap(([name, { failed }]) =>
      failed ? [`- ${workload}, ${threads} thread(s): ${name}: ${failed.split('\n')[0]}`] : [],
    ),
  )
  const groups = [...new Set(results.map(({ group }) => group))]
  return [
    ...about(run),
    ...groups.flatMap((group) => {
      const rows = results.filter((row) => row.group === group)
      return section(headings[group] ?? group, rowsTable(rows))
    }),
    ...section('What weights in bfloat16 bring', narrowTable(results)),
    ...section('For the record: other GRUs in JavaScript', recordTable(results)),
    ...section('How the cost grows: time of one step of one row', growthTables(growth).slice(1)),
    ...section('Not timed, because they failed or disagreed', failures),
    ...section('Bars', barsTable(results)),
  ].join('\n')
}

function about({ date, machine, peers, minutes, tiny, note, loadBefore, loadAfter, stolenPercent, results }) {
  const engines = [...new Set(results.flatMap(({ peers }) => peers.grus?.engine ?? []))].join('; ')
  const versions = Object.entries(peers).flatMap(([name, { version }]) => (version ? [`${name} ${version}`] : []))
  const measured = results.filter(({ limits }) => limits)
  const most = (threads, name) => Math.max(...measured.filter((row) => row.threads === threads).map((row) => row.limits[name] ?? 0))
  const peaks = [...new Set(measured.map(({ threads }) => threads))].map(
    (threads) => `${threads} thread(s) FMA ${most(threads, 'fma')}, GEMM ${Math.max(most(threads, 'gemm'), most(threads, 'sgemm'))}`,
  )
  const stolen = stolenPercent === undefined ? '' : `; ${stolenPercent} % of the time went to other machines`
  return [
    ...(tiny ? ['**Tiny sizes, which test the benchmark: the times say nothing.**', ''] : []),
    `${date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores${machine.virtual ? ' of a virtual machine' : ''}, ${machine.os}.`,
    `Caches: ${machine.caches ?? 'unknown'}.`,
    `grus at ${machine.commit ?? 'an unknown commit'}, engine \`${engines}\`, Node ${machine.node}.`,
    `Peers: ${versions.join(', ') || 'none'}.`,
    ...(peaks.length > 0 ? [`Best GFLOP/s seen: ${peaks.join('; ')}.`] : []),
    `${minutes} minutes; load ${loadBefore} before, ${loadAfter} after${stolen}.`,
    ...(note ? [note] : []),
  ]
}

const headlines = ({ results }) => results.filter(({ headline }) => headline)

function write(run, file, root) {
  const source = `From [${basename(file)}](../bench/results/${basename(file)}).`
  fill(
    join(root, 'docs', 'performance.md'),
    'result',
    `${source}\n\n![Times of the peers in times of grus](performance.svg)\n\n${toReport(run)}`,
  )
  const threads = Math.max(...run.results.map((row) => row.threads))
  const says = `Times of other libraries divided by those of grus, ${threads} thread(s), ${run.machine.cpu}, ${run.date.slice(0, 10)}:`
  fill(join(root, 'README.md'), 'bench', `${says}\n\n${shortTable(headlines(run), threads).join('\n')}`)
  writeFileSync(join(root, 'docs', 'performance.svg'), toChart(headlines(run)))
}

function readRun(file) {
  try {
    return JSON.parse(readFileSync(file ?? '', 'utf8'))
  } catch (error) {
    console.error(`[bench] expected a result of npm run bench, such as bench/results/<file>.json, got '${file ?? ''}': ${error.message}`)
    process.exit(2)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      write: { type: 'boolean', default: false },
      root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
    },
  })
  const run = readRun(positionals[0])
  console.log(toReport(run))
  if (values.write) write(run, positionals[0], values.root)
}
