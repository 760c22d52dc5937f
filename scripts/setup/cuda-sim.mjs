// build/cuda-sim: the engine on a simulated CUDA, for the tests, with sanitizers.
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root, run, SetupError, step, which } from './run.mjs'

export async function setUpSimulatedCuda() {
  if (process.platform !== 'linux' || !which('cmake')) return
  await step('simulated CUDA for the tests (cmake)', async () => {
    const build = ['--build', 'build/cuda-sim', '--parallel', String(availableParallelism())]
    const configure = ['-S', 'test/cuda-sim', '-B', 'build/cuda-sim', '-DGRUS_SANITIZE=ON']
    const commands = existsSync(join(root, 'build/cuda-sim/CMakeCache.txt')) ? [build] : [configure, build]
    for (const args of commands) {
      const { ok, output } = await run('cmake', args)
      if (!ok) throw new SetupError(`${output.slice(-8000)}\n[setup] the simulated CUDA did not compile`)
    }
  })
}
