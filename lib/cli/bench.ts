import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { BaseEngine } from '../bench/engine.js'
import { type List, lists, type Mode, modes, rowsOf } from '../bench/rows.js'
import { pickDevice } from '../diagnose.js'
import { algorithms, type DeviceName, type GruAlgorithm, type Precision, precisions, settleEngine } from '../engine-options.js'
import { check } from '../errors.js'
import { cannot, checkPath } from '../files/paths.js'
import { replaceFile } from '../files/replace-file.js'
import { decimal, wholeNumber } from './convert.js'

interface Flags {
  cpu?: boolean
  gpu?: boolean
  device?: DeviceName
  list?: List
  hidden?: number[]
  input?: number[]
  batch?: number[]
  steps?: number[]
  layers?: number[]
  directions?: number[]
  mode?: Mode[]
  precision: Precision[]
  algorithm: GruAlgorithm[]
  graphs: boolean
  threads?: number
  rounds: number
  seconds: number
  minutes: number
  json?: string
  compare?: string[]
}

const where = 'grus bench'

/** Its exit status is 1 where a row could not be measured, whatever the others took. */
export function benchCommand(version: string): Command {
  return new Command('bench')
    .description('time GRUs on this machine: forward, forward with backward, training steps; or compare two such runs')
    .option('--gpu', 'the first GPU')
    .option('--cpu', 'the CPU (default: the GPU where there is one that can be used)')
    .option('--device <name>', "'cuda:1' is the second GPU", deviceName)
    .addOption(new Option('--list <name>', "DeepBench's GRUs, for training and for servers; short: a minute's worth").choices(lists))
    .option('--hidden <list>', 'H, numbers with commas between them; every combination of these lists is a row (default: 256)', sizes)
    .option('--input <list>', 'I (default: as hidden)', sizes)
    .option('--batch <list>', 'B (default: 32)', sizes)
    .option('--steps <list>', 'T (default: 50)', sizes)
    .option('--layers <list>', 'L (default: 1)', sizesUpTo(1024))
    .option('--directions <list>', '1 or 2 (default: 1)', sizesUpTo(2))
    .option('--mode <list>', `of ${modes.join(', ')} (default: forward,training,step; of DeepBench no steps)`, namesOf(modes))
    .option('--precision <list>', `of ${precisions.join(', ')}`, namesOf(precisions), ['float32'])
    .option('--algorithm <list>', `of cuDNN: ${algorithms.join(', ')}`, namesOf(algorithms), ['heuristic'])
    .option('--no-graphs', 'without CUDA graphs')
    .option('--threads <n>', 'of the CPU engine (default: what grus doctor says)', threads)
    .option('--rounds <n>', 'of which the median is taken', within('a whole number from 1 to 1000', wholeNumber, 1, 1000), 5)
    .option('--seconds <n>', 'of one row, all rounds together', within('a number from 0.001 to 3600', decimal, 0.001, 3600), 0.5)
    .option('--minutes <n>', 'the rows that do not fit are left out', within('a number from 0.01 to 1440', decimal, 0.01, 1440), 10)
    .option('--json <file>', "where the results go as JSON too; '-': to the standard output, instead of the table")
    .option('--compare <files...>', 'two files that --json wrote: prints the ratio of each row, and measures nothing')
    .action(async (flags: Flags, command: Command) => {
      if (flags.compare) {
        const others = Object.keys(flags).find((name) => name !== 'compare' && command.getOptionValueSource(name) === 'cli')
        check(others === undefined, where, `--compare measures nothing: leave out --${others}`)
        await compare(flags.compare)
      } else await bench(flags, version)
    })
}

async function bench(flags: Flags, version: string): Promise<void> {
  const device = deviceOf(flags)
  const base: BaseEngine = { device, ...(flags.threads !== undefined && { threads: flags.threads }) }
  for (const precision of flags.precision) {
    settleEngine(where, { ...base, precision, algorithm: 'heuristic', graphs: true, inferenceWeights: 'float32' })
  }
  const { mode, precision, algorithm, ...selection } = flags
  const asked = { ...selection, modes: mode, precisions: precision, algorithms: algorithm }
  const rows = rowsOf(where, asked, device === 'cpu' ? 'cpu' : 'cuda')
  if (flags.json !== undefined && flags.json !== '-') await checkTarget(flags.json)
  const [{ measure }, { toTable }] = await Promise.all([import('../bench/measure.js'), import('../bench/table.js')])
  let interrupted = false
  process.once('SIGINT', () => {
    interrupted = true
    console.error(`[${where}] interrupted: what has been measured follows; once more ends it at once`)
  })
  const end = Date.now() + flags.minutes * 60_000
  const report = await measure({
    base,
    rows,
    rounds: flags.rounds,
    seconds: flags.seconds,
    left: () => (interrupted ? 0 : (end - Date.now()) / 1000),
    say: (line) => console.error(`[${where}] ${line}`),
    version,
  })
  const json = `${JSON.stringify(report, null, 1)}\n`
  if (flags.json === '-') process.stdout.write(json)
  else console.log(toTable(report))
  if (flags.json !== undefined && flags.json !== '-') {
    await replaceFile(flags.json, [Buffer.from(json)]).catch((cause: unknown) => {
      throw cannot(where, 'write', flags.json!, cause)
    })
    console.log(`written to ${flags.json}`)
  }
  if (report.rows.length === 0 || report.rows.some(({ failed }) => failed !== undefined)) process.exitCode = 1
}

async function compare(files: readonly string[]): Promise<void> {
  const [a, b, ...rest] = files
  check(a !== undefined && b !== undefined && rest.length === 0, where, `--compare takes two files, got ${files.length}`)
  const [{ compareReports }, { readReport }] = await Promise.all([import('../bench/compare.js'), import('../bench/report.js')])
  const named = async (name: string) => ({ name, report: await readReport(where, name) })
  console.log(compareReports(await named(a), await named(b)).join('\n'))
}

/** @throws GrusError BACKEND_UNAVAILABLE for a GPU where there is none */
function deviceOf({ cpu, gpu, device }: Flags): DeviceName {
  const asked = [...(cpu ? ['cpu' as const] : []), ...(gpu ? ['cuda' as const] : []), ...(device ? [device] : [])]
  check(asked.length <= 1, where, 'give one of --gpu, --cpu and --device')
  const [one] = asked
  if (one !== undefined && one !== 'cpu') pickDevice(where, one)
  return one ?? (pickDevice(where, 'auto').device as DeviceName)
}

/** Before the minutes of measuring. */
async function checkTarget(path: string): Promise<void> {
  checkPath(where, path)
  try {
    const found = await stat(path).catch(() => undefined)
    if (found && !found.isFile()) throw new Error('it is no regular file')
    await access(dirname(path), constants.W_OK)
  } catch (cause) {
    throw cannot(where, 'write', path, cause)
  }
}

function deviceName(value: string): DeviceName {
  if (/^(cpu|cuda(:(0|[1-9]\d{0,2}))?)$/.test(value)) return value as DeviceName
  throw new InvalidArgumentError('Expected cpu, cuda, or cuda:1 and so on.')
}

function sizes(value: string): number[] {
  return sizesUpTo(2 ** 31 - 1)(value)
}

function sizesUpTo(most: number): (value: string) => number[] {
  return (value) =>
    value.split(',').map((part) => {
      const size = /^\d{1,10}$/.test(part) ? Number(part) : 0
      if (size >= 1 && size <= most) return size
      throw new InvalidArgumentError(`Expected whole numbers from 1 to ${most} with commas between them, such as 256,512.`)
    })
}

function namesOf<Name extends string>(known: readonly Name[]): (value: string) => Name[] {
  return (value) => {
    const given = value.split(',')
    if (given.every((name) => known.includes(name as Name))) return given as Name[]
    throw new InvalidArgumentError(`Expected some of ${known.join(', ')}, with commas between them.`)
  }
}

function within(text: string, read: (value: string) => number, least: number, most: number): (value: string) => number {
  return (value) => {
    const number = read(value)
    if (number >= least && number <= most) return number
    throw new InvalidArgumentError(`Expected ${text}.`)
  }
}

const threads = within('a whole number from 1 to 64', wholeNumber, 1, 64)
