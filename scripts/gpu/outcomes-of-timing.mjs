// What the benchmark and the profiler left.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { badEnd, lastLines, shorten } from './outcomes.mjs'

/** Of the record in `folder`. A row that grus could not compute, or not alike, is a failure; who else could not is in that record. */
export function judgeBench(folder) {
  return (end) => {
    const file = existsSync(folder) && readdirSync(folder).find((name) => name.endsWith('.json'))
    if (!file) return { passed: 0, failed: 1, failures: [...badEnd(end), ...(end.status === 0 ? ['it left no record'] : [])] }
    const bench = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    const failures = bench.rows.flatMap(({ id, subjects }) =>
      subjects
        .filter(({ name, failed }) => failed && failed !== 'the time was over' && /^(grus|cuDNN)/.test(name))
        .map(({ name, failed }) => shorten(`${id}: ${name}: ${failed}`, 400)),
    )
    const passed = bench.rows.filter(({ subjects }) => subjects.some(({ ms }) => ms)).length
    if (passed === 0 && failures.length === 0) failures.push('nothing was measured', ...badEnd(end))
    return { passed, failed: failures.length, ...(bench.leftOut.length > 0 && { leftOut: bench.leftOut.length }), failures, bench }
  }
}

/** Nsight Compute's CSV: the kernels by name, the longest in all first. Who may not read the GPU's counters is told so by the driver. */
export function judgeProfile(profiled) {
  return (end) => {
    if (end.output.includes('ERR_NVGPUCTRPERM')) return { state: 'not here', why: 'the driver lets only administrators read the counters' }
    const failures = badEnd(end)
    if (!profiled) return { passed: failures.length ? 0 : 1, failed: failures.length, failures }
    const kernels = kernelsOf(end.stdout)
    if (kernels.length === 0 && failures.length === 0) failures.push(`no kernel was profiled: ${lastLines(end.output)}`)
    return { passed: kernels.length, failed: failures.length, failures, kernels }
  }
}

const cellsOf = (line) => [...line.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map(([, cell]) => cell.replaceAll('""', '"'))
const micro = { nsecond: 1e-3, ns: 1e-3, usecond: 1, us: 1, msecond: 1e3, ms: 1e3, second: 1e6, s: 1e6 }

function kernelsOf(text) {
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('"'))
    .map(cellsOf)
  const head = lines.find((cells) => cells.includes('Kernel Name'))
  if (!head) return []
  const at = (cells, name) => cells[head.indexOf(name)]
  const kernels = new Map()
  for (const cells of lines) {
    const us = Number(at(cells, 'Metric Value')?.replaceAll(',', '')) * micro[at(cells, 'Metric Unit')]
    if (!(us >= 0)) continue
    const name = shorten(at(cells, 'Kernel Name'), 120)
    const before = kernels.get(name) ?? { count: 0, us: 0 }
    kernels.set(name, { count: before.count + 1, us: before.us + us })
  }
  const all = [...kernels].map(([name, { count, us }]) => ({ name, count, us: Number(us.toFixed(3)) }))
  return all.sort((a, b) => b.us - a.us).slice(0, 40)
}
