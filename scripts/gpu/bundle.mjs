// Packs what a machine with a GPU needs beside the tree, with Node itself, for one that has neither a network nor Node.
// scripts/gpu/first-light.sh unpacks it there.

import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { runStep, stopAll } from './run-step.mjs'

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

/** Bytes of what git tracks or would track: what travels beside the bundle. */
function treeSize(root, bundle) {
  const text = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
  const files = text.split('\0').flatMap((name) => (name ? resolve(root, name) : []))
  return files.filter((file) => file !== bundle && existsSync(file)).reduce((sum, file) => sum + lstatSync(file).size, 0)
}

/** Dies with this process, as all steps do. */
async function run(file, args) {
  process.env.XZ_OPT ??= '-6 -T0'
  const { status, signal, stdout, output } = await runStep({ part: 'bundle', name: file, file, args }, { cwd: '/', seconds: 3600 })
  if (status !== 0) throw new Error(`${file}: ${output.trim().split('\n').at(-1) || (signal ?? `exit status ${status}`)}`)
  return stdout
}

/** Of what was packed, in bytes before it was packed. */
async function weigh(packed, parts) {
  const sizes = new Map(parts.map((part) => [part, 0]))
  for (const line of (await run('tar', ['-tvJf', packed])).split('\n')) {
    const [, , size, , , name = ''] = line.split(/\s+/)
    const part = parts.find((each) => name.startsWith(`${each}/`))
    if (part) sizes.set(part, sizes.get(part) + Number(size))
  }
  return [...sizes].map(([part, bytes]) => `${part} ${mib(bytes)}`).join(', ')
}

/** In one move where both lie on one file system; else what a kill leaves of the copy is taken away by the next bundle. */
function move(from, to) {
  const part = join(dirname(to), `.${basename(to)}.part`)
  mkdirSync(dirname(to), { recursive: true })
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
 * @param {{ root: string, file: string, parts: string[], node?: string, cases?: string, most?: number }} what
 *   parts: paths in root; cases: the folder that GRUS_SHARED names; most: bytes of the bundle and the tree together
 * @returns the bundle's bytes
 * @throws Error where a part is missing, or more than `most` would have to travel: then with what each part weighs
 */
export async function makeBundle(what) {
  const missing = what.parts.find((part) => !existsSync(join(what.root, part)))
  if (missing) throw new Error(`${missing} is not there: npm run build:gpu makes it`)
  const folder = mkdtempSync(join(tmpdir(), 'grus-bundle-')) // what a kill leaves there does not travel with the tree
  const clean = () => rmSync(folder, { recursive: true, force: true })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const stop = () => {
    stopAll()
    clean()
    process.exit(130)
  }
  for (const signal of signals) process.on(signal, stop)
  try {
    return await pack(folder, what)
  } finally {
    clean()
    for (const signal of signals) process.off(signal, stop)
  }
}

async function pack(folder, { root, file, parts, node = process.execPath, cases, most = 63 * 2 ** 20 }) {
  mkdirSync(join(folder, 'bin'))
  copyFileSync(realpathSync(node), join(folder, 'bin/node'))
  await run('strip', ['-S', join(folder, 'bin/node')]).catch(() => {}) // without strip it is larger, and runs
  const packed = join(folder, 'bundle.tar.xz')
  const args = ['-cJf', packed, ...leftOut, '--exclude=*.map', '-C', root, ...parts, '-C', folder, 'bin']
  const all = [...parts, 'bin']
  if (cases && existsSync(join(cases, 'cases'))) {
    const name = basename(resolve(cases))
    args.push('-C', dirname(resolve(cases)), `--transform=s,^${name}/,shared/,`, `${name}/cases`)
    all.push('shared/cases')
  }
  await run('tar', args)
  const [bytes, tree] = [statSync(packed).size, treeSize(root, resolve(file))]
  if (bytes + tree > most) {
    const sizes = `the bundle has ${mib(bytes)}, the tree ${mib(tree)}: more than ${mib(most)} together`
    throw new Error(`${sizes}; unpacked: ${await weigh(packed, all)}. Name one GPU by --architectures`)
  }
  move(packed, file)
  return bytes
}
