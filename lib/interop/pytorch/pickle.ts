// Python's pickle as torch.save writes it: a closed set of opcodes builds plain values, and nothing is called. What a global stands for, and what a call of
// it gives, is decided by the caller's own closed set.
import { describe } from '../../tensor.js'
import type { errorsOf } from '../model-data.js'

export type PickleErrors = ReturnType<typeof errorsOf>

/** A Python tuple. */
export class Tuple {
  readonly items: readonly Value[]
  constructor(items: readonly Value[]) {
    this.items = items
  }
}

/** A dict or an OrderedDict, in its order of insertion. */
export class Dict {
  readonly items: Map<Value, Value> = new Map()
  readonly ordered: boolean
  constructor(ordered: boolean) {
    this.ordered = ordered
  }
}

/** A class or function by name; it is never imported. */
export class Global {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** What the caller's callables make. */
export abstract class Made {}

/** Lists are arrays; bytes, and strings of Python 2, are Uint8Array. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | Tuple | Dict | Global | Made

export interface PickleRules {
  /** Names, `module.name`, that may appear. */
  globals: ReadonlySet<string>
  /** What calling one of them gives; throws for arguments it does not take. */
  call(name: string, args: readonly Value[]): Value
  /** What a persistent id stands for. */
  persistent(id: Value): Value
}

/** Far beyond any state dict, and bounded memory for what is none. */
const mostOpcodes = 8_000_000

/**
 * Reads one pickle of the protocols 2 to 5.
 *
 * @throws GrusError CORRUPT_FILE for a damaged stream; UNSUPPORTED naming a global or opcode that is not in the closed set
 */
export function unpickle(bytes: Uint8Array, rules: PickleRules, errors: PickleErrors): Value {
  return new Machine(bytes, rules, errors).run()
}

const mark = Symbol('mark')
type Slot = Value | typeof mark

class Machine {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #rules: PickleRules
  readonly #errors: PickleErrors
  readonly #stack: Slot[] = []
  readonly #memo: Map<number, Value> = new Map()
  #at = 0

  constructor(bytes: Uint8Array, rules: PickleRules, errors: PickleErrors) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#rules = rules
    this.#errors = errors
  }

  run(): Value {
    if (this.#u8() !== 0x80) throw this.#corrupt('does not begin as a pickle of protocol 2 or later')
    const protocol = this.#u8()
    if (protocol < 2 || protocol > 5) throw this.#corrupt(`has the protocol ${protocol}, 2 to 5 are known`)
    for (let count = 0; count < mostOpcodes; ++count) {
      const opcode = this.#u8()
      if (opcode === 0x2e) {
        const value = this.#pop()
        if (this.#stack.length > 0) throw this.#corrupt(`leaves ${this.#stack.length} values behind`)
        if (this.#at !== this.#bytes.length) throw this.#corrupt(`is followed by ${this.#bytes.length - this.#at} bytes more`)
        return value
      }
      this.#step(opcode)
    }
    throw this.#corrupt(`has more than ${mostOpcodes} opcodes`)
  }

  #step(opcode: number): void {
    switch (opcode) {
      case 0x28: // MARK
        this.#stack.push(mark)
        break
      case 0x4e: // NONE
        this.#push(null)
        break
      case 0x88: // NEWTRUE
        this.#push(true)
        break
      case 0x89: // NEWFALSE
        this.#push(false)
        break
      case 0x4b: // BININT1
        this.#push(this.#u8())
        break
      case 0x4d: // BININT2
        this.#push(this.#view.getUint16(this.#skip(2), true))
        break
      case 0x4a: // BININT
        this.#push(this.#view.getInt32(this.#skip(4), true))
        break
      case 0x8a: // LONG1
        this.#push(integer(this.#take(this.#u8())))
        break
      case 0x47: // BINFLOAT
        this.#push(this.#view.getFloat64(this.#skip(8), false))
        break
      case 0x58: // BINUNICODE
        this.#push(this.#text(this.#u32()))
        break
      case 0x8c: // SHORT_BINUNICODE
        this.#push(this.#text(this.#u8()))
        break
      case 0x55: // SHORT_BINSTRING, SHORT_BINBYTES
      case 0x43:
        this.#push(this.#take(this.#u8()))
        break
      case 0x54: // BINSTRING, BINBYTES
      case 0x42:
        this.#push(this.#take(this.#u32()))
        break
      case 0x29: // EMPTY_TUPLE
        this.#push(new Tuple([]))
        break
      case 0x85: // TUPLE1, TUPLE2, TUPLE3
      case 0x86:
      case 0x87:
        this.#push(new Tuple(this.#popSome(opcode - 0x84)))
        break
      case 0x74: // TUPLE
        this.#push(new Tuple(this.#popToMark()))
        break
      case 0x5d: // EMPTY_LIST
        this.#push([])
        break
      case 0x7d: // EMPTY_DICT
        this.#push(new Dict(false))
        break
      case 0x61: // APPEND
        this.#append(this.#popSome(1))
        break
      case 0x65: // APPENDS
        this.#append(this.#popToMark())
        break
      case 0x73: // SETITEM
        this.#setItems(this.#popSome(2))
        break
      case 0x75: // SETITEMS
        this.#setItems(this.#popToMark())
        break
      case 0x71: // BINPUT, LONG_BINPUT, MEMOIZE
        this.#memo.set(this.#u8(), this.#top())
        break
      case 0x72:
        this.#memo.set(this.#u32(), this.#top())
        break
      case 0x94:
        this.#memo.set(this.#memo.size, this.#top())
        break
      case 0x68: // BINGET, LONG_BINGET
        this.#recall(this.#u8())
        break
      case 0x6a:
        this.#recall(this.#u32())
        break
      case 0x63: // GLOBAL
        this.#global(this.#line(), this.#line())
        break
      case 0x93: // STACK_GLOBAL
        this.#global(...(this.#popSome(2) as [Value, Value]))
        break
      case 0x51: // BINPERSID
        this.#push(this.#rules.persistent(this.#pop()))
        break
      case 0x52: // REDUCE
        this.#reduce()
        break
      case 0x62: // BUILD
        this.#build()
        break
      case 0x95: // FRAME: only says how much to read at once
        if (this.#view.getBigUint64(this.#skip(8), true) > this.#bytes.length - this.#at) throw this.#corrupt('has a frame that is cut off')
        break
      default:
        if (names[opcode] === undefined) throw this.#corrupt(`has no opcode but the byte ${opcode}`)
        throw this.#errors.unsupported(
          `data.pkl has the pickle opcode ${names[opcode]}, which no state dict needs, before byte ${this.#at}`,
        )
    }
  }

  #global(module: Value, name: Value): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw this.#corrupt('names a global by something that is no text')
    const full = `${module}.${name}`
    if (!this.#rules.globals.has(full)) {
      throw this.#errors.unsupported(
        `data.pkl names ${describe(full)}, which is not among the few things that a state dict is made of${/^(__main__|torch\.nn\.modules)\./.test(full) ? ': it is a module, pickled whole' : ''}. ` +
          'Save the weights alone: torch.save(model.state_dict(), path), or safetensors.torch.save_file(model.state_dict(), path)',
      )
    }
    this.#push(new Global(full))
  }

  #reduce(): void {
    const [callable, args] = this.#popSome(2)
    if (!(callable instanceof Global)) throw this.#corrupt(`calls ${show(callable)}`)
    if (!(args instanceof Tuple)) throw this.#corrupt(`calls ${callable.name} with ${show(args)}`)
    this.#push(callable.name === 'collections.OrderedDict' ? this.#orderedDict(args.items) : this.#rules.call(callable.name, args.items))
  }

  #orderedDict(args: readonly Value[]): Dict {
    if (args.length > 0) throw this.#errors.unsupported('data.pkl makes an OrderedDict from arguments, only an empty one can be read')
    return new Dict(true)
  }

  /** state_dict() hangs the versions of its modules on the OrderedDict as `_metadata`; they say nothing that is needed here. */
  #build(): void {
    const state = this.#pop()
    const target = this.#top()
    if (!(target instanceof Dict && target.ordered)) {
      throw this.#errors.unsupported(`data.pkl sets the state of ${show(target)} (BUILD), which only an OrderedDict may have`)
    }
    if (!(state instanceof Dict) || [...state.items.keys()].some((key) => key !== '_metadata')) {
      throw this.#errors.unsupported(`data.pkl gives an OrderedDict attributes other than _metadata (BUILD)`)
    }
  }

  #append(items: readonly Value[]): void {
    const list = this.#top()
    if (!Array.isArray(list)) throw this.#corrupt(`appends to ${show(list)}`)
    for (const item of items) list.push(item)
  }

  #setItems(items: readonly Value[]): void {
    const dict = this.#top()
    if (!(dict instanceof Dict)) throw this.#corrupt(`sets items of ${show(dict)}`)
    if (items.length % 2 !== 0) throw this.#corrupt('has a key without a value')
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!
      if (Array.isArray(key) || key instanceof Dict) throw this.#corrupt(`has ${show(key)} as a key`)
      dict.items.set(key, items[i + 1]!)
    }
  }

  #recall(index: number): void {
    const value = this.#memo.get(index)
    if (value === undefined) throw this.#corrupt(`recalls value ${index}, which it has not stored`)
    this.#push(value)
  }

  #push(value: Value): void {
    this.#stack.push(value)
  }

  #top(): Value {
    const value = this.#stack.at(-1)
    if (value === undefined || value === mark) throw this.#corrupt('takes a value where there is none')
    return value
  }

  #pop(): Value {
    const value = this.#top()
    this.#stack.pop()
    return value
  }

  #popSome(count: number): Value[] {
    return Array.from({ length: count }, () => this.#pop()).reverse()
  }

  #popToMark(): Value[] {
    const at = this.#stack.lastIndexOf(mark)
    if (at < 0) throw this.#corrupt('ends a group that it did not begin')
    const values = this.#stack.splice(at).slice(1)
    return values as Value[]
  }

  #u8(): number {
    return this.#bytes[this.#skip(1)]!
  }

  #u32(): number {
    return this.#view.getUint32(this.#skip(4), true)
  }

  #skip(count: number): number {
    if (count > this.#bytes.length - this.#at) throw this.#corrupt('ends too early')
    this.#at += count
    return this.#at - count
  }

  #take(count: number): Uint8Array {
    const start = this.#skip(count)
    return this.#bytes.subarray(start, start + count)
  }

  #text(count: number): string {
    return this.#decode(this.#take(count))
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) throw this.#corrupt('ends too early')
    const line = this.#take(end - this.#at)
    ++this.#at
    return this.#decode(line)
  }

  #decode(bytes: Uint8Array): string {
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      throw this.#errors.corrupt(`data.pkl has a text that is no UTF-8, before byte ${this.#at}`, cause)
    }
  }

  #corrupt(text: string): Error {
    return this.#errors.corrupt(`data.pkl ${text}, at byte ${this.#at}`)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Two's complement, little-endian, of at most 255 bytes. */
function integer(bytes: Uint8Array): number | bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; --i) value = (value << 8n) | BigInt(bytes[i]!)
  value = BigInt.asIntN(8 * bytes.length, value)
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** A value's kind as Python calls it, for messages. */
export function show(value: Value | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'None'
  if (value instanceof Tuple) return 'a tuple'
  if (value instanceof Dict) return value.ordered ? 'an OrderedDict' : 'a dict'
  if (value instanceof Global) return value.name
  if (value instanceof Uint8Array) return 'bytes'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'a tensor or storage' : describe(value)
}

/** Opcodes that a state dict does without. */
const names: Readonly<Record<number, string>> = {
  48: 'POP',
  49: 'POP_MARK',
  50: 'DUP',
  70: 'FLOAT',
  73: 'INT',
  76: 'LONG',
  80: 'PERSID',
  83: 'STRING',
  86: 'UNICODE',
  100: 'DICT',
  103: 'GET',
  105: 'INST',
  108: 'LIST',
  111: 'OBJ',
  112: 'PUT',
  128: 'PROTO',
  129: 'NEWOBJ',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  139: 'LONG4',
  141: 'BINUNICODE8',
  142: 'BINBYTES8',
  143: 'EMPTY_SET',
  144: 'ADDITEMS',
  145: 'FROZENSET',
  146: 'NEWOBJ_EX',
  150: 'BYTEARRAY8',
  151: 'NEXT_BUFFER',
  152: 'READONLY_BUFFER',
}
