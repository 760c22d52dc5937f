import { GrusError } from '../../errors.js'
import { isReadable } from '../../files/elements.js'
import { readBeginning } from '../../files/open-file.js'
import { openSafetensors } from '../../files/safetensors.js'
import type { Tensor } from '../../tensor.js'
import { errorsOf } from '../model-data.js'
import { numberNotes } from './number-notes.js'
import { readTorchArchive } from './torch-archive.js'

/** A tensor that cannot be read. */
export interface Unreadable {
  shape: readonly number[]
  /** Completes `tensor 'mask' …`. */
  reason: string
}

/** A state dict as a file has it. */
export interface StateDict {
  path: string
  /** By PyTorch's names; float32 and int32. */
  tensors: ReadonlyMap<string, Tensor>
  /** Tensors that grus' types cannot hold: an error only where one of them is wanted. */
  unreadable: ReadonlyMap<string, Unreadable>
  /** The names come in the order in which the module declared them: torch.save keeps it, safetensors sorts. */
  inOrder: boolean
  notes: readonly string[]
}

export interface StateDictOptions {
  /** Of a checkpoint that holds several dicts: the key of the one to take, `'model_state_dict'`. Default: the only one. */
  key?: string
}

/**
 * Reads a state dict: a .safetensors file, or what torch.save wrote (the zip format, since PyTorch 1.6). Which one is told by the content. No Python is run
 * and nothing is unpickled but tensors and plain values.
 *
 * @throws GrusError INVALID_ARGUMENT if the file cannot be read or `key` is needed; CORRUPT_FILE; UNSUPPORTED naming what else it holds
 */
export async function readStateDict(where: string, path: string, { key }: StateDictOptions = {}): Promise<StateDict> {
  const errors = errorsOf(where, path)
  const start = await readBeginning(where, path, 9)
  if (start.toString('latin1', 0, 4) === 'PK\x03\x04') {
    const { tensors, unreadable, notes } = await readTorchArchive(where, path, key)
    return withoutWrappers({ path, tensors, unreadable, inOrder: true, notes }, errors)
  }
  const safetensors = start[8] === 0x7b
  if (!safetensors && start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5) {
    throw errors.unsupported(
      "a pickle, as torch.save wrote before PyTorch 1.6 or with _use_new_zipfile_serialization=False: load it there and save it again with torch.save(torch.load(path, map_location='cpu'), path)",
    )
  }
  if (!safetensors) throw errors.corrupt('it is neither a safetensors file nor a zip archive of torch.save')
  if (key !== undefined) throw errors.invalid(`key '${key}': a safetensors file holds one state dict only`)
  return withoutWrappers(await fromSafetensors(where, path), errors)
}

async function fromSafetensors(where: string, path: string): Promise<StateDict> {
  const file = await openSafetensors(where, path)
  try {
    const tensors = new Map<string, Tensor>()
    const unreadable = new Map<string, Unreadable>()
    for (const [name, { dtype, shape }] of file.entries) {
      if (!isReadable(dtype)) {
        unreadable.set(name, { shape, reason: `is ${dtype}; F32, F16, BF16, F64, I32 and I64 can be read` })
        continue
      }
      try {
        tensors.set(name, await file.read(name))
      } catch (error) {
        if (!(error instanceof GrusError && error.code === 'UNSUPPORTED')) throw error
        unreadable.set(name, { shape, reason: error.message.slice(error.message.indexOf(`'${name}'`) + name.length + 3) })
      }
    }
    const types = [...tensors.keys()].map((name) => file.entries.get(name)!.dtype)
    return { path, tensors, unreadable, inOrder: false, notes: numberNotes(types) }
  } finally {
    await file.close()
  }
}

/** Without the names that nn.DataParallel, DistributedDataParallel and torch.compile put in front. */
function withoutWrappers(given: StateDict, errors: ReturnType<typeof errorsOf>): StateDict {
  const notes = [...given.notes]
  const rename = (old: string[]): string[] => {
    let names = old
    const compiled = names.map((name) => name.replaceAll('_orig_mod.', ''))
    if (compiled.some((name, i) => name !== names[i])) {
      notes.push("names: without '_orig_mod.', which torch.compile puts in")
      names = compiled
    }
    while (names.length > 0 && names.every((name) => name.startsWith('module.'))) {
      notes.push("names: without 'module.', which nn.DataParallel puts in front")
      names = names.map((name) => name.slice('module.'.length))
    }
    return names
  }
  const old = [...given.tensors.keys(), ...given.unreadable.keys()]
  const renamed = rename(old)
  if (new Set(renamed).size !== old.length) throw errors.unsupported("two names are the same without 'module.' and '_orig_mod.'")
  const now = new Map(old.map((name, i) => [name, renamed[i]!]))
  const under = <T>(values: ReadonlyMap<string, T>) => new Map([...values].map(([name, value]) => [now.get(name)!, value]))
  return { ...given, tensors: under(given.tensors), unreadable: under(given.unreadable), notes }
}
