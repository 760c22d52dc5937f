import type { DeviceName } from './engine-options.js'
import { GrusError } from './errors.js'
import { type LibrarySetting, librarySettings } from './library-settings.js'
import { type NativeCudaReport, native } from './native.js'

/** One thing that a GPU engine needs: the driver, a GPU, a library. */
export interface DeviceComponent {
  /** `'driver'`, `'GPU 0'`, `'cuDNN'` */
  name: string
  ok: boolean
  /** The library's file name, or the GPU's name. */
  file?: string
  version?: string
  /** Where the library was loaded from. */
  path?: string
  /** Why it is not used. */
  problem?: string
  /** The other places that were searched, each with what was in the way there. */
  tried?: string[]
}

/** What one device offers on this machine. */
export interface DeviceReport {
  device: 'cpu' | 'cuda'
  available: boolean
  /** The engine that would compute, or why there is none. */
  detail: string
  /** Of `'cpu'`: how many a model takes that does not say; absent where `GRUS_NUM_THREADS` is no number. */
  threads?: number
  /** Where that number comes from, e.g. `'4 cores, cgroup allows 1.5'`, or why there is none. */
  threadsReason?: string
  /** Of `'cuda'`: why results may be wrong although it computes. */
  warning?: string
  /** Of `'cuda'`: what it needs, and what of it is here. */
  components?: DeviceComponent[]
  /** Of `'cuda'`: environment variables that are set and change what it computes; absent where there are none. */
  settings?: LibrarySetting[]
  /** What would make the device available, one step or command each. */
  advice?: string[]
}

/**
 * Says for each device which engine it offers here, or why it offers none. For `'cuda'` it looks for the driver, the GPUs and NVIDIA's libraries,
 * and loads them.
 *
 * @throws GrusError BACKEND_UNAVAILABLE if the native addon cannot be loaded at all
 */
export function diagnose(): DeviceReport[] {
  const report = native().cudaReport(true)
  const { threads, reason } = native().threads()
  const settings = librarySettings()
  return engines().map((engine) => {
    if (engine.device === 'cpu') return { ...engine, ...(threads > 0 && { threads }), threadsReason: reason }
    const detail = engine.available ? engine.detail : report.problem || engine.detail
    const components = report.components.map(toComponent)
    const { warning } = report
    return {
      ...engine,
      detail,
      ...(warning && { warning }),
      components,
      ...(settings.length > 0 && { settings }),
      advice: report.advice,
    }
  })
}

/**
 * The device that 'auto' stands for here, or the one asked for.
 *
 * @throws GrusError BACKEND_UNAVAILABLE, with the reason, if the device asked for cannot compute
 */
export function pickDevice(where: string, device: 'auto' | DeviceName): DeviceReport {
  const reports = engines()
  const cuda = reports.find((report) => report.device === 'cuda')
  if (device !== 'auto' && device !== 'cpu' && !cuda?.available) {
    throw new GrusError(
      'BACKEND_UNAVAILABLE',
      `[${where}] device '${device}' cannot be used here: ${cuda?.detail ?? 'this build has no such device'}`,
    )
  }
  return device !== 'cpu' && cuda?.available ? cuda : reports.find((report) => report.device === 'cpu')!
}

let lookedForDriver = false
let lookedForDoubt = false

/**
 * Warns, once each, where 'auto' took the CPU of a machine that has an NVIDIA driver (a GPU that is not used should not go unnoticed), and
 * where a GPU computes with libraries that are known to go wrong on it.
 */
export function warnOfDevice(asked: 'auto' | DeviceName, used: DeviceName): void {
  if (used !== 'cpu') warnOfDoubt()
  if (lookedForDriver || asked !== 'auto' || used !== 'cpu') return
  lookedForDriver = true
  const { driver, problem } = native().cudaReport(false)
  if (!driver) return
  const reason = problem || engines().find(({ device }) => device === 'cuda')?.detail
  process.emitWarning(`device 'auto' is the CPU here, the GPU cannot be used: ${reason}\n'npx grus doctor' says what would help`, {
    type: 'GrusWarning',
    code: 'GRUS_CUDA_UNUSABLE',
  })
}

function warnOfDoubt(): void {
  if (lookedForDoubt) return
  lookedForDoubt = true
  const { warning } = native().cudaReport(false)
  if (warning) process.emitWarning(warning, { type: 'GrusWarning', code: 'GRUS_CUDA_DOUBTFUL' })
}

/** Which device computes with what; touches no more than a session would. */
function engines(): DeviceReport[] {
  return native()
    .devices()
    .map(({ device, available, detail }) => ({
      device,
      available,
      detail: detail.replace(/^\[[^\]]*\] (device 'cuda' is not available: )?/, ''),
    }))
}

function toComponent({ name, ok, file, version, path, problem, tried }: NativeCudaReport['components'][number]): DeviceComponent {
  return {
    name,
    ok,
    ...(file && { file }),
    ...(version && { version }),
    ...(path && { path }),
    ...(problem && { problem }),
    ...(!ok && tried.length > 0 && { tried }),
  }
}
