// Two reports side by side.
import type { Report, ReportRow } from './report.js'
import { sizesOf } from './rows.js'
import { columns, engineLines, milliseconds } from './table.js'

interface Named {
  name: string
  report: Report
}

const told = ['precision', 'algorithm', 'graphs'] as const

/** Lines: what differs, a row for each shape and mode that both have, and what only one of them has. */
export function compareReports(a: Named, b: Named): string[] {
  // what is the same in all rows of each file is no part of a row's name, so that two precisions or algorithms can be compared
  const naming = told.filter((key) => [a, b].some(({ report }) => new Set(report.rows.map((row) => row[key])).size > 1))
  const [ofA, ofB] = [timesByName(a.report, naming), timesByName(b.report, naming)]
  const both = [...ofA.keys()].filter((name) => ofB.has(name))
  const lines = both.map((name) => {
    const [one, other] = [ofA.get(name)!, ofB.get(name)!]
    const ratio = (key: 'median' | 'best') => (one.ms![key] / other.ms![key]).toFixed(3)
    return [name, milliseconds(one.ms!.median), milliseconds(other.ms!.median), ratio('median'), ratio('best')]
  })
  const logs = both.map((name) => Math.log(ofA.get(name)!.ms!.median / ofB.get(name)!.ms!.median)).filter(Number.isFinite)
  const mean = Math.exp(logs.reduce((sum, value) => sum + value, 0) / logs.length)
  return [
    ...[a, b].flatMap(({ name, report }, i) => [
      `${'ab'[i]}: ${name}, ${report.date.slice(0, 10)}, grus ${report.grus}`,
      ...engineLines(report).map((line) => `   ${line}`),
    ]),
    ...differences(a.report, b.report).map((line) => `differs: ${line}`),
    '',
    ...(both.length > 0 ? columns([['row', 'a ms', 'b ms', 'a / b', 'of the best'], ...lines]) : ['no row is in both']),
    ...(logs.length > 0 ? [`geometric mean of a / b: ${mean.toFixed(3)}; above 1: b is faster`] : []),
    ...onlyIn('a', ofA, ofB),
    ...onlyIn('b', ofB, ofA),
  ]
}

function timesByName({ rows }: Report, naming: readonly (typeof told)[number][]): Map<string, ReportRow> {
  const nameOf = (row: ReportRow): string => {
    const parts = naming.map((key) => (key === 'graphs' ? (row.graphs ? 'graphs' : 'no graphs') : row[key]))
    return [row.mode, sizesOf(row.shape), ...parts].join(' ')
  }
  return new Map(rows.filter(({ ms }) => ms).map((row) => [nameOf(row), row]))
}

/** What a ratio may come from besides what was meant to be compared. */
function differences(a: Report, b: Report): string[] {
  const all = (report: Report, key: (typeof told)[number]) => [...new Set(report.rows.map((row) => String(row[key])))].join(', ')
  const facts = (report: Report): Record<string, unknown> => ({
    CPU: report.machine.cpu,
    cores: report.machine.cores,
    threads: report.machine.threads,
    platform: report.machine.platform,
    device: report.device,
    GPU: report.gpu?.name,
    driver: report.gpu?.driver,
    cuDNN: report.gpu?.cudnn,
    cuBLAS: report.gpu?.cublas,
    grus: report.grus,
    Node: report.node,
    precision: all(report, 'precision'),
    algorithm: all(report, 'algorithm'),
    graphs: all(report, 'graphs'),
  })
  const [ofA, ofB] = [facts(a), facts(b)]
  return Object.keys(ofA)
    .filter((name) => ofA[name] !== ofB[name])
    .map((name) => `${name}: ${ofA[name] ?? 'none'} / ${ofB[name] ?? 'none'}`)
}

function onlyIn(name: string, these: ReadonlyMap<string, unknown>, those: ReadonlyMap<string, unknown>): string[] {
  const alone = [...these.keys()].filter((row) => !those.has(row))
  return alone.length > 0 ? [`only in ${name}: ${alone.join(', ')}`] : []
}
