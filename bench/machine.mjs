import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'

/** What a result is worth depends on these. */
export function describeMachine() {
  const model = os.cpus()[0].model.trim()
  return {
    cpu: model,
    cores: os.availableParallelism(),
    virtual: existsSync('/proc/cpuinfo') && /^flags.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8')),
    caches: caches(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    os: `${os.type()} ${os.release()}${distribution()}`,
    node: process.version,
    commit: commit(),
  }
}

/** Shares of the processors' time since another call to it; undefined where the system does not tell. */
export function processorTimes() {
  if (!existsSync('/proc/stat')) return undefined
  const [user, nice, system, idle, wait, irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return { total: user + nice + system + idle + wait + irq + softirq + steal, steal }
}

export function stolenPercent(before, after) {
  return before && after ? Number(((100 * (after.steal - before.steal)) / (after.total - before.total)).toFixed(2)) : undefined
}

export const load = () => Number(os.loadavg()[0].toFixed(2))

function distribution() {
  if (!existsSync('/etc/os-release')) return ''
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]
  return name ? `, ${name}` : ''
}

/** Of the first core: 'L1 data 48K, L2 2048K, L3 307200K'; undefined where the system does not tell. */
function caches() {
  const folder = '/sys/devices/system/cpu/cpu0/cache'
  if (!existsSync(folder)) return undefined
  const entries = readdirSync(folder).filter((name) => /^index\d+$/.test(name))
  const all = entries.map((name) => ['level', 'type', 'size'].map((what) => readFileSync(join(folder, name, what), 'utf8').trim()))
  const named = all.filter(([, type]) => type !== 'Instruction')
  return named.map(([level, type, size]) => `L${level} ${type === 'Unified' ? '' : `${type.toLowerCase()} `}${size}`).join(', ')
}

function commit() {
  const git = (...args) => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const changed = git('status', '--porcelain', '--', 'lib', 'native', 'CMakeLists.txt') ? ', with changes' : ''
    return git('rev-parse', '--short', 'HEAD') + changed
  } catch {
    return undefined
  }
}
