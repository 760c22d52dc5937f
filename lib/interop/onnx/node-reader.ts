// A node of the graph as its operator reads it. What an operator does not ask for is not passed over.
import { type Budget, filled } from './constants.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import type { OnnxAttribute, OnnxNode, OnnxTensor } from './proto.js'
import { known, type Size } from './sizes.js'
import type { Place } from './sources.js'
import { type Constant, isConstant, type Numbers, type Value, type View } from './values.js'

type Kinds = { [A in OnnxAttribute as A['kind']]: A['value'] }

export class NodeReader {
  readonly #attributes: Map<string, OnnxAttribute>
  readonly #asked = new Set<string>()

  readonly node: OnnxNode
  readonly place: Place
  readonly inputs: readonly (Value | undefined)[]
  readonly opset: number
  readonly budget: Budget

  constructor(node: OnnxNode, place: Place, inputs: readonly (Value | undefined)[], opset: number, budget: Budget) {
    this.node = node
    this.place = place
    this.inputs = inputs
    this.opset = opset
    this.budget = budget
    this.#attributes = new Map(node.attributes.map((attribute) => [attribute.name, attribute]))
    if (this.#attributes.size < node.attributes.length) throw new OnnxCorrupt('an attribute comes twice')
  }

  int(name: string): number | undefined
  int(name: string, otherwise: number): number
  int(name: string, otherwise?: number): number | undefined {
    return this.#get(name, 'int') ?? otherwise
  }

  float(name: string, otherwise: number): number {
    return this.#get(name, 'float') ?? otherwise
  }

  string(name: string, otherwise: string): string {
    return this.#get(name, 'string') ?? otherwise
  }

  ints(name: string): number[] | undefined {
    return this.#get(name, 'ints')
  }

  floats(name: string): number[] {
    return this.#get(name, 'floats') ?? []
  }

  strings(name: string): string[] | undefined {
    return this.#get(name, 'strings')
  }

  tensor(name: string): OnnxTensor | undefined {
    return this.#get(name, 'tensor')
  }

  /** An attribute that makes no difference to what is inferred. */
  ignore(...names: string[]): void {
    for (const name of names) this.#asked.add(name)
  }

  has(name: string): boolean {
    return this.#attributes.has(name)
  }

  #get<Kind extends keyof Kinds>(name: string, kind: Kind): Kinds[Kind] | undefined {
    this.#asked.add(name)
    const attribute = this.#attributes.get(name)
    if (!attribute) return undefined
    if (attribute.kind !== kind) throw new OnnxCorrupt(`attribute ${name} must be of kind ${kind}, got ${attribute.kind}`)
    return attribute.value as Kinds[Kind]
  }

  /** @throws OnnxUnsupported for attributes that the operator did not ask for */
  finish(): void {
    for (const name of this.#attributes.keys()) {
      if (!this.#asked.has(name)) throw new OnnxUnsupported(`attribute ${name} is not known here`)
    }
  }

  given(i: number): Value | undefined {
    return this.inputs[i]
  }

  value(i: number): Value {
    const value = this.inputs[i]
    if (!value) throw new OnnxCorrupt(`input ${i} is missing`)
    return value
  }

  view(i: number): View {
    const value = this.value(i)
    if (value.kind === 'view') return value
    const came = value.kind === 'stack' ? 'the states of several layers' : 'a constant'
    throw new OnnxUnsupported(`input ${i} must be what a layer puts out, got ${came}`)
  }

  constant(i: number, what: string): Constant {
    const value = this.value(i)
    if (isConstant(value)) return value
    throw new OnnxUnsupported(
      `${what} must be a constant, got ${sourceOf(value)}; a weight that is an input can be given by name with the option weights`,
    )
  }

  numbers(i: number, what: string): Numbers {
    const value = filled(this.constant(i, what), this.budget)
    if (value.kind !== 'numbers') throw new OnnxUnsupported(`${what} must be floats, got whole numbers`)
    return value
  }

  /** A list or one number, of whole numbers that may be left open. */
  sizes(i: number, what: string): Size[] {
    const value = filled(this.constant(i, what), this.budget)
    if (value.kind !== 'ints') throw new OnnxCorrupt(`${what} must be whole numbers, got floats`)
    return value.data
  }

  /** As sizes, all known. */
  wholes(i: number, what: string): number[] {
    return this.sizes(i, what).map((value) => {
      const number = known(value)
      if (number === undefined) throw new OnnxUnsupported(`${what} must be known, and hangs on a size that is left open`)
      return number
    })
  }
}

function sourceOf(value: Value): string {
  return value.kind === 'view' ? `what comes from ${value.source.place}` : 'the states of several layers'
}
