// A model's bytes as plain data: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. What stands in no field that grus needs is read past; what it
// cannot do without knowing is refused.
import { ProtobufError, wire, wireFields } from '../../files/protobuf.js'
import { decodePair, decodeTensor, saturated, typeNamed } from './decode-tensor.js'
import { OnnxUnsupported } from './faults.js'
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxOpset, OnnxValueInfo } from './proto.js'

/** @throws ProtobufError for damaged bytes, OnnxUnsupported for what cannot be read */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  const [opsets, metadata]: [OnnxOpset[], Record<string, string>] = [[], Object.create(null)]
  let [irVersion, producerName, producerVersion, graph]: [number?, string?, string?, Uint8Array?] = []
  for (const field of wireFields(bytes)) {
    if (field.number === 1) irVersion = wire.int(field)
    else if (field.number === 2) producerName = wire.string(field)
    else if (field.number === 3) producerVersion = wire.string(field)
    else if (field.number === 7) graph = once('graph', graph, wire.bytes(field))
    else if (field.number === 8) opsets.push(decodeOpset(wire.bytes(field)))
    else if (field.number === 14) {
      const [key, value] = decodePair(wire.bytes(field))
      metadata[key] = value
    } else if (field.number === 20)
      throw new OnnxUnsupported('training_info: only inference graphs can be read; export the model without it')
    else if (field.number === 25) {
      throw new OnnxUnsupported('functions of its own: export the model with its functions inlined (onnx.inliner does it)')
    }
  }
  if (irVersion === undefined || graph === undefined) throw new ProtobufError('no ONNX model: it has no ir_version or no graph')
  if (opsets.length === 0) throw new ProtobufError('no ONNX model: it has no opset_import')
  return {
    irVersion,
    opsets,
    ...(producerName !== undefined && { producerName }),
    ...(producerVersion !== undefined && { producerVersion }),
    graph: decodeGraph(graph),
    metadata,
  }
}

function decodeOpset(bytes: Uint8Array): OnnxOpset {
  let [domain, version]: [string, number?] = ['']
  for (const field of wireFields(bytes)) {
    if (field.number === 1) domain = wire.string(field)
    else if (field.number === 2) version = wire.int(field)
  }
  if (version === undefined) throw new ProtobufError(`the operator set of domain '${domain}' has no version`)
  return { domain, version }
}

function decodeGraph(bytes: Uint8Array): OnnxGraph {
  const graph: OnnxGraph = { name: '', nodes: [], initializers: [], inputs: [], outputs: [] }
  for (const field of wireFields(bytes)) {
    if (field.number === 1) graph.nodes.push(decodeNode(wire.bytes(field)))
    else if (field.number === 2) graph.name = wire.string(field)
    else if (field.number === 5) graph.initializers.push(decodeTensor(wire.bytes(field)))
    else if (field.number === 11) graph.inputs.push(decodeValueInfo(wire.bytes(field)))
    else if (field.number === 12) graph.outputs.push(decodeValueInfo(wire.bytes(field)))
    else if (field.number === 15) throw new OnnxUnsupported('sparse_initializer: weights must be dense')
  }
  return graph
}

function decodeNode(bytes: Uint8Array): OnnxNode {
  const node: OnnxNode = { name: '', op: '', domain: '', inputs: [], outputs: [], attributes: [] }
  for (const field of wireFields(bytes)) {
    if (field.number === 1) node.inputs.push(wire.string(field))
    else if (field.number === 2) node.outputs.push(wire.string(field))
    else if (field.number === 3) node.name = wire.string(field)
    else if (field.number === 4) node.op = wire.string(field)
    else if (field.number === 5) node.attributes.push(decodeAttribute(wire.bytes(field)))
    else if (field.number === 7) node.domain = wire.string(field)
  }
  if (node.op === '') throw new ProtobufError(`the node '${node.name}' has no operator`)
  return node
}

function decodeAttribute(bytes: Uint8Array): OnnxAttribute {
  let [name, type, float, int, text, tensor]: [string, number?, number?, number?, Uint8Array?, Uint8Array?] = ['']
  const [floats, ints, texts]: [number[], number[], Uint8Array[]] = [[], [], []]
  for (const field of wireFields(bytes)) {
    if (field.number === 1) name = wire.string(field)
    else if (field.number === 2) float = wire.float(field)
    else if (field.number === 3) int = saturated(field)[0]
    else if (field.number === 4) text = wire.bytes(field)
    else if (field.number === 5) tensor = wire.bytes(field)
    else if (field.number === 7) append(floats, wire.floats(field))
    else if (field.number === 8) append(ints, saturated(field))
    else if (field.number === 9) texts.push(wire.bytes(field))
    else if (field.number === 20) type = wire.int(field)
    else if (field.number === 21)
      throw new OnnxUnsupported(`the attribute '${name}' is a function's argument, which a model's graph has not`)
  }
  // files of IR version 1 may leave the type out
  type ??= text ? 3 : tensor ? 4 : floats.length > 0 ? 6 : ints.length > 0 ? 7 : texts.length > 0 ? 8 : int !== undefined ? 2 : 1
  if (type === 1) return { name, kind: 'float', value: float ?? 0 }
  if (type === 2) return { name, kind: 'int', value: int ?? 0 }
  if (type === 3) return { name, kind: 'string', value: utf8(text ?? new Uint8Array()) }
  if (type === 4) {
    if (!tensor) throw new ProtobufError(`the attribute '${name}' must hold a tensor`)
    return { name, kind: 'tensor', value: decodeTensor(tensor) }
  }
  if (type === 6) return { name, kind: 'floats', value: floats }
  if (type === 7) return { name, kind: 'ints', value: ints }
  if (type === 8) return { name, kind: 'strings', value: texts.map(utf8) }
  return { name, kind: 'other', value: type }
}

function decodeValueInfo(bytes: Uint8Array): OnnxValueInfo {
  let [name, type]: [string, Uint8Array?] = ['']
  for (const field of wireFields(bytes)) {
    if (field.number === 1) name = wire.string(field)
    else if (field.number === 2) type = wire.bytes(field)
  }
  if (name === '') throw new ProtobufError('an input or output has no name')
  for (const field of wireFields(type ?? new Uint8Array())) {
    if (field.number !== 1) continue
    let [elem, shape]: [number?, Uint8Array?] = []
    for (const inner of wireFields(wire.bytes(field))) {
      if (inner.number === 1) elem = wire.int(inner)
      else if (inner.number === 2) shape = wire.bytes(inner)
    }
    return { name, type: typeNamed(name, elem), ...(shape && { dims: decodeShape(shape) }) }
  }
  throw new OnnxUnsupported(`'${name}' is no tensor: only tensors can go in and come out`)
}

function decodeShape(bytes: Uint8Array): (number | string | undefined)[] {
  const dims: (number | string | undefined)[] = []
  for (const field of wireFields(bytes)) {
    if (field.number !== 1) continue
    let dim: number | string | undefined
    for (const inner of wireFields(wire.bytes(field))) {
      if (inner.number === 1) dim = wire.int(inner)
      else if (inner.number === 2) dim = wire.string(inner) || undefined
    }
    if (typeof dim === 'number' && dim < 0) throw new ProtobufError(`a size cannot be ${dim}`)
    dims.push(dim)
    if (dims.length > 16) throw new OnnxUnsupported('a shape of more than 16 axes')
  }
  return dims
}

function once(what: string, old: Uint8Array | undefined, value: Uint8Array): Uint8Array {
  if (old) throw new ProtobufError(`there are two of ${what}`)
  return value
}

function append(to: number[], more: readonly number[]): void {
  for (const value of more) to.push(value)
}

function utf8(value: Uint8Array): string {
  return wire.string({ number: 4, wire: 2, value })
}
