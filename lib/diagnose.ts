import type { DeviceName } from './engine-options.js'
import { GrusError } from './errors.js'
import { native } from './native.js'

/** What one device offers on this machine. */
export interface DeviceReport {
  device: 'cpu' | 'cuda'
  available: boolean
  /** The engine that would compute, or why there is none. */
  detail: string
}

/**
 * Says for each device which engine it offers here, or why it offers none.
 *
 * @throws GrusError BACKEND_UNAVAILABLE if the native addon cannot be loaded at all
 */
export function diagnose(): DeviceReport[] {
  return native()
    .devices()
    .map(({ device, available, detail }) => ({ device, available, detail: detail.replace(/^\[[^\]]*\] /, '') }))
}

/**
 * The device that 'auto' stands for here, or the one asked for.
 *
 * @throws GrusError BACKEND_UNAVAILABLE, with the reason, if the device asked for cannot compute
 */
export function pickDevice(where: string, device: 'auto' | DeviceName): DeviceReport {
  const reports = diagnose()
  const cuda = reports.find((report) => report.device === 'cuda')
  if (device !== 'auto' && device !== 'cpu' && !cuda?.available) {
    throw new GrusError(
      'BACKEND_UNAVAILABLE',
      `[${where}] device '${device}' cannot be used here: ${cuda?.detail ?? 'this build has no such device'}`,
    )
  }
  return device !== 'cpu' && cuda?.available ? cuda : reports.find((report) => report.device === 'cpu')!
}
