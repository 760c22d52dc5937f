// Small ONNX models of a few nodes, told in few words.
import { encodeModel } from '../../lib/interop/onnx/encode.js'
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxType, OnnxValueInfo } from '../../lib/interop/onnx/proto.js'
import { sizeOf } from '../../lib/tensor.js'

export type Attributes = Record<string, number | string | number[] | string[] | { float: number } | { floats: number[] } | OnnxTensor>

/** A node: `node('Gemm', ['x', 'w'], ['y'], { transB: 1 })`. Whole numbers are ints unless said to be floats. */
export function node(op: string, inputs: string[], outputs: string[], attributes: Attributes = {}, name = ''): OnnxNode {
  return { name, op, domain: '', inputs, outputs, attributes: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)) }
}

function attributeOf(name: string, value: Attributes[string]): OnnxAttribute {
  if (typeof value === 'number') return { name, kind: 'int', value }
  if (typeof value === 'string') return { name, kind: 'string', value }
  if (Array.isArray(value)) {
    return typeof value[0] === 'string'
      ? { name, kind: 'strings', value: value as string[] }
      : { name, kind: 'ints', value: value as number[] }
  }
  if ('float' in value) return { name, kind: 'float', value: value.float }
  if ('floats' in value) return { name, kind: 'floats', value: value.floats }
  return { name, kind: 'tensor', value }
}

export function floats(name: string, dims: number[], data: ArrayLike<number>): OnnxTensor {
  return { name, type: 'FLOAT', dims, data: new Uint8Array(Float32Array.from(data).buffer) }
}

/** A list of int64, or a number alone. */
export function integers(name: string, value: number | number[]): OnnxTensor {
  const list = [value].flat()
  return {
    name,
    type: 'INT64',
    dims: typeof value === 'number' ? [] : [list.length],
    data: new Uint8Array(BigInt64Array.from(list, BigInt).buffer),
  }
}

export function info(name: string, dims?: (number | string | undefined)[], type: OnnxType = 'FLOAT'): OnnxValueInfo {
  return { name, type, ...(dims && { dims }) }
}

export interface GraphParts {
  nodes: OnnxNode[]
  initializers?: OnnxTensor[]
  inputs: OnnxValueInfo[]
  outputs: string[]
  opset?: number
}

export function modelBytes({ nodes, initializers = [], inputs, outputs, opset = 17 }: GraphParts): Buffer {
  const graph = { name: 'small', nodes, initializers, inputs, outputs: outputs.map((name) => info(name)) }
  return encodeModel({ irVersion: 8, opsets: [{ domain: '', version: opset }], graph }).finish()
}

/** Weights of a GRU node under these names, drawn. */
export function gruWeights(random: () => number, inputSize: number, units: number, directions = 1, prefix = ''): OnnxTensor[] {
  const draw = (name: string, dims: number[]) =>
    floats(
      `${prefix}${name}`,
      dims,
      Array.from({ length: sizeOf(dims) }, () => random() - 0.5),
    )
  return [draw('W', [directions, 3 * units, inputSize]), draw('R', [directions, 3 * units, units]), draw('B', [directions, 6 * units])]
}
