// numpy's archive of several arrays: a zip file of NAME.npy.
import * as z from 'zod'
import { check, GrusError } from '../errors.js'
import { flag } from '../spec/fields.js'
import { parse } from '../spec/parse.js'
import { describe, type Tensor, type TensorLike } from '../tensor.js'
import { npyParts } from './npy.js'
import { decodeNpy } from './npy-decode.js'
import type { ZipReader } from './zip.js'

/** Options of {@link writeNpz}. */
export interface WriteNpzOptions {
  /** Deflates the arrays, as `numpy.savez_compressed` does; default false. */
  compress?: boolean
}

const schema = z.strictObject({ compress: flag.default(false) })

/**
 * Reads the arrays of a file that `numpy.savez` or `numpy.savez_compressed` wrote, by name and in the file's order, each as {@link readNpy} does.
 *
 * @throws GrusError as readNpy; UNSUPPORTED too for an entry that is no array
 */
export async function readNpz(path: string): Promise<Map<string, Tensor>> {
  const zip = await (await import('./zip.js')).openZip('readNpz', path)
  try {
    return await arraysIn(zip, 'readNpz', path)
  } finally {
    zip.close()
  }
}

export async function arraysIn(zip: ZipReader, where: string, path: string): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>()
  for (const entry of zip.names) {
    if (!entry.endsWith('.npy')) throw new GrusError('UNSUPPORTED', `[${where}] ${path}: '${entry}' is no array, whose names end in .npy`)
    const { size, chunks } = zip.stream(entry)
    tensors.set(entry.slice(0, -4), await decodeNpy(where, `${path}: '${entry}'`, size, chunks))
  }
  return tensors
}

/**
 * Writes arrays that `numpy.load` reads by these names. The same arrays give the same bytes; an old file stays until the new one is whole.
 *
 * @throws GrusError INVALID_ARGUMENT if it cannot be written, or for a name that no file in an archive can have (`..`, `\`, a leading `/`)
 */
export async function writeNpz(
  path: string,
  tensors: ReadonlyMap<string, TensorLike> | Readonly<Record<string, TensorLike>>,
  options: WriteNpzOptions = {},
): Promise<void> {
  const where = 'writeNpz'
  const { compress } = parse(where, schema, options)
  check(typeof tensors === 'object' && tensors !== null, where, `tensors must be a Map or an object of tensors, got ${describe(tensors)}`)
  const entries = tensors instanceof Map ? [...tensors] : Object.entries(tensors)
  const files = entries.map(([name, value]: [string, TensorLike]) => {
    checkName(where, name)
    return { name: `${name}.npy`, data: npyParts(where, `'${name}'`, value), compress }
  })
  await (await import('./zip.js')).writeZip(where, path, files)
}

/** What else no archive can have, its writer says; a backslash it would make a slash, and half a character another one. */
function checkName(where: string, name: unknown): void {
  const fits = typeof name === 'string' && name !== '' && !name.includes('\\') && Buffer.from(name).toString() === name
  check(
    fits && Buffer.byteLength(name) <= 1000,
    where,
    `a tensor's name must be text of 1 to 1000 bytes without '\\', got ${describe(name)}`,
  )
}
