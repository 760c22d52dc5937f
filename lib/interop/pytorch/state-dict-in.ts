// Where in a checkpoint the state dict is.
import { nearest } from '../../spec/parse.js'
import type { PickleErrors } from './pickle.js'
import { Dict, show, type Value } from './pickle-values.js'
import { StoredTensor } from './stored-tensor.js'

type StoredTensors = Map<string, StoredTensor>

const mostDepth = 6

/**
 * The only dict of tensors, or the one that `key` names (`'model_state_dict'`; keys of dicts within each other are joined by dots).
 *
 * @throws GrusError UNSUPPORTED if there is none; INVALID_ARGUMENT if there are several, or none under `key`
 */
export function findStateDict(root: Value, key: string | undefined, errors: PickleErrors): { tensors: StoredTensors; notes: string[] } {
  const found = new Map<string, StoredTensors>()
  collect(root, '', 0, found, new Set())
  const places = [...found.keys()]
  const list = places.map((place) => `'${place}'`).join(', ')
  if (key !== undefined) {
    const tensors = found.get(key)
    if (tensors) return { tensors, notes: [`state dict: under '${key}'`] }
    const hint = nearest(key, places)
    const there = places.length === 0 ? 'no dict of tensors at all' : places.length === 1 && places[0] === '' ? 'one, at the top' : list
    throw errors.invalid(`key '${key}' names no dict of tensors${hint ? `; did you mean '${hint}'?` : ''}; there is ${there}`)
  }
  if (places.length > 1) throw errors.invalid(`there are ${places.length} dicts of tensors: give option key as one of ${list}`)
  const [place] = places
  if (place === undefined) {
    throw errors.unsupported(`it holds ${contents(root)}, but no dict of tensors: save model.state_dict()`)
  }
  return { tensors: found.get(place)!, notes: place === '' ? [] : [`state dict: under '${place}'`] }
}

function collect(value: Value, place: string, depth: number, found: Map<string, StoredTensors>, seen: Set<Dict>): void {
  if (!(value instanceof Dict) || depth > mostDepth || seen.has(value)) return
  seen.add(value)
  const tensors = tensorsOf(value)
  if (tensors) {
    found.set(place, tensors)
    return
  }
  // an optimizer's state_dict(), whose tensors are moments
  if (value.items.has('param_groups')) return
  for (const [key, inner] of value.items) {
    if (typeof key === 'string') collect(inner, place === '' ? key : `${place}.${key}`, depth + 1, found, seen)
  }
}

/** The tensors of a dict that has nothing else, but for the extra state that a module may keep. */
function tensorsOf(dict: Dict): StoredTensors | undefined {
  const tensors: StoredTensors = new Map()
  for (const [key, value] of dict.items) {
    if (typeof key !== 'string') return undefined
    if (value instanceof StoredTensor) tensors.set(key, value)
    else if (!key.endsWith('_extra_state')) return undefined
  }
  return tensors.size > 0 ? tensors : undefined
}

function contents(root: Value): string {
  if (!(root instanceof Dict)) return show(root)
  const keys = [...root.items.keys()]
  const shown = keys.slice(0, 10).map((key) => (typeof key === 'string' ? `'${key}'` : show(key)))
  return keys.length === 0 ? 'an empty dict' : `a dict with ${shown.join(', ')}${keys.length > 10 ? ', …' : ''}`
}
