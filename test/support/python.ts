// Other people's readers, where a Python with them is at hand: the one that GRUS_PYTHON names, else .venv's.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const venv = fileURLToPath(new URL('../../.venv', import.meta.url))

export interface Python {
  /** There is none with these modules; why has been printed. */
  skip: boolean
  /** The interpreter. */
  path: string
  /** What a program printed. Throws with what it said if it failed. */
  run(program: string, args?: readonly string[]): string
}

/** Imports the modules once, to see whether they are there. */
export function python(...modules: string[]): Python {
  const path = process.env.GRUS_PYTHON ?? join(venv, 'bin', 'python')
  const run = (program: string, args: readonly string[] = []): string => {
    const { status, stdout, stderr, error } = spawnSync(path, ['-c', program, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 })
    if (status !== 0) throw new Error(`${path} failed: ${error?.message ?? stderr}`)
    return stdout
  }
  let reason = !process.env.GRUS_PYTHON && !existsSync(path) ? `there is no ${path}; GRUS_PYTHON may name another` : undefined
  try {
    if (reason === undefined) run(`import ${modules.join(', ')}`)
  } catch (error) {
    reason = (error as Error).message.trim().split('\n').at(-1)
  }
  if (reason !== undefined) console.info(`tests with Python's ${modules.join(', ')} are left out: ${reason}`)
  return { skip: reason !== undefined, path, run }
}
