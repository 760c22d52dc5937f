// The C++ test programs of test/native, each its own process. They are built beside the addon, on the same engine library.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const built = join(root, 'build', 'cmake')
const programs = readdirSync(join(root, 'test', 'native'))
  .filter((file) => file.endsWith('_test.cc'))
  .map((file) => basename(file, '.cc'))

// bench.test.ts builds in the same folder
const { withLock } = await import(new URL('../scripts/setup/lock.mjs', import.meta.url).href)
mkdirSync(built, { recursive: true })

const cmakeMissing = await run('cmake', ['--version']).then(
  () => '',
  () => 'no cmake here: the C++ test programs cannot be built',
)

describe('C++ test programs', () => {
  beforeAll(async () => {
    if (cmakeMissing) return
    await withLock(join(built, '.lock'), async () => {
      if (!existsSync(join(built, 'CMakeCache.txt'))) await run(process.execPath, ['scripts/cmake.cjs'], { cwd: root })
      await run('cmake', ['-S', '.', '-B', built, '-DGRUS_NATIVE_TESTS=ON'], { cwd: root })
      const jobs = String(availableParallelism())
      const build = ['--build', built, '--config', 'Release', '--target', 'native_tests', '--parallel', jobs]
      await run('cmake', build, { cwd: root, maxBuffer: 1 << 26 }).catch((error: { stdout: string; stderr: string }) => {
        throw new Error(`the C++ test programs did not compile:\n${error.stdout}${error.stderr}`)
      })
    })
  }, 900_000)

  test('there are some', () => {
    expect(programs.length).toBeGreaterThan(0)
  })

  test.each(programs)(
    '%s',
    async (program) => {
      const { status, output } = await run(join(built, program), [], { cwd: root, maxBuffer: 1 << 26 }).then(
        ({ stdout, stderr }) => ({ status: 0, output: stdout + stderr }),
        (error: { code: unknown; stdout: string; stderr: string }) => ({ status: error.code, output: error.stdout + error.stderr }),
      )
      const counts = /(\d+) passed, (\d+) failed/.exec(output)
      expect(counts, `expected a line 'N passed, N failed', came:\n${output}`).not.toBeNull()
      expect({ status, failed: Number(counts?.[2]) }, output).toEqual({ status: 0, failed: 0 })
      expect(Number(counts?.[1])).toBeGreaterThan(0)
    },
    600_000,
  )
})
