// The zip archive of torch.save: PREFIX/data.pkl with the structure, PREFIX/data/KEY with the numbers of each storage.
import { stat } from 'node:fs/promises'
import { convertInto, type ReadableType, roomFor } from '../../files/elements.js'
import { cannot } from '../../files/paths.js'
import { openZip, type ZipReader } from '../../files/zip.js'
import { sizeOf, type Tensor } from '../../tensor.js'
import { errorsOf } from '../model-data.js'
import { gather } from './gather.js'
import { numberNotes } from './number-notes.js'
import { type PickleErrors, unpickle } from './pickle.js'
import type { Unreadable } from './read-state-dict.js'
import { findStateDict } from './state-dict-in.js'
import { type Storage, type StoredTensor, storageBytes, tensorRules } from './stored-tensor.js'

/** Tensors, and why others cannot be read. */
export interface ArchiveTensors {
  tensors: Map<string, Tensor>
  unreadable: Map<string, Unreadable>
  notes: string[]
}

/** A pickle has some 200 bytes a tensor. */
const mostPickle = 2 ** 27
/** Views of one storage may come to more than the file; beyond this they are an attack. */
const mostGrowth = 16

export async function readTorchArchive(where: string, path: string, key: string | undefined): Promise<ArchiveTensors> {
  const errors = errorsOf(where, path)
  const { size } = await stat(path).catch((cause) => {
    throw cannot(where, 'read', path, cause)
  })
  const zip = await openZip(where, path)
  try {
    return await readEntries(zip, size, key, errors)
  } finally {
    zip.close()
  }
}

/** @param size - of the whole archive, which bounds what is read from it */
export async function readEntries(
  zip: Pick<ZipReader, 'names' | 'has' | 'read'>,
  size: number,
  key: string | undefined,
  errors: PickleErrors,
): Promise<ArchiveTensors> {
  const prefix = prefixOf(zip, errors)
  if (zip.has(`${prefix}byteorder`)) {
    const order = (await zip.read(`${prefix}byteorder`, 16)).toString('latin1')
    if (order !== 'little') throw errors.unsupported(`its numbers are ${order}-endian, little-endian ones can be read`)
  }
  const root = unpickle(await zip.read(`${prefix}data.pkl`, Math.min(size, mostPickle)), tensorRules(errors), errors)
  const { tensors, notes } = findStateDict(root, key, errors)
  const storages = storageReader(zip, `${prefix}data/`, size, errors)
  const read = await readAll(tensors, storages, mostGrowth * size, errors)
  const types = [...read.tensors.keys()].map((name) => tensors.get(name)!.storage.type)
  return { ...read, notes: [...notes, ...numberNotes(types)] }
}

function prefixOf(zip: Pick<ZipReader, 'names' | 'has'>, errors: PickleErrors): string {
  const name = zip.names.find((entry) => /^[^/]+\/data\.pkl$/.test(entry))
  if (name === undefined) throw errors.unsupported('a zip archive without FOLDER/data.pkl, which torch.save writes')
  const prefix = name.slice(0, -'data.pkl'.length)
  if (zip.has(`${prefix}constants.pkl`) || zip.names.some((entry) => entry.startsWith(`${prefix}code/`))) {
    throw errors.unsupported('a TorchScript program, of which only the weights could be read: torch.save(module.state_dict(), path)')
  }
  return prefix
}

/** Reads and converts a storage, each once. torch.save compresses nothing: together they hold no more than the file. */
function storageReader(
  zip: Pick<ZipReader, 'read'>,
  folder: string,
  size: number,
  errors: PickleErrors,
): (storage: Storage) => Promise<Tensor['data']> {
  const read = new Map<string, Tensor['data']>()
  let left = size
  return async (storage) => {
    const id = `${storage.type} ${storage.count} ${storage.key}`
    const known = read.get(id)
    if (known) return known
    const bytes = storageBytes(storage)!
    left -= bytes
    if (left < 0) throw errors.corrupt(`data/${storage.key} should hold ${bytes} bytes, more than there are in the file`)
    const content = await zip.read(folder + storage.key, bytes)
    if (content.length !== bytes) throw errors.corrupt(`data/${storage.key} holds ${content.length} bytes, data.pkl says ${bytes}`)
    const data = roomFor(storage.type as ReadableType, storage.count)
    const problem = convertInto(data, 0, storage.type as ReadableType, content)
    if (problem !== undefined) throw new Unfit(problem)
    read.set(id, data)
    return data
  }
}

/** A sound storage with a number that grus' types do not hold. */
class Unfit extends Error {}

async function readAll(
  stored: ReadonlyMap<string, StoredTensor>,
  storages: (storage: Storage) => Promise<Tensor['data']>,
  most: number,
  errors: PickleErrors,
): Promise<Omit<ArchiveTensors, 'notes'>> {
  const tensors = new Map<string, Tensor>()
  const unreadable = new Map<string, Unreadable>()
  let total = 0
  for (const [name, { storage, offset, shape, strides }] of stored) {
    if (storageBytes(storage) === undefined) {
      unreadable.set(name, { shape, reason: `is ${storage.type}; float32, float16, bfloat16, float64, int32 and int64 can be read` })
      continue
    }
    total += 4 * sizeOf(shape)
    if (total > most) throw errors.corrupt(`its tensors would hold more than ${mostGrowth} times the file's size`)
    try {
      tensors.set(name, { data: gather(await storages(storage), offset, shape, strides), shape: [...shape] })
    } catch (error) {
      if (!(error instanceof Unfit)) throw error
      unreadable.set(name, { shape, reason: `(${storage.type}) holds ${error.message}` })
    }
  }
  return { tensors, unreadable }
}
