// What a record says instead of where things lie on a machine: records are committed, and the folders of who ran them are nobody's
// business.

import { realpathSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const foldersOf = (path = '') => path.split(delimiter).filter((folder) => folder.startsWith('/') && folder.length > 1)

/** Of a value of GRUS_CUDA_PATH what says which kind of installation it is: each folder from site-packages or lib on. */
export function kindOfPath(path) {
  const kind = (folder) => /(?:site|dist)-packages(?:\/.*)?$/.exec(folder)?.[0] ?? /\/(lib(?:64)?(?:\/.*)?)$/.exec(folder)?.[1]
  return foldersOf(path)
    .map((folder) => kind(folder) ?? folder.split('/').findLast(Boolean))
    .join(delimiter)
}

const realPath = (folder) => {
  try {
    return realpathSync(folder)
  } catch {
    return folder // it is gone, or may not be read
  }
}
const literally = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** What stands for each folder, the longest first: one may lie in another. */
function standIns() {
  const libraries = foldersOf(process.env.GRUS_CUDA_PATH).map((folder) => [folder, `…/${kindOfPath(folder)}`])
  const all = [[root, '.'], [homedir(), '~'], [tmpdir(), '$TMPDIR'], ...libraries]
  return all
    .flatMap(([folder, name]) => [...new Set([folder, realPath(folder)])].map((each) => [each.replace(/\/+$/, ''), name]))
    .filter(([folder]) => folder.length > 1)
    .sort(([a], [b]) => b.length - a.length)
}

/** The text of a record, without them. */
export function withoutPlaces(record) {
  const patterns = standIns().map(([folder, name]) => [new RegExp(`(?<![\\w.~-])${literally(folder)}(?![\\w-])`, 'g'), name])
  const clean = (text) => patterns.reduce((so, [pattern, name]) => so.replace(pattern, () => name), text)
  const packages = /(?<![\w.~…])\/[^\s:'"=]*\/((?:site|dist)-packages)(?![\w-])/g
  const told = (_, value) => (typeof value === 'string' ? clean(value).replace(packages, '…/$1') : value)
  return `${JSON.stringify(record, told, 2)}\n`
}
