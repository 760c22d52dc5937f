// npm pack, then what a user does with the tarball: install it in an empty folder where PATH has node and npm and nothing else, and run a GRU.
// Argument: a folder to work in. Expects prebuilds/ to be there.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const work = process.argv[2]
const maxPackedBytes = 12 << 20 // most of it is code for five generations of GPUs
const check = (condition, expected) => {
  if (!condition) throw new Error(`pack-smoke: expected ${expected}`)
}

const [packed] = Object.values(JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', work], { encoding: 'utf8' })))
const files = packed.files.map((file) => file.path)
console.log(
  `${packed.filename}: ${files.length} files, ${(packed.size / 1024).toFixed(0)} KiB packed, ${(packed.unpackedSize / 1024).toFixed(0)} KiB unpacked`,
)
const prebuild = `prebuilds/${process.platform}-${process.arch}/grus.node`
for (const wanted of [
  prebuild,
  'dist/index.js',
  'dist/index.d.ts',
  'CMakeLists.txt',
  'scripts/cmake.cjs',
  'native/backend.h',
  'LICENSE',
  'README.md',
]) {
  check(files.includes(wanted), `${wanted} in the tarball`)
}
const stray = files.filter((file) => /^(binding\.gyp|build\/|lib\/|test\/|examples\/|bench\/|docs\/|\.)|setup/.test(file))
check(stray.length === 0, `no ${stray.join(', ')} in the tarball`)
check(packed.size < maxPackedBytes, `less than ${maxPackedBytes} bytes packed, is ${packed.size}`)

const bin = join(work, 'bin')
const user = join(work, 'user')
mkdirSync(bin)
mkdirSync(user)
const npm = execFileSync('/bin/sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim()
symlinkSync(process.execPath, join(bin, 'node'))
symlinkSync(realpathSync(npm), join(bin, 'npm'))
writeFileSync(join(user, 'package.json'), '{ "private": true, "type": "module" }\n')
copyFileSync(join(import.meta.dirname ?? dirname(process.argv[1]), 'smoke.mjs'), join(user, 'smoke.mjs'))

const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_PATH|GRUS_)/.test(name)))
const outputOf = (command, args, more = {}) => {
  const env = { ...environment, PATH: bin, ...more }
  return execFileSync(join(bin, command), args, { cwd: user, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}
const run = (...command) => process.stdout.write(outputOf(...command))
run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(work, packed.filename)])
run('node', ['smoke.mjs'], { GRUS_BLAS: 'none' })
run('node', ['smoke.mjs'], { GRUS_BLAS: 'none', PREBUILDS_ONLY: '1' })
const sizes = ['--hidden', '8', '--batch', '2', '--steps', '3', '--rounds', '1', '--seconds', '0.01']
const { rows } = JSON.parse(outputOf('node', ['node_modules/grus/dist/cli/main.js', 'bench', '--cpu', ...sizes, '--json', '-']))
check(rows.length === 3 && rows.every(({ ms }) => ms.median > 0), 'grus bench to time its three modes')
