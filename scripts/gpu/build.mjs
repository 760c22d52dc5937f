// npm run build:gpu: all that a machine with a GPU but without a network needs: dist, build/Release/grus.node with the CUDA engine, and in
// build/gpu the programs of test/cuda. Needs nvcc. `--architectures 90-real` builds for one GPU alone: faster, and small.
// `--bundle .gpu/bundle.tar.xz` packs it all, with Node, for scripts/gpu/first-light.sh on a machine that has none.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeBundle } from './bundle.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values } = parseArgs({ options: { architectures: { type: 'string' }, jobs: { type: 'string' }, bundle: { type: 'string' } } })

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

/** What a command prints; nothing where there is no such command. */
function ask(command, ...args) {
  try {
    return execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

rmSync(join(root, 'build/gpu'), { recursive: true, force: true }) // programs that are gone
run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'])
const architectures = values.architectures ? [`-DCMAKE_CUDA_ARCHITECTURES=${values.architectures}`] : ['-UCMAKE_CUDA_ARCHITECTURES']
run('cmake', ['-S', '.', '-B', 'build/cmake-gpu', '-DGRUS_CUDA=on', '-DGRUS_GPU_TESTS=ON', ...architectures])
run('cmake', ['--build', 'build/cmake-gpu', '--parallel', values.jobs ?? String(availableParallelism())])
run('strip', ['--strip-unneeded', 'build/Release/grus.node'])

const cached = (name) => ask('grep', '-m1', `^${name}:`, 'build/cmake-gpu/CMakeCache.txt')?.replace(/^[^=]*=/, '')
const about = {
  commit: ask('git', 'rev-parse', 'HEAD'),
  changed: ask('git', 'status', '--porcelain', '--untracked-files=no') !== '',
  nvcc: /release ([\d.]+)/.exec(ask(cached('CMAKE_CUDA_COMPILER') ?? 'nvcc', '--version') ?? '')?.[1],
  architectures: cached('CMAKE_CUDA_ARCHITECTURES'),
}
writeFileSync(join(root, 'build/gpu/build.json'), `${JSON.stringify(about, null, 2)}\n`)

const programs = readdirSync(join(root, 'build/gpu'))
const bytes = programs.reduce(
  (sum, name) => sum + statSync(join(root, 'build/gpu', name)).size,
  statSync(join(root, 'build/Release/grus.node')).size,
)
console.log(`${programs.length - 1} programs and the addon, ${(bytes / 2 ** 20).toFixed(1)} MiB, for ${about.architectures}`)
if (values.bundle) {
  const [file, shared] = [resolve(values.bundle), process.env.GRUS_SHARED ?? join(root, '../shared')]
  try {
    const parts = ['dist', 'build/Release', 'build/gpu', 'node_modules']
    const packed = await makeBundle({ root, file, parts, ...(existsSync(shared) && { cases: shared }) })
    console.log(`${relative(process.cwd(), file)}, ${(packed / 2 ** 20).toFixed(1)} MiB`)
    console.log('take it along with the tree, then there: sh scripts/gpu/first-light.sh --minutes 9 --all --out <folder>')
  } catch (error) {
    console.error(`[build:gpu] ${error.message}`)
    process.exit(1)
  }
} else {
  console.log('take along: the tree, a Node binary, and  dist build/Release build/gpu node_modules')
  console.log('then there: node scripts/gpu/test.mjs --minutes 9 --all --out <folder>')
}
