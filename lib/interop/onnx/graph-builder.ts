// A graph that grows node by node. A value is known by its name.
import type { GraphToWrite, TensorInParts } from './encode.js'
import type { OnnxAttribute, OnnxNode, OnnxType, OnnxValueInfo } from './proto.js'

export const attribute = {
  int: (name: string, value: number): OnnxAttribute => ({ name, kind: 'int', value }),
  ints: (name: string, value: number[]): OnnxAttribute => ({ name, kind: 'ints', value }),
  float: (name: string, value: number): OnnxAttribute => ({ name, kind: 'float', value }),
  floats: (name: string, value: number[]): OnnxAttribute => ({ name, kind: 'floats', value }),
  string: (name: string, value: string): OnnxAttribute => ({ name, kind: 'string', value }),
  strings: (name: string, value: string[]): OnnxAttribute => ({ name, kind: 'strings', value }),
}

export class GraphBuilder {
  /** Before the names of nodes and values: the layer that is being written. */
  scope = ''
  readonly #nodes: OnnxNode[] = []
  readonly #initializers: TensorInParts[] = []
  readonly #inputs: OnnxValueInfo[] = []
  readonly #outputs: OnnxValueInfo[] = []
  readonly #taken = new Set<string>()

  input(name: string, type: OnnxType, dims: (number | string)[]): string {
    this.#inputs.push({ name, type, dims })
    return name
  }

  /** Makes a value an output. A node's value takes the output's name. */
  output(value: string, name: string, dims: (number | string)[]): void {
    const renamed = (given: string) => (given === value ? name : given)
    if (this.#nodes.some(({ outputs }) => outputs.includes(value))) {
      for (const node of this.#nodes) {
        node.inputs = node.inputs.map(renamed)
        node.outputs = node.outputs.map(renamed)
      }
    } else {
      this.#push('Identity', [value], [name], [])
    }
    this.#outputs.push({ name, type: 'FLOAT', dims })
  }

  /** Adds a node and gives its output. */
  node(op: string, inputs: readonly string[], ...attributes: OnnxAttribute[]): string {
    const output = this.#fresh(this.#path(op))
    this.#push(op, inputs, [output], attributes)
    return output
  }

  /** Adds a node of two outputs, of which the second is wanted. */
  second(op: string, inputs: readonly string[], ...attributes: OnnxAttribute[]): string {
    const output = this.#fresh(this.#path(op))
    this.#push(op, inputs, [this.#fresh(`${output}.0`), output], attributes, output)
    return output
  }

  /** Adds the node that stands for its layer, under the layer's name. Of its outputs, those that are not wanted are left out. */
  layer(op: string, inputs: readonly string[], wanted: readonly boolean[], ...attributes: OnnxAttribute[]): string[] {
    const outputs = wanted.map((is, i) => (is ? this.#fresh(this.#path(i === 0 ? op : `${op}.${i}`)) : ''))
    this.#push(op, inputs, outputs.slice(0, wanted.lastIndexOf(true) + 1), attributes, this.scope)
    return outputs
  }

  /** The node added last stands for its layer. */
  nameLast(): void {
    this.#nodes.at(-1)!.name = this.scope
  }

  /** A weight of the layer: pieces of float32 arrays one after the other. */
  weight(name: string, dims: number[], parts: readonly Float32Array[]): string {
    const data = parts.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))
    this.#initializers.push({ name: `${this.scope}.${name}`, type: 'FLOAT', dims, data })
    return `${this.scope}.${name}`
  }

  /** Integers, as the inputs of operators want them: a list, or a number alone. Each is there once. */
  integers(value: number | readonly number[]): string {
    const name = `const/${[value].flat().join('_')}${typeof value === 'number' ? '' : '_list'}`
    const data = BigInt64Array.from([value].flat(), BigInt)
    return this.#constant(name, 'INT64', typeof value === 'number' ? [] : [value.length], data)
  }

  /** A float alone. */
  float(value: number): string {
    return this.#constant(`const/${value}_float`, 'FLOAT', [], Float32Array.of(value))
  }

  /** The graph, without what no output needs: a mask that nothing looked at. */
  finish(name: string): GraphToWrite {
    const needed = new Set(this.#outputs.map((output) => output.name))
    const nodes = this.#nodes.toReversed().filter(({ inputs, outputs }) => {
      if (!outputs.some((output) => needed.has(output))) return false
      for (const input of inputs) needed.add(input)
      return true
    })
    const initializers = this.#initializers.filter((tensor) => needed.has(tensor.name))
    return { name, nodes: nodes.reverse(), initializers, inputs: this.#inputs, outputs: this.#outputs }
  }

  #constant(name: string, type: OnnxType, dims: number[], data: Float32Array | BigInt64Array): string {
    if (!this.#initializers.some((tensor) => tensor.name === name)) {
      this.#initializers.push({ name, type, dims, data: new Uint8Array(data.buffer) })
    }
    return name
  }

  #path(op: string): string {
    return `${this.scope}/${op}`
  }

  #fresh(wanted: string): string {
    let name = wanted
    for (let n = 1; this.#taken.has(name); ++n) name = `${wanted}_${n}`
    this.#taken.add(name)
    return name
  }

  #push(op: string, inputs: readonly string[], outputs: readonly string[], attributes: OnnxAttribute[], name = outputs[0]!): void {
    const last = inputs.findLastIndex((input) => input !== '')
    this.#nodes.push({ name, op, domain: '', inputs: inputs.slice(0, last + 1), outputs: [...outputs], attributes })
  }
}
