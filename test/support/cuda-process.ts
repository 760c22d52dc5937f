// Processes on the simulated CUDA, with copies of its libraries where a test wants them. GRUS_CUDA_SIM names the simulation's build folder.
import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { DeviceComponent, DeviceReport } from '../../lib/index.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const sim = resolve(root, process.env.GRUS_CUDA_SIM ?? 'build/cuda-sim')
export const simLibraries = join(sim, 'lib')
export const built = existsSync(join(sim, 'build/Release/grus.node')) && existsSync(join(simLibraries, 'libcudnn.so.9'))
beforeEach(({ skip }) => skip(!built, `the simulated CUDA is not built in ${sim}`))

export const scratch = mkdtempSync(join(tmpdir(), 'grus-cuda-load-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

export interface Answer {
  /** NVIDIA's libraries in the process after a session on the CPU, and at the end. */
  before: string[]
  opened: string[]
  error: { code: string; message: string } | null
  cuda: DeviceReport
  again?: DeviceReport
  warnings: { code?: string; message: string }[]
}

/** The addon of the simulation without the build's search path in it, or the loader would always find the simulation's libraries. */
function copyAddon(): void {
  const addon = readFileSync(join(sim, 'build/Release/grus.node'), 'latin1')
  const patched = addon.replaceAll(simLibraries, '$ORIGIN'.padEnd(simLibraries.length, '/'))
  mkdirSync(join(scratch, 'build/Release'), { recursive: true })
  writeFileSync(join(scratch, 'build/Release/grus.node'), Buffer.from(patched, 'latin1'))
  copyFileSync(join(simLibraries, 'libgrus_sim.so'), join(scratch, 'build/Release/libgrus_sim.so'))
  if (addon.includes('libasan.so')) sanitizer = execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim()
}
let sanitizer = ''
if (built) beforeAll(copyAddon)

export async function look({ LD_PRELOAD = '', ...env }: Record<string, string>, ...settings: string[]): Promise<Answer> {
  const { PATH = '', HOME = '' } = process.env
  const base = { PATH, HOME, GRUS_PREBUILD: scratch, LD_PRELOAD: `${sanitizer} ${LD_PRELOAD}`.trim(), ASAN_OPTIONS: 'detect_leaks=0' }
  const { stdout } = await run(process.execPath, [join(root, 'test/seam/programs/cuda-report.mjs'), ...settings], {
    env: { ...base, ...env },
  })
  return JSON.parse(stdout)
}

export const whole = (): string[] => readdirSync(simLibraries).filter((file) => /^lib(cudnn|cublas)/.test(file))
export const cudnnFiles = (): string[] => whole().filter((file) => file.startsWith('libcudnn'))
export const cublasFiles = (): string[] => whole().filter((file) => file.startsWith('libcublas'))

/** A folder with copies of these libraries; `{ as: from }` gives a copy another name. */
export function folder(name: string, files: readonly string[], renamed: Record<string, string> = {}): string {
  const path = join(scratch, name)
  mkdirSync(path, { recursive: true })
  for (const file of files) copyFileSync(join(simLibraries, file), join(path, file))
  for (const [as, from] of Object.entries(renamed)) copyFileSync(join(simLibraries, from), join(path, as))
  return path
}

export const component = ({ components = [] }: DeviceReport, name: string): DeviceComponent | undefined =>
  components.find((one) => one.name === name)
