// The peers written in C++: built where they can be, into build/bench.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import os from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = (name) => join(root, 'build', 'bench', name)

/** `folder`: CMake's; one that has a build of the engine already saves the time of another. Says what cannot be built. */
export function buildPrograms(folder, say) {
  const own = existsSync(join(root, folder, 'CMakeCache.txt')) ? [] : ['-DGRUS_ADDON=OFF', '-DGRUS_CUDA=off', '-DCMAKE_BUILD_TYPE=Release']
  const jobs = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(os.availableParallelism())
  for (const args of [
    ['-S', '.', '-B', resolve(root, folder), '-DGRUS_BENCH=ON', ...own],
    ['--build', resolve(root, folder), '--config', 'Release', '--target', 'bench_programs', '--parallel', jobs],
  ]) {
    const { status, error, stdout, stderr } = spawnSync('cmake', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
    for (const [, line] of `${stdout}`.matchAll(/^-- bench: (.*)$/gm)) say(line)
    if (status === 0) continue
    say(`the peers in C++ are skipped: ${error ? error.message : `cmake ${args.join(' ')} failed:\n${`${stdout}${stderr}`.slice(-3000)}`}`)
    return
  }
}

export const programOf = (name) => (existsSync(program(name)) ? program(name) : undefined)
