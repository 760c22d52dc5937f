// The record of a run on a GPU: docs/gpu/<date>-<gpu>-<what>.json, `what` being tests or bench. The shape of a bench's is that of
// bench/gpu/run.mjs; below is that of the tests. It is written anew after every step, always whole.

import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { withoutPlaces } from './places.mjs'

/**
 * @typedef {'passed' | 'failed' | 'out of time' | 'left out' | 'not here'} State
 *   out of time: its own limit, which is for what hangs; left out: no time was left to begin or to end it, or the run had stopped;
 *   not here: the machine lacks the tool, which is no failure
 * @typedef {{ state: State | 'running' | 'waiting', seconds: number, passed: number, failed: number }} PartState the worst of its steps
 * @typedef {object} StepResult
 * @property {string} part
 * @property {string} name a program, a suite ...
 * @property {State} state
 * @property {number} seconds
 * @property {number} [passed]
 * @property {number} [failed]
 * @property {number} [skipped]
 * @property {number} [suites]
 * @property {number} [leftOut] rows of the benchmark for which no time was left
 * @property {string[]} [skips] why a program left something out
 * @property {string[]} [failures] at most 20 messages
 * @property {Record<string, { forward: number, gradients: number, cases: number }>} [parity] by precision, the largest errors of test/gpu
 *   against the CPU, as parts of 1 + the magnitude of the value
 * @property {string} [why] it is not here
 * @property {string} [said] of parts that decide nothing, `machine` and `explain`
 *
 * @typedef {object} TestRecord
 * @property {string} date ISO, when it began
 * @property {true} [simulated] its GPU was a simulation: no time in it means anything
 * @property {Record<'gpu' | 'capability' | 'driver' | 'cuda' | 'cudnn' | 'cublas' | 'cpu', string | null>} device
 * @property {string} grus the version
 * @property {string | null} commit
 * @property {{ commit?: string, changed?: boolean, nvcc?: string, architectures?: string }} [build] what build:gpu noted
 * @property {string} node
 * @property {boolean} all whether it was --all
 * @property {number} minutes
 * @property {number} lanes
 * @property {string} [cudaPath] the end of GRUS_CUDA_PATH, or of what Python answered in its place
 * @property {string[]} parts those that were asked for, in the order in which they run
 * @property {string} [match]
 * @property {Record<string, PartState>} states of each part
 * @property {string} [stopped] why nothing but the first parts ran: what was wrong and what to do
 * @property {number} seconds
 * @property {number} passed
 * @property {number} failed
 * @property {boolean} ended false while it runs, for good where it was killed
 * @property {boolean} ok ended, and every step passed or is not here
 * @property {StepResult[]} steps those that are over
 * @property {{ point: string, question: string, answer: unknown }[]} probe the answers of cudnn_probe
 * @property {{ name: string, count: number, us: number }[]} [kernels] of training steps, by Nsight Compute; us: of all calls together
 * @property {string | null} bench the file with the record of the benchmark, in the same folder
 */

const kebab = (text) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

const readJson = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined)

/** The commit that build:gpu noted; else that of the tree's own .git, read without git. */
function commitOf(root, built) {
  if (built?.commit) return built.commit
  const head = join(root, '.git/HEAD')
  if (!existsSync(head)) return undefined
  const [, ref] = /^ref: (.*)$/m.exec(readFileSync(head, 'utf8')) ?? []
  if (!ref) return readFileSync(head, 'utf8').trim()
  const file = join(root, '.git', ref)
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/** "580.159.04"; what `grus doctor` has is the CUDA version that the driver knows. */
function driverVersion() {
  const file = '/proc/driver/nvidia/version'
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return /^NVRM version:.*?(\d+\.\d+[\d.]*)/m.exec(text)?.[1] ?? null
}

/** GPU, driver and libraries, as `grus doctor --json` has them. */
export function describeDevice(devices = []) {
  const components = devices.find(({ device }) => device === 'cuda')?.components ?? []
  const find = (name) => components.find((component) => component.name === name)
  return {
    gpu: find('GPU 0')?.file ?? null,
    capability: find('GPU 0')?.version ?? null,
    driver: driverVersion(),
    cuda: find('driver')?.version?.replace('CUDA ', '') ?? null,
    cudnn: find('cuDNN')?.version ?? null,
    cublas: find('cuBLAS')?.version ?? null,
    cpu: devices.find(({ device }) => device === 'cpu')?.detail ?? null,
  }
}

/** What every record begins with. */
export function heading(root, { devices, simulated, date }) {
  const built = simulated ? undefined : readJson(join(root, 'build/gpu/build.json'))
  return {
    date: date.toISOString(),
    ...(simulated && { simulated: true }),
    device: describeDevice(devices),
    grus: readJson(join(root, 'package.json')).version,
    commit: commitOf(root, built) ?? null,
    ...(built && { build: built }),
    node: process.version,
  }
}

/** Replaces a file in one move, so that whatever ends this process leaves it whole. */
export function writeWhole(file, text) {
  const part = join(dirname(file), `.${basename(file)}.part`)
  writeFileSync(part, text)
  renameSync(part, file)
}

export const rewriteRecord = (file, record) => writeWhole(file, withoutPlaces(record))

/** Its path. An earlier record of the same day stays: the name gets a number. */
export function writeRecord(folder, what, record) {
  mkdirSync(folder, { recursive: true })
  const name = [record.date.slice(0, 10), kebab(record.device.gpu ?? 'no-gpu'), what].join('-')
  const part = join(folder, `.${name}.${process.pid}.part`)
  writeFileSync(part, withoutPlaces(record))
  try {
    for (let i = 1; ; i++) {
      const file = join(folder, i === 1 ? `${name}.json` : `${name}-${i}.json`)
      try {
        linkSync(part, file) // never over another one, written beside this
        return file
      } catch (error) {
        if (error.code !== 'EEXIST') throw error
      }
    }
  } finally {
    unlinkSync(part)
  }
}
