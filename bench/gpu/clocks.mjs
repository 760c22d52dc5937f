import { execFileSync } from 'node:child_process'

const fields = ['name', 'clocks.sm', 'clocks.mem', 'clocks.max.sm', 'temperature.gpu', 'power.draw', 'utilization.gpu']

/** Of each GPU, as nvidia-smi has it: MHz, degrees, W, %. Null where there is no nvidia-smi. */
export function clocks() {
  try {
    const args = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits']
    const text = execFileSync('nvidia-smi', args, { encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'] })
    return text
      .trim()
      .split('\n')
      .map((line) => Object.fromEntries(line.split(', ').map((value, at) => [fields[at], at === 0 ? value : Number(value)])))
  } catch {
    return null
  }
}
