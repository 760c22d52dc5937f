import { existsSync, readFileSync } from 'node:fs'

/** Whether a process is there; one that has ended and waits to be collected is not. */
export function processLives(pid: number): boolean {
  const file = `/proc/${pid}/status`
  try {
    return existsSync(file) && !/^State:\s+[ZX]/m.test(readFileSync(file, 'utf8'))
  } catch {
    return false // it has gone in between
  }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}
