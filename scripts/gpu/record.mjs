// The record of a run on a GPU: docs/gpu/<date>-<gpu>-<what>.json.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

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

/** Its path. An earlier record of the same day stays: the name gets a number. */
export function writeRecord(folder, what, record) {
  mkdirSync(folder, { recursive: true })
  const name = [record.date.slice(0, 10), kebab(record.device.gpu ?? 'no-gpu'), what].join('-')
  const names = Array.from({ length: 100 }, (_, i) => (i === 0 ? name : `${name}-${i + 1}`))
  const free = names.find((each) => !existsSync(join(folder, `${each}.json`)))
  const file = join(folder, `${free}.json`)
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`)
  return file
}
