import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cudnnFolders } from './cuda-path.mjs'
import { partNames, testNames } from './steps.mjs'

const usage = `node scripts/gpu/test.mjs [options]
  --all              everything: tests, benchmark, profile; made for  --minutes 9 --all
  --only <parts>     of ${partNames.join(',')}
                     (default ${testNames.join(',')})
  --match <text>     only programs and suites with this in their names
  --minutes <n>      ends in this time with a record, whatever is left (default 30)
  --lanes <n>        how many tests run side by side (default 4); what measures time runs alone
  --out <folder>     where records, the summary and the log go, at most 4 files
                     (default docs/gpu, and build/gpu-tests for the last two; on a simulated GPU all go to build/gpu-tests)`

/** What makes it useless to begin: one line that says what to do. */
class Refusal extends Error {}

function expect(condition, message) {
  if (!condition) throw new Refusal(message)
}

function parse(args) {
  const text = (value) => ({ type: 'string', ...(value && { default: value }) })
  const flag = { type: 'boolean', default: false }
  const options = { all: flag, help: flag, only: text(), match: text(), minutes: text('30'), lanes: text('4'), out: text() }
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new Refusal(`${error.message.split('\n')[0]}; --help lists the options`)
  }
}

function partsOf({ all, only }) {
  expect(!(all && only), '--all, --only: expected one of them')
  const asked = only?.split(',') ?? (all ? partNames : testNames)
  const unknown = asked.find((part) => !partNames.includes(part))
  expect(unknown === undefined, `--only: there is no part '${unknown}', expected some of ${partNames.join(',')}`)
  return partNames.filter((part) => part === 'doctor' || asked.includes(part)) // who it was that ran is in every record
}

function folderFor(option, folder) {
  const probe = join(folder, `.${process.pid}.part`)
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(probe, '')
    rmSync(probe)
  } catch (error) {
    throw new Refusal(`${option}: nothing can be written to ${folder} (${error.code}), name another folder with --out`)
  }
  return folder
}

function expectBuilt(root, sim) {
  const programs = sim ? join(sim, 'test') : join(root, 'build/gpu')
  const missing = [join(root, 'dist/cli/main.js'), programs].find((file) => !existsSync(file))
  const how =
    missing === programs && sim ? 'GRUS_CUDA_SIM names no build of test/cuda-sim' : 'run npm run build:gpu, or unpack the bundle it made'
  expect(!missing, `${missing} is not there: ${how}`)
}

function expectOneCudnn(path) {
  const [first, second] = cudnnFolders(path)
  expect(!second, `GRUS_CUDA_PATH leads to two copies of cuDNN, ${first} and ${second}: name one`)
}

/** Everything that is decided before anything runs. Ends the process with status 2 and one line where something is wrong. */
export function readOptions(root, args) {
  const sim = process.env.GRUS_CUDA_SIM && resolve(process.env.GRUS_CUDA_SIM)
  try {
    const { all, help, match = '', out, ...values } = parse(args)
    if (help) {
      console.log(usage)
      process.exit(0)
    }
    const parts = partsOf({ all, ...values })
    const [minutes, lanes] = [Number(values.minutes), Number(values.lanes)]
    expect(minutes > 0 && minutes <= 1440, `--minutes: expected a number above 0 and up to 1440, came '${values.minutes}'`)
    expect(Number.isInteger(lanes) && lanes > 0 && lanes <= 64, `--lanes: expected a whole number from 1 to 64, came '${values.lanes}'`)
    expectBuilt(root, sim)
    expectOneCudnn(process.env.GRUS_CUDA_PATH)
    const records = folderFor(
      out === undefined ? 'docs/gpu' : '--out',
      out ? resolve(out) : join(root, sim ? 'build/gpu-tests' : 'docs/gpu'),
    )
    const logs = out ? records : folderFor('build/gpu-tests', join(root, 'build/gpu-tests'))
    return { all, parts, match, minutes, lanes, sim, records, logs }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    console.error(`[test:gpu] ${error.message}`)
    process.exit(2)
  }
}
