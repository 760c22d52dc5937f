// Measures grus on the CPU beside its peers: node bench/run.mjs, options below. See docs/performance.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeArrays } from './arrays.mjs'
import { measureGrowth } from './growth.mjs'
import { describeMachine, load, processorTimes, stolenPercent } from './machine.mjs'
import { measure } from './measure.mjs'
import { buildPrograms } from './native.mjs'
import { peerNames, startPeers, takes } from './peers.mjs'
import { toReport } from './report.mjs'
import { baseOf } from './tables.mjs'
import { workloads } from './workloads.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    ms: { type: 'string', default: '100' }, // of one peer in one round
    limit: { type: 'string', default: '15' }, // seconds after which a row gets no further round
    threads: { type: 'string', default: '1,2' },
    only: { type: 'string', default: '' }, // part of a row's name or group; `growth` is one of its own
    peers: { type: 'string', default: peerNames.join() },
    python: { type: 'string', default: join(root, '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python') },
    build: { type: 'string', default: 'build/bench-cmake' }, // CMake's folder for the peers in C++
    out: { type: 'string' },
    note: { type: 'string' },
    tiny: { type: 'boolean', default: false }, // sizes that test the benchmark, and measure nothing
  },
})
const options = { rounds: Number(values.rounds), ms: Number(values.ms), limit: Number(values.limit) }
const threadCounts = values.threads.split(',').map(Number)
const wanted = values.peers.split(',')
const numbers = [...Object.values(options), ...threadCounts]
const unknown = wanted.find((name) => !peerNames.includes(name))
const say = (text) => process.stderr.write(`[bench] ${text}\n`)
if (unknown || !numbers.every((number) => number > 0)) {
  say(unknown ? `--peers: expected some of ${peerNames}, got '${unknown}'` : '--rounds, --ms, --limit, --threads: expected numbers above 0')
  process.exit(2)
}

await buildPrograms(values.build, say)
const folder = mkdtempSync(join(os.tmpdir(), 'grus-bench-'))
const peers = await startPeers(wanted, values.python, say)
try {
  const began = { date: new Date().toISOString(), load: load(), times: processorTimes(), clock: performance.now() }
  const { rows, growth } = workloads[values.tiny ? 'tiny' : 'everything']
  const chosen = rows.filter((row) => `${row.id} (${row.group})`.includes(values.only))
  const machine = describeMachine()
  const cpu = machine.cpu.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  const file = values.out ?? join(here, 'results', `${began.date.slice(0, 10)}-${cpu}.json`)
  mkdirSync(dirname(file), { recursive: true })
  const [results, grown] = [[], []]
  const minutes = () => Number(((performance.now() - began.clock) / 60_000).toFixed(1))
  const save = () => {
    const run = {
      date: began.date,
      machine,
      minutes: minutes(),
      loadBefore: began.load,
      loadAfter: load(),
      stolenPercent: stolenPercent(began.times, processorTimes()),
      ...(values.note && { note: values.note }),
      ...(values.tiny && { tiny: true }),
      msPerRound: options.ms,
      peers: Object.fromEntries(peers.map(({ name, info }) => [name, info])),
      results,
      growth: grown,
    }
    writeFileSync(file, `${JSON.stringify(run, undefined, 2)}\n`)
    return run
  }
  for (const [at, workload] of chosen.entries()) {
    if (!peers.some((peer) => !peer.limits && takes(peer, workload))) {
      say(`${workload.id}: nobody here computes it`)
      continue
    }
    const arrays = writeArrays(workload, folder)
    for (const threads of threadCounts) {
      const some = threads === threadCounts[0] ? peers : peers.filter(({ slow }) => !slow)
      results.push(await measure(workload, arrays, threads, some, folder, options))
      save() // whatever comes later
      say(`${at + 1} of ${chosen.length}, ${minutes()} min: ${workload.id}, ${threads} thread(s): ${sayResult(results.at(-1))}`)
    }
  }
  const native = peers.find(({ name }) => name === 'grus-native')
  if (native && 'growth'.includes(values.only)) {
    try {
      grown.push(...(await measureGrowth(growth, native, threadCounts[0], folder, { rounds: 3, ms: options.ms })))
    } catch (error) {
      say(`how the cost grows is left out: ${error.message}`)
    }
  }
  console.log(toReport(save()))
  say(`written to ${file}`)
} finally {
  for (const peer of peers) peer.close()
  rmSync(folder, { recursive: true, force: true })
}

function sayResult({ peers }) {
  return Object.entries(peers)
    .map(([name, { failed, median, against }]) => {
      if (failed) return `${name} FAILED: ${failed.split('\n')[0]}`
      const ratio = against?.[baseOf(name)]?.ratio
      return `${name} ${median} ms${name !== 'grus' && ratio ? ` (${ratio})` : ''}`
    })
    .join(', ')
}
