#!/usr/bin/env node
// Builds build/<config>/grus.node from CMakeLists.txt through cmake-js: `node scripts/cmake.cjs [Release|Debug] [arch]`.
// Installed as `grus-build`, for platforms that no prebuild serves. `--list` prints the files the build reads.
'use strict'
const { spawnSync } = require('node:child_process')
const { readdirSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const root = path.join(__dirname, '..')
const args = process.argv.slice(2)

const filesBelow = (folder) =>
  readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
  )

if (args[0] === '--list') {
  console.log(['CMakeLists.txt', 'scripts/cmake.cjs', ...['cmake', 'native'].flatMap(filesBelow).sort()].join('\n'))
  process.exit(0)
}

const [config = 'Release', arch = process.arch] = args
let cmakeJs
try {
  cmakeJs = require.resolve('cmake-js/bin/cmake-js', { paths: [root, process.cwd()] })
} catch {
  console.error('[grus-build] expected cmake-js (and CMake >= 3.18, a C++17 compiler): npm install --save-dev cmake-js && npx grus-build')
  process.exit(1)
}

const env = { ...process.env }
for (const name of ['MAKEFLAGS', 'MFLAGS', 'MAKELEVEL']) delete env[name] // gyp's make must not reach into CMake's
const where = ['--directory', root, '--out', path.join(root, 'build', 'cmake')] // not build/: gyp keeps its own Makefile there
const how = ['--config', config, '--arch', arch, '--parallel', String(os.availableParallelism())]
const cmake = (verb) => {
  const { status, error } = spawnSync(process.execPath, [cmakeJs, verb, ...where, ...how], { stdio: 'inherit', env })
  if (error) throw error
  return status === 0
}

// Not its `compile`, which throws everything away at the first error in a source and compiles it all again.
const configured = cmake('configure') || (cmake('clean') && cmake('configure')) // a clone that was moved, another generator
process.exit(configured && cmake('build') ? 0 : 1)
