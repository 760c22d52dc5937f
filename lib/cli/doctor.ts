import { Command } from 'commander'
import { type DeviceComponent, type DeviceReport, diagnose } from '../diagnose.js'

/** Its exit status is 0 when it could look, whatever it saw: a machine without a GPU is not an error. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say which engines can compute here, what the GPU engine found, and what would help where it cannot')
    .option('--json', 'print what diagnose() returns')
    .action(({ json }: { json?: boolean }) => {
      const reports = diagnose()
      console.log(json ? JSON.stringify(reports, null, 2) : reports.map(showDevice).join('\n\n'))
    })
}

function showDevice(report: DeviceReport): string {
  const { device, available, detail, threads, threadsReason, warning, components = [], settings = [], advice = [] } = report
  const lines = [`${device}: ${available ? 'available' : 'not available'}, ${detail}`]
  if (threadsReason) lines.push(`  threads ${threads ? `${threads} (${threadsReason})` : threadsReason}`)
  lines.push(...showComponents(components))
  lines.push(...settings.map(({ name, value, effect }) => `  ${name}=${value} changes results: ${effect}`))
  if (warning) lines.push(`warning: ${warning}`)
  if (advice.length > 0) lines.push('possible solutions:', ...advice.map((line) => `- ${line}`))
  return lines.join('\n')
}

/** A table of name, file or GPU, and state; below a thing that is missing the places that were searched. */
function showComponents(components: readonly DeviceComponent[]): string[] {
  const width = (text: (component: DeviceComponent) => string) => Math.max(0, ...components.map((component) => text(component).length + 2))
  const names = width(({ name }) => name)
  const files = width(({ file = '' }) => file)
  return components.flatMap(({ name, file = '', ok, version, path, problem, tried = [] }) => {
    const state = ok ? ['ok', version] : [version ? `${version}: ${problem}` : problem]
    const line = `  ${name.padEnd(names)}${file.padEnd(files)}${[...state, path].filter(Boolean).join('  ')}`
    return [line, ...tried.map((place) => `  ${' '.repeat(names)}- ${place}`)]
  })
}
