// Packs what a machine with a GPU needs beside the tree, with Node itself, for one that has neither a network nor Node. scripts/gpu/first-light.sh
// unpacks it there.

import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'

// Tools that only build, lint, document or compare with other frameworks.
const leftOut = [
  'typescript*',
  '@typescript',
  '@biomejs',
  'typedoc*',
  'cmake-js',
  'prebuildify',
  'node-api-headers',
  'node-addon-api',
  'onnxruntime-*',
  '@tensorflow',
  'playwright*',
].map((name) => `--exclude=node_modules/${name}`)

const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`

function sizeOf(path) {
  const about = lstatSync(path)
  if (!about.isDirectory()) return about.size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

/** Bytes of what git tracks or would track: what travels beside the bundle. */
function treeSize(root) {
  const names = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
  return names.split('\0').reduce((sum, name) => (name && existsSync(join(root, name)) ? sum + lstatSync(join(root, name)).size : sum), 0)
}

function run(command, args) {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { XZ_OPT: '-6 -T0', ...process.env },
      maxBuffer: 1 << 26,
    })
  } catch (error) {
    throw new Error(
      error.code === 'ENOENT'
        ? `${command} is not on PATH: install it`
        : `${command}: ${String(error.stderr || error.message)
            .trim()
            .split('\n')
            .at(-1)}`,
    )
  }
}

/** In one move where both lie on one file system; else what a kill leaves of the copy is taken away by the next bundle. */
function move(from, to) {
  const part = join(dirname(to), `.${basename(to)}.part`)
  rmSync(part, { force: true })
  try {
    renameSync(from, to)
  } catch (error) {
    if (error.code !== 'EXDEV') throw error
    copyFileSync(from, part)
    renameSync(part, to)
  }
}

/**
 * Works in the system's folder for temporary files: what a kill leaves does not travel with the tree.
 * @param {{ root: string, file: string, parts: string[], node?: string, cases?: string, most?: number }} what parts: paths in root; cases: the
 *   folder that GRUS_SHARED names; most: bytes of the bundle and the tree together
 * @returns the bundle's bytes
 * @throws Error where a part is missing, or more than `most` would have to travel: then with what each part weighs
 */
export function makeBundle({ root, file, parts, node = process.execPath, cases, most = 63 * 2 ** 20 }) {
  const missing = parts.find((part) => !existsSync(join(root, part)))
  if (missing) throw new Error(`${missing} is not there: npm run build:gpu makes it`)
  const folder = mkdtempSync(join(tmpdir(), 'grus-bundle-'))
  const clean = () => rmSync(folder, { recursive: true, force: true })
  const stop = () => process.exit(130)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop)
  process.on('exit', clean)
  try {
    mkdirSync(join(folder, 'bin'))
    copyFileSync(realpathSync(node), join(folder, 'bin/node'))
    try {
      run('strip', ['-S', join(folder, 'bin/node')])
    } catch {} // without strip it is larger, and runs
    const packed = join(folder, 'bundle.tar.xz')
    const shared =
      cases && existsSync(join(cases, 'cases'))
        ? ['-C', dirname(resolve(cases)), `--transform=s,^${basename(resolve(cases))}/,shared/,`, `${basename(resolve(cases))}/cases`]
        : []
    const args = ['-cJf', packed, ...leftOut, '--exclude=*.map', '-C', root, ...parts, '-C', folder, 'bin']
    run('tar', [...args, ...shared])
    const [bytes, tree] = [statSync(packed).size, treeSize(root)]
    if (bytes + tree > most) {
      const weights = [
        ...parts.map((part) => [part, join(root, part)]),
        ['bin/node', join(folder, 'bin/node')],
        ...(shared.length > 0 ? [['shared/cases', join(cases, 'cases')]] : []),
      ]
      const told = weights.map(([name, path]) => `${name} ${mib(sizeOf(path))}`).join(', ')
      throw new Error(
        `the bundle has ${mib(bytes)}, the tree ${mib(tree)}: more than ${mib(most)} together; unpacked: ${told}. Name one GPU by --architectures`,
      )
    }
    mkdirSync(dirname(file), { recursive: true })
    move(packed, file)
    return bytes
  } finally {
    clean()
    process.off('exit', clean)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, stop)
  }
}
