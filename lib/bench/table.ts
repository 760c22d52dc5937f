// A report for people.
import type { Limit } from './limits.js'
import type { Report } from './report.js'
import { nameOf } from './rows.js'

/** Columns as wide as they must be; all but the first are aligned right. */
export function columns(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines.map((line) =>
    line
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

export function toTable(report: Report): string {
  const { grus, node, date, rows, leftOut } = report
  const timed = rows.filter(({ ms }) => ms)
  const hosts = timed.some(({ hostMs }) => hostMs)
  const head = ['row', 'median ms', 'best', ...(hosts ? ['host ms'] : []), 'TFLOP/s', '% of limit']
  const cells = timed.map((row) => [
    nameOf(row),
    milliseconds(row.ms!.median),
    milliseconds(row.ms!.best),
    ...(hosts ? [row.hostMs ? milliseconds(row.hostMs.median) : ''] : []),
    row.tflops?.toPrecision(3) ?? '',
    row.percent?.toFixed(1) ?? '',
  ])
  return [
    `grus ${grus}, Node ${node}, ${date.slice(0, 10)}`,
    ...engineLines(report),
    ...report.method,
    ...report.limits.map(limitLine),
    '',
    ...(timed.length > 0 ? columns([head, ...cells]) : []),
    ...rows.flatMap((row) => (row.failed === undefined ? [] : [`${nameOf(row)}: ${row.failed}`])),
    ...(leftOut.length > 0 ? [`left out for lack of time: ${leftOut.join(', ')}`] : []),
  ].join('\n')
}

/** What computed, and on what. */
export function engineLines({ rows, machine, gpu, clocks }: Report): string[] {
  const engines = new Set(rows.flatMap(({ engine }) => engine ?? []))
  const { cpu, cores, threads, platform } = machine
  const lines = [...[...engines].map((engine) => `engine: ${engine}`), `${cpu}, ${cores} cores, ${threads} threads, ${platform}`]
  if (gpu) {
    const versions = Object.entries({ driver: gpu.driver, 'driver for': gpu.cuda, cuDNN: gpu.cudnn, cuBLAS: gpu.cublas })
    lines.push([gpu.name, ...versions.flatMap(([name, version]) => (version === null ? [] : `${name} ${version}`))].join(', '))
  }
  for (const when of ['before', 'after'] as const) {
    const each = clocks[when]?.map(
      ({ sm, maxSm, memory, temperature }) => `SM ${sm} of ${maxSm} MHz, memory ${memory} MHz, ${temperature} degrees`,
    )
    if (each) lines.push(`${when}: ${each.join('; ')}`)
  }
  return lines
}

export function milliseconds(value: number): string {
  return value < 0.1 ? value.toPrecision(3) : value < 10 ? value.toFixed(3) : value.toFixed(1)
}

export function limitLine({ precision, tflops, how }: Limit): string {
  return `limit of ${precision}: ${tflops.toPrecision(3)} TFLOP/s, ${how}`
}
