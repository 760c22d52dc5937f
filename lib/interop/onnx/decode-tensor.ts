// TensorProto: numbers come as raw bytes, in a field for their type, or lie in a file beside the model.
import { ProtobufError, type WireField, wire, wireFields } from '../../files/protobuf.js'
import { OnnxUnsupported } from './faults.js'
import { type OnnxExternalData, type OnnxTensor, type OnnxType, onnxTypes } from './proto.js'

/** Bytes of one number; a string has no fixed number of them. */
export const typeSizes: Record<Exclude<OnnxType, 'STRING'>, number> = {
  FLOAT: 4,
  UINT8: 1,
  INT8: 1,
  UINT16: 2,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  BOOL: 1,
  FLOAT16: 2,
  DOUBLE: 8,
  UINT32: 4,
  UINT64: 8,
  BFLOAT16: 2,
}

/** Repeated int64, held within ±2^53: exporters write the largest int64 where they mean "to the end". */
export function saturated(field: WireField): number[] {
  return wire.bigints(field).map(saturate)
}

export function saturate(value: bigint): number {
  const most = BigInt(Number.MAX_SAFE_INTEGER)
  return Number(value > most ? most : value < -most ? -most : value)
}

/** @throws ProtobufError where the numbers are not as many as dims say */
export function decodeTensor(bytes: Uint8Array): OnnxTensor {
  const dims: number[] = []
  let [name, type, external, raw]: [string, number?, OnnxExternalData?, Uint8Array?] = ['']
  let elsewhere = false
  const typed: WireField[] = []
  const pairs: [string, string][] = []
  for (const field of wireFields(bytes)) {
    if (field.number === 1) dims.push(...wire.ints(field).slice(0, 32))
    else if (field.number === 2) type = wire.int(field)
    else if (field.number === 3) throw new OnnxUnsupported('a tensor in segments')
    else if (field.number === 8) name = wire.string(field)
    else if (field.number === 9) raw = wire.bytes(field)
    else if (field.number === 13) pairs.push(decodePair(wire.bytes(field)))
    else if (field.number === 14) elsewhere = wire.int(field) === 1
    else if ([4, 5, 7, 10, 11].includes(field.number)) typed.push(field)
  }
  if (dims.length > 16) throw new OnnxUnsupported(`the tensor '${name}' has more than 16 axes`)
  if (dims.some((dim) => dim < 0)) throw new ProtobufError(`the tensor '${name}' has a size below 0`)
  const named = typeNamed(name, type)
  if (elsewhere) external = decodeExternal(name, pairs)
  if (external) return { name, type: named, dims, data: external }
  if (named === 'STRING') return { name, type: named, dims, data: new Uint8Array() }
  if (raw && typed.length > 0) throw new ProtobufError(`the tensor '${name}' holds its numbers twice`)
  const data = raw ?? typedBytes(name, named, typed)
  checkLength(name, named, dims, data.length)
  return { name, type: named, dims, data }
}

/** @throws ProtobufError unless so many bytes are what the dims say */
export function checkLength(name: string, type: Exclude<OnnxType, 'STRING'>, dims: readonly number[], bytes: number): void {
  const count = dims.reduce((n, dim) => n * dim, 1)
  if (count * typeSizes[type] === bytes) return
  throw new ProtobufError(
    `the tensor '${name}' of ${type} [${dims.join(', ')}] must have ${count * typeSizes[type]} bytes of numbers, ${bytes} came`,
  )
}

/** float_data, int32_data, int64_data, double_data, uint64_data as raw_data would have them. */
function typedBytes(name: string, type: Exclude<OnnxType, 'STRING'>, fields: readonly WireField[]): Uint8Array {
  const number = { FLOAT: 4, INT64: 7, DOUBLE: 10, UINT32: 11, UINT64: 11 }[type as string] ?? 5
  const wrong = fields.find((field) => field.number !== number)
  if (wrong) throw new ProtobufError(`the tensor '${name}' of ${type} holds its numbers in field ${wrong.number}, not ${number}`)
  const parts = fields.map((field) => {
    // packed floats lie as raw_data would have them
    if (number === 4) return field.wire === 5 ? field.value : wire.bytes(field)
    if (number === 10) return field.wire === 1 ? field.value : wire.bytes(field)
    const size = typeSizes[type]
    const values = wire.bigints(field)
    const bytes = Buffer.alloc(values.length * size)
    values.forEach((value, i) => {
      for (let k = 0, rest = BigInt.asUintN(64, value); k < size; ++k, rest >>= 8n) bytes[i * size + k] = Number(rest & 255n)
    })
    return bytes
  })
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

/** A StringStringEntryProto. */
export function decodePair(bytes: Uint8Array): [string, string] {
  let [key, value] = ['', '']
  for (const field of wireFields(bytes)) {
    if (field.number === 1) key = wire.string(field)
    else if (field.number === 2) value = wire.string(field)
  }
  return [key, value]
}

function decodeExternal(name: string, pairs: readonly [string, string][]): OnnxExternalData {
  const given = new Map(pairs)
  const location = given.get('location')
  if (!location) throw new ProtobufError(`the tensor '${name}' lies elsewhere, but there is no location`)
  const number = (key: string): number | undefined => {
    const text = given.get(key)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
      throw new ProtobufError(`the tensor '${name}': ${key} is no count of bytes: '${text}'`)
    return value
  }
  const [offset, length] = [number('offset'), number('length')]
  return { location, ...(offset !== undefined && { offset }), ...(length !== undefined && { length }) }
}

export function typeNamed(what: string, number: number | undefined): OnnxType {
  const found = Object.entries(onnxTypes).find(([, value]) => value === number)
  if (found) return found[0] as OnnxType
  if (number === undefined || number <= 0 || number > 64) throw new ProtobufError(`'${what}' has no type that numbers have: ${number}`)
  throw new OnnxUnsupported(`'${what}' has the data type ${number}; float32, float16, bfloat16, float64, int32 and int64 can be read`)
}
