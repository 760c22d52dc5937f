// Which module of a state dict is which layer.
import { GrusError } from '../../errors.js'
import type { PlacedLayer } from '../../spec/network.js'
import { nearest } from '../../spec/parse.js'
import { describe } from '../../tensor.js'
import type { Part, TorchModule } from './modules.js'
import { fits, type Slot, sameKind, slotsFrom } from './slots.js'

/** PyTorch's module -> the layer's name; for an nn.GRU of several layers, all their names. */
export type ModuleMap = Readonly<Record<string, string | readonly string[]>>

export interface Assignment {
  /** By layer; layers without any are missing in the file. */
  parts: ReadonlyMap<Slot, Part>
  /** Modules that no layer takes. */
  left: readonly TorchModule[]
}

export interface AssignOptions {
  map: ModuleMap
  strict: boolean
  /** The modules come in the order in which they were declared. */
  inOrder: boolean
  shapeOf: (key: string) => readonly number[]
  invalid: (text: string) => GrusError
}

/** More ways than anyone would want listed; also the end of a search that would take long. */
const mostSteps = 20_000

/**
 * By `map`; then modules named as layers, where all of their kind are; then the rest by their kinds and shapes, in order where there is one.
 *
 * @throws GrusError INVALID_ARGUMENT for a map that does not fit, and where more than one assignment does
 */
export function assign(
  modules: readonly TorchModule[],
  slots: readonly Slot[],
  layers: readonly PlacedLayer[],
  options: AssignOptions,
): Assignment {
  const taken = new Map<Slot, Part>()
  const open = new Set(modules)
  const take = (module: TorchModule, range: readonly Slot[]) => {
    range.forEach((slot, i) => void taken.set(slot, module.parts[i]!))
    open.delete(module)
  }
  byMap(modules, slots, options, taken, take)
  const named = byName([...open], slots, layers, taken)
  const sure = [...named].filter(([module]) => allNamed(module.parts[0]!.kind, open, named))
  for (const [module, range] of sure) take(module, range)
  const rest = new Rest(
    [...open].filter(({ parts }) => parts.length > 0),
    slots.filter((slot) => !taken.has(slot)),
    layers,
    options,
  )
  const doubtful = new Map([...named].filter(([module]) => open.has(module)))
  for (const [module, range] of rest.choose(doubtful)) take(module, range)
  return { parts: taken, left: [...open] }
}

/** A few equal names among others may be chance: `gru` is what a layer is called by default. */
function allNamed(kind: Part['kind'], modules: Iterable<TorchModule>, named: ReadonlyMap<TorchModule, unknown>): boolean {
  return [...modules].every((module) => module.parts[0]?.kind !== kind || named.has(module))
}

type Take = (module: TorchModule, range: readonly Slot[]) => void

function byMap(
  modules: readonly TorchModule[],
  slots: readonly Slot[],
  { map, invalid }: AssignOptions,
  taken: ReadonlyMap<Slot, Part>,
  take: Take,
): void {
  for (const [prefix, given] of Object.entries(map)) {
    const module = modules.find((candidate) => candidate.prefix === prefix)
    const quoted = `map[${describe(prefix)}]`
    if (!module)
      throw invalid(
        `${quoted} names no module of the file; there ${listModules(modules)}${hintOf(
          prefix,
          modules.map((m) => m.prefix),
        )}`,
      )
    if (module.parts.length === 0) throw new GrusError('UNSUPPORTED', invalid(`${quoted}: ${module.reason}`).message)
    const names = [given].flat() as unknown[]
    if (names.length !== module.parts.length) {
      throw invalid(`${quoted} must be ${module.parts.length} names of layers for ${module.title}, got ${describe(given)}`)
    }
    const range = names.map((name, i) => {
      const slot = slots.find((candidate) => candidate.name === name)
      if (!slot)
        throw invalid(
          `${quoted} names no layer with weights: ${describe(name)}${hintOf(
            String(name),
            slots.map((s) => s.name),
          )}`,
        )
      if (taken.has(slot)) throw invalid(`${quoted}: layer '${slot.name}' is given to two modules`)
      if (!sameKind(module.parts[i]!, slot)) throw invalid(`${quoted} is ${module.title}, layer '${slot.name}' is ${slot.layer.spec.type}`)
      return slot
    })
    if (new Set(range).size < range.length) throw invalid(`${quoted} names a layer twice`)
    take(module, range)
  }
}

/** Layers' names, with or without a path that all modules share. */
function byName(
  modules: readonly TorchModule[],
  slots: readonly Slot[],
  layers: readonly PlacedLayer[],
  taken: ReadonlyMap<Slot, Part>,
): Map<TorchModule, readonly Slot[]> {
  const shared = sharedPath(modules.map(({ prefix }) => prefix))
  const named = new Map<TorchModule, readonly Slot[]>()
  const given = new Set(taken.keys())
  for (const module of modules) {
    const first = slots.findIndex(({ name }) => name === module.prefix || `${shared}${name}` === module.prefix)
    const range = first < 0 || module.parts.length === 0 ? undefined : slotsFrom(slots, first, module, layers)
    if (!range?.every((slot, i) => !given.has(slot) && sameKind(module.parts[i]!, slot))) continue
    named.set(module, range)
    for (const slot of range) given.add(slot)
  }
  return named
}

/** `model.` of `model.gru` and `model.fc`; empty if there is none. */
function sharedPath(prefixes: readonly string[]): string {
  const [first = '', ...others] = prefixes
  let shared = ''
  for (let at = first.indexOf('.'); at >= 0; at = first.indexOf('.', at + 1)) {
    const path = first.slice(0, at + 1)
    if (!others.every((prefix) => prefix.startsWith(path))) break
    shared = path
  }
  return shared
}

/** What map and names have left. */
class Rest {
  readonly #modules: readonly TorchModule[]
  readonly #slots: readonly Slot[]
  readonly #layers: readonly PlacedLayer[]
  readonly #options: AssignOptions
  #steps = 0

  constructor(modules: readonly TorchModule[], slots: readonly Slot[], layers: readonly PlacedLayer[], options: AssignOptions) {
    this.#modules = modules
    this.#slots = slots
    this.#layers = layers
    this.#options = options
  }

  /**
   * @param named - modules that are called as layers are, others of their kinds being called otherwise: shapes and order must agree with them
   */
  choose(named: ReadonlyMap<TorchModule, readonly Slot[]>): ReadonlyMap<TorchModule, readonly Slot[]> {
    if (this.#modules.length === 0 || this.#slots.length === 0) return new Map()
    const found = this.#byShapes()
    if (!found) {
      if (this.#options.strict) return this.#byKinds() ?? named
      return named.size > 0 ? named : this.#onlyCandidates()
    }
    for (const [module, range] of named) if (found.get(module)?.[0] !== range[0]) throw this.#ambiguous(found)
    return found
  }

  #byShapes(): ReadonlyMap<TorchModule, readonly Slot[]> | undefined {
    const ordered = this.#options.inOrder ? this.#inOrder() : undefined
    if (ordered) return ordered
    const places = this.#modules.reduce((sum, { parts }) => sum + parts.length, 0)
    const ways = places === this.#slots.length ? this.#allWays(this.#modules, 0) : []
    if (ways.length > 1) throw this.#ambiguous(ways[0]!)
    return ways[0]
  }

  /** Where no tensors fit: module by module, so that it can be said which one does not. Never an assignment that holds. */
  #byKinds(): ReadonlyMap<TorchModule, readonly Slot[]> | undefined {
    if (!this.#options.inOrder) return undefined
    return this.#oneByOne((module, first) => {
      const range = slotsFrom(this.#slots, first, module, this.#layers)
      return range?.every((slot, i) => sameKind(module.parts[i]!, slot)) ? range : undefined
    })
  }

  #range(module: TorchModule, first: number): readonly Slot[] | undefined {
    const range = slotsFrom(this.#slots, first, module, this.#layers)
    return range?.every((slot, i) => fits(module.parts[i]!, slot, this.#options.shapeOf)) ? range : undefined
  }

  /** All modules over all layers, both in their order. */
  #inOrder(): Map<TorchModule, readonly Slot[]> | undefined {
    return this.#oneByOne((module, first) => this.#range(module, first))
  }

  #oneByOne(rangeOf: (module: TorchModule, first: number) => readonly Slot[] | undefined): Map<TorchModule, readonly Slot[]> | undefined {
    const chosen = new Map<TorchModule, readonly Slot[]>()
    let first = 0
    for (const module of this.#modules) {
      const range = rangeOf(module, first)
      if (!range) return undefined
      chosen.set(module, range)
      first += range.length
    }
    return first === this.#slots.length ? chosen : undefined
  }

  /** The first two ways to give each layer from `first` on a module, with no module left. */
  #allWays(modules: readonly TorchModule[], first: number): Map<TorchModule, readonly Slot[]>[] {
    if (first === this.#slots.length) return modules.length === 0 ? [new Map()] : []
    const ways: Map<TorchModule, readonly Slot[]>[] = []
    for (const module of modules) {
      if (++this.#steps > mostSteps)
        throw this.#options.invalid(`there are too many ways to give its modules to layers: give option map; there ${listModules(modules)}`)
      const range = this.#range(module, first)
      if (!range) continue
      const others = modules.filter((other) => other !== module)
      for (const way of this.#allWays(others, first + range.length)) ways.push(new Map([[module, range], ...way]))
      if (ways.length > 1) return ways.slice(0, 2)
    }
    return ways
  }

  /** Not strict: modules that fit one place, which fits no other module. */
  #onlyCandidates(): Map<TorchModule, readonly Slot[]> {
    const chosen = new Map<TorchModule, readonly Slot[]>()
    for (const module of this.#modules) {
      const ranges = this.#slots.map((_, first) => this.#range(module, first)).filter((range) => range !== undefined)
      const [range] = ranges
      if (!range) continue
      const rival = [...chosen.values()].some((other) => other.some((slot) => range.includes(slot)))
      if (ranges.length > 1 || rival) throw this.#ambiguous(new Map([[module, range]]))
      chosen.set(module, range)
    }
    return chosen
  }

  #ambiguous(example: ReadonlyMap<TorchModule, readonly Slot[]>): GrusError {
    const entries = [...example].map(([{ prefix }, range]) => {
      const names = range.map(({ name }) => `'${name}'`)
      return `'${prefix}': ${names.length === 1 ? names[0] : `[${names.join(', ')}]`}`
    })
    const candidates = this.#modules.map(({ prefix, title }) => `'${prefix}' ${title}`).join(', ')
    const places = this.#slots.map(({ name }) => `'${name}'`).join(', ')
    return this.#options.invalid(
      `more than one assignment fits: ${candidates} for the layers ${places}. Give option map, such as map: { ${entries.join(', ')} }`,
    )
  }
}

/** `are 'rnn' nn.GRU(3, 4), 'fc' nn.Linear(4, 2)` */
export function listModules(modules: readonly TorchModule[]): string {
  const shown = modules.slice(0, 20).map(({ prefix, title }) => `'${prefix}' ${title}`)
  return `are ${shown.join(', ')}${modules.length > 20 ? `, and ${modules.length - 20} more` : ''}`
}

function hintOf(word: string, known: readonly string[]): string {
  const hint = nearest(word, known)
  return hint === undefined ? '' : `; did you mean '${hint}'?`
}
