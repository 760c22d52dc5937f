// What the calls that compute on the JavaScript thread share. They are made thousands of times a second: their checks cost nanoseconds when all is well.
import { GrusError } from './errors.js'
import { nearest } from './spec/parse.js'
import { describe } from './tensor.js'

/** @throws GrusError INVALID_ARGUMENT for anything that is no object, or has another option than these */
export function checkKeys(where: string, options: object, known: readonly string[], path = 'options'): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options) || ArrayBuffer.isView(options)) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${path} must be an object, got ${describe(options)}`)
  }
  for (const key in options) {
    if (known.includes(key)) continue
    const hint = nearest(key, known)
    const name = path === 'options' ? key : `${path}.${key}`
    throw new GrusError('INVALID_ARGUMENT', `[${where}] unknown option '${name}'${hint ? `; did you mean '${hint}'?` : ''}`)
  }
}

/** In V8's heap itself; native code would have such an array moved out first, which costs more than a step of a small network. */
const smallest = 16

/** Where native code writes `count` numbers: the caller's array, or one of its own, kept from call to call while results are small. */
export class OutputRoom {
  #kept = new Float32Array()

  /** @throws GrusError INVALID_ARGUMENT, SHAPE_MISMATCH, OUT_OF_MEMORY */
  take(where: string, name: string, given: Float32Array | undefined, count: number): Float32Array {
    if (given !== undefined) return checkRoom(where, name, given, count)
    if (count > smallest) return allocate(where, count)
    if (this.#kept.length !== count) this.#kept = new Float32Array(count)
    return this.#kept
  }

  /** What the caller gets of a room that was taken: always an array that is theirs. */
  give(room: Float32Array): Float32Array {
    return room === this.#kept ? room.slice() : room
  }
}

export function allocate(where: string, count: number): Float32Array {
  try {
    return new Float32Array(count)
  } catch (cause) {
    throw new GrusError('OUT_OF_MEMORY', `[${where}] no memory for an output of ${count} numbers; predict in parts`, { cause })
  }
}

function checkRoom(where: string, name: string, given: Float32Array, count: number): Float32Array {
  if (!(given instanceof Float32Array)) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${name} must be a Float32Array of ${count} values, got ${describe(given)}`)
  }
  if (given.length !== count) {
    throw new GrusError('SHAPE_MISMATCH', `[${where}] ${name} must have room for ${count} values, got ${given.length}`)
  }
  return given
}
