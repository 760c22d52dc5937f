// Other people's readers, where a Python with them is at hand: the one that GRUS_PYTHON names, else .venv's.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const pythonPath = process.env.GRUS_PYTHON ?? join(fileURLToPath(new URL('../../.venv', import.meta.url)), 'bin', 'python')

/** What a program printed. Throws with what it said if it failed. */
export function runPython(program: string, args: readonly string[] = []): string {
  const { status, stdout, stderr, error } = spawnSync(pythonPath, ['-c', program, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(`${pythonPath} failed: ${error?.message ?? stderr}`)
  return stdout
}

/** Why there is no Python with these modules, for a test's `skip`; undefined if there is one. */
export function pythonMissing(...modules: string[]): string | undefined {
  if (!process.env.GRUS_PYTHON && !existsSync(pythonPath))
    return `GRUS_PYTHON names no Python with ${modules.join(', ')}, and there is no .venv`
  try {
    runPython(`import ${modules.join(', ')}`)
    return undefined
  } catch (error) {
    return (error as Error).message.trim().split('\n').at(-1)
  }
}
