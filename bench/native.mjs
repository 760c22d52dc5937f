// The peers written in C++: built where they can be, into build/bench.
import { existsSync, mkdirSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { withLock } from '../scripts/setup/lock.mjs'
import { root, run } from '../scripts/setup/run.mjs'

/** `folder`: CMake's; one that has a build of the engine already saves the time of another. Says what cannot be built. */
export async function buildPrograms(folder, say) {
  mkdirSync(join(root, folder), { recursive: true })
  await withLock(join(root, folder, '.lock'), () => build(folder, say))
}

async function build(folder, say) {
  const own = existsSync(join(root, folder, 'CMakeCache.txt')) ? [] : ['-DGRUS_ADDON=OFF', '-DGRUS_CUDA=off', '-DCMAKE_BUILD_TYPE=Release']
  const jobs = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(os.availableParallelism())
  for (const args of [
    ['-S', '.', '-B', folder, '-DGRUS_BENCH=ON', ...own],
    ['--build', folder, '--config', 'Release', '--target', 'bench_programs', '--parallel', jobs],
  ]) {
    const { ok, output } = await run('cmake', args)
    for (const [, line] of output.matchAll(/^-- bench: (.*)$/gm)) say(line)
    if (ok) continue
    say(`the peers in C++ could not be built: cmake ${args.join(' ')}\n${output.slice(-3000)}`)
    return
  }
}

export function programOf(name) {
  const file = join(root, 'build', 'bench', name)
  return existsSync(file) ? file : undefined
}
