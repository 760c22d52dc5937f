// Python's pickle as torch.save writes it: a closed set of opcodes builds plain values, and nothing is called. What a global stands for, and what a call of
// it gives, is decided by the caller's own closed set.
import { describe } from '../../tensor.js'
import type { errorsOf } from '../model-data.js'
import { PickleBytes } from './pickle-bytes.js'
import { refusedOpcodes } from './pickle-refused.js'
import { Dict, Global, show, Tuple, type Value } from './pickle-values.js'

export type PickleErrors = ReturnType<typeof errorsOf>

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
  readonly #bytes: PickleBytes
  readonly #rules: PickleRules
  readonly #errors: PickleErrors
  readonly #stack: Slot[] = []
  readonly #memo: Map<number, Value> = new Map()

  constructor(bytes: Uint8Array, rules: PickleRules, errors: PickleErrors) {
    this.#bytes = new PickleBytes(bytes, errors)
    this.#rules = rules
    this.#errors = errors
  }

  run(): Value {
    if (this.#bytes.u8() !== 0x80) throw this.#corrupt('does not begin as a pickle of protocol 2 or later')
    const protocol = this.#bytes.u8()
    if (protocol < 2 || protocol > 5) throw this.#corrupt(`has the protocol ${protocol}, 2 to 5 are known`)
    for (let count = 0; count < mostOpcodes; ++count) {
      const opcode = this.#bytes.u8()
      if (opcode === 0x2e) {
        const value = this.#pop()
        if (this.#stack.length > 0) throw this.#corrupt(`leaves ${this.#stack.length} values behind`)
        if (this.#bytes.left > 0) throw this.#corrupt(`is followed by ${this.#bytes.left} bytes more`)
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
        this.#push(this.#bytes.u8())
        break
      case 0x4d: // BININT2
        this.#push(this.#bytes.view.getUint16(this.#bytes.skip(2), true))
        break
      case 0x4a: // BININT
        this.#push(this.#bytes.view.getInt32(this.#bytes.skip(4), true))
        break
      case 0x8a: // LONG1
        this.#push(this.#bytes.integer(this.#bytes.u8()))
        break
      case 0x47: // BINFLOAT
        this.#push(this.#bytes.view.getFloat64(this.#bytes.skip(8), false))
        break
      case 0x58: // BINUNICODE
        this.#push(this.#bytes.text(this.#bytes.u32()))
        break
      case 0x8c: // SHORT_BINUNICODE
        this.#push(this.#bytes.text(this.#bytes.u8()))
        break
      case 0x55: // SHORT_BINSTRING, SHORT_BINBYTES
      case 0x43:
        this.#push(this.#bytes.take(this.#bytes.u8()))
        break
      case 0x54: // BINSTRING, BINBYTES
      case 0x42:
        this.#push(this.#bytes.take(this.#bytes.u32()))
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
        this.#memo.set(this.#bytes.u8(), this.#top())
        break
      case 0x72:
        this.#memo.set(this.#bytes.u32(), this.#top())
        break
      case 0x94:
        this.#memo.set(this.#memo.size, this.#top())
        break
      case 0x68: // BINGET, LONG_BINGET
        this.#recall(this.#bytes.u8())
        break
      case 0x6a:
        this.#recall(this.#bytes.u32())
        break
      case 0x63: // GLOBAL
        this.#global(this.#bytes.line(), this.#bytes.line())
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
        if (this.#bytes.view.getBigUint64(this.#bytes.skip(8), true) > this.#bytes.left) throw this.#corrupt('has a frame that is cut off')
        break
      default:
        if (refusedOpcodes[opcode] === undefined) throw this.#corrupt(`has no opcode but the byte ${opcode}`)
        throw this.#errors.unsupported(
          `data.pkl has the pickle opcode ${refusedOpcodes[opcode]}, which no state dict needs, before byte ${this.#bytes.at}`,
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

  #corrupt(text: string): Error {
    return this.#bytes.corrupt(text)
  }
}
