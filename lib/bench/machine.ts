// What a time is worth depends on these.
import { execFile } from 'node:child_process'
import os from 'node:os'
import { promisify } from 'node:util'
import { diagnose } from '../diagnose.js'
import { getThreads } from '../threads.js'
import type { Clocks, GpuInfo, MachineInfo } from './report.js'

const execute = promisify(execFile)

export function describeMachine(threads: number | undefined): MachineInfo {
  const cpu = os.cpus()[0]?.model.trim() ?? 'unknown'
  return { cpu, cores: os.availableParallelism(), threads: threads ?? getThreads(), platform: `${process.platform}-${process.arch}` }
}

/** Null where the device is the CPU. */
export async function describeGpu(device: string): Promise<GpuInfo | null> {
  if (device === 'cpu') return null
  const components = diagnose().find((report) => report.device === 'cuda')?.components ?? []
  const find = (name: string) => components.find((component) => component.name === name)
  const index = device.split(':')[1] ?? '0'
  const smi = await query(['name', 'driver_version'])
  return {
    name: find(`GPU ${index}`)?.file ?? 'unknown',
    cuda: find('driver')?.version ?? null,
    driver: smi?.[0]?.[1] ?? null,
    cudnn: find('cuDNN')?.version ?? null,
    cublas: find('cuBLAS')?.version ?? null,
  }
}

/** Of each GPU, as nvidia-smi has them: MHz, degrees, W. Null where there is no nvidia-smi, or it does not answer. */
export async function readClocks(): Promise<Clocks[] | null> {
  const lines = await query(['name', 'clocks.sm', 'clocks.mem', 'clocks.max.sm', 'temperature.gpu', 'power.draw'])
  const number = (text: string | undefined): number | null => (text && Number.isFinite(Number(text)) ? Number(text) : null)
  return (
    lines?.map(([name = '', sm, memory, maxSm, temperature, power]) => ({
      name,
      sm: number(sm),
      memory: number(memory),
      maxSm: number(maxSm),
      temperature: number(temperature),
      power: number(power),
    })) ?? null
  )
}

async function query(fields: readonly string[]): Promise<string[][] | null> {
  try {
    const { stdout } = await execute('nvidia-smi', [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'], {
      timeout: 10_000,
    })
    const lines = stdout.trim().split('\n')
    return lines.map((line) => line.split(',').map((value) => value.trim()))
  } catch {
    return null
  }
}
