// From plain data to the bytes of a model. Repeated numbers are not packed, as ONNX' own writer has them.
import { ProtobufWriter } from '../../files/protobuf.js'
import {
  type OnnxAttribute,
  type OnnxExternalData,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  onnxTypes,
} from './proto.js'

/** A tensor whose bytes may be pieces of larger arrays, so that weights are written without being copied. */
export type TensorInParts = Omit<OnnxTensor, 'data'> & { data: OnnxTensor['data'] | readonly Uint8Array[] }

export type GraphToWrite = Omit<OnnxGraph, 'initializers'> & { initializers: readonly TensorInParts[] }

export type ModelToWrite = Omit<OnnxModel, 'graph'> & { graph: GraphToWrite }

/** ModelProto in pieces; bytes of tensors are the ones given, not copies. */
export function encodeModel({ irVersion, opsets, producerName, producerVersion, graph, metadata = {} }: ModelToWrite): ProtobufWriter {
  const message = new ProtobufWriter().int(1, irVersion)
  if (producerName !== undefined) message.string(2, producerName)
  if (producerVersion !== undefined) message.string(3, producerVersion)
  message.message(7, encodeGraph(graph))
  for (const { domain, version } of opsets) message.message(8, new ProtobufWriter().string(1, domain).int(2, version))
  for (const [key, value] of Object.entries(metadata)) message.message(14, entry(key, value))
  return message
}

function encodeGraph({ name, nodes, initializers, inputs, outputs }: GraphToWrite): ProtobufWriter {
  const message = new ProtobufWriter()
  for (const node of nodes) message.message(1, encodeNode(node))
  message.string(2, name)
  for (const tensor of initializers) message.message(5, encodeTensor(tensor))
  for (const value of inputs) message.message(11, encodeValueInfo(value))
  for (const value of outputs) message.message(12, encodeValueInfo(value))
  return message
}

function encodeNode({ name, op, domain, inputs, outputs, attributes }: OnnxNode): ProtobufWriter {
  const message = new ProtobufWriter()
  for (const input of inputs) message.string(1, input)
  for (const output of outputs) message.string(2, output)
  message.string(3, name).string(4, op)
  for (const attribute of attributes) message.message(5, encodeAttribute(attribute))
  if (domain !== '') message.string(7, domain)
  return message
}

/** AttributeProto.AttributeType. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 }

function encodeAttribute(attribute: OnnxAttribute): ProtobufWriter {
  const { name, kind, value } = attribute
  if (kind === 'other') throw new Error(`attribute ${name} is of a kind that is not written`)
  const message = new ProtobufWriter().string(1, name)
  if (kind === 'float') message.float(2, value)
  else if (kind === 'int') message.int(3, value)
  else if (kind === 'string') message.string(4, value)
  else if (kind === 'tensor') message.message(5, encodeTensor(value))
  else if (kind === 'floats') for (const number of value) message.float(7, number)
  else if (kind === 'ints') for (const number of value) message.int(8, number)
  else for (const text of value) message.string(9, text)
  return message.int(20, attributeTypes[kind])
}

function encodeTensor({ name, type, dims, data }: TensorInParts): ProtobufWriter {
  const message = new ProtobufWriter()
  for (const size of dims) message.int(1, size)
  message.int(2, onnxTypes[type]).string(8, name)
  if (data instanceof Uint8Array) return message.bytes(9, data)
  if ('location' in data) return encodeExternal(message, data)
  return message.message(9, { length: byteLength(data), parts: data })
}

function encodeExternal(message: ProtobufWriter, { location, offset, length }: OnnxExternalData): ProtobufWriter {
  message.message(13, entry('location', location))
  if (offset !== undefined) message.message(13, entry('offset', String(offset)))
  if (length !== undefined) message.message(13, entry('length', String(length)))
  return message.int(14, 1) // DataLocation EXTERNAL
}

function encodeValueInfo({ name, type, dims }: OnnxValueInfo): ProtobufWriter {
  const tensor = new ProtobufWriter().int(1, onnxTypes[type])
  if (dims) {
    const shape = new ProtobufWriter()
    for (const size of dims) {
      const dim = new ProtobufWriter()
      if (typeof size === 'number') dim.int(1, size)
      if (typeof size === 'string') dim.string(2, size)
      shape.message(1, dim)
    }
    tensor.message(2, shape)
  }
  return new ProtobufWriter().string(1, name).message(2, new ProtobufWriter().message(1, tensor))
}

function entry(key: string, value: string): ProtobufWriter {
  return new ProtobufWriter().string(1, key).string(2, value)
}

export function byteLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}
