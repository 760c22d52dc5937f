// The part of onnx.proto that grus reads and writes, as plain data.

/** TensorProto.DataType, by the names that are known here. */
export const onnxTypes = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  BFLOAT16: 16,
} as const

export type OnnxType = keyof typeof onnxTypes

export interface OnnxModel {
  irVersion: number
  /** Domain `''` is ONNX's own. */
  opsets: OnnxOpset[]
  producerName?: string
  producerVersion?: string
  graph: OnnxGraph
  /** metadata_props. */
  metadata?: Record<string, string>
}

export interface OnnxOpset {
  domain: string
  version: number
}

export interface OnnxGraph {
  name: string
  nodes: OnnxNode[]
  initializers: OnnxTensor[]
  inputs: OnnxValueInfo[]
  outputs: OnnxValueInfo[]
}

export interface OnnxNode {
  name: string
  op: string
  /** Empty: ONNX's own operators. */
  domain: string
  /** An input left out is `''`. */
  inputs: string[]
  /** An output left out is `''`. */
  outputs: string[]
  attributes: OnnxAttribute[]
}

/** A kind that grus has no use for (graphs, sparse tensors, types) is `other`, with AttributeProto's number for it. */
export type OnnxAttribute = { name: string } & (
  | { kind: 'float'; value: number }
  | { kind: 'int'; value: number }
  | { kind: 'string'; value: string }
  | { kind: 'tensor'; value: OnnxTensor }
  | { kind: 'floats'; value: number[] }
  | { kind: 'ints'; value: number[] }
  | { kind: 'strings'; value: string[] }
  | { kind: 'other'; value: number }
)

export interface OnnxTensor {
  name: string
  type: OnnxType
  dims: number[]
  /** Row-major numbers, little-endian, as raw_data holds them; or where they lie. */
  data: Uint8Array | OnnxExternalData
}

/** Numbers in a file of their own beside the model. */
export interface OnnxExternalData {
  /** A path relative to the model's folder, with `/`. */
  location: string
  /** Default 0. */
  offset?: number
  /** In bytes. Default: to the file's end. */
  length?: number
}

/** An input or output of the graph. Only tensors are known. */
export interface OnnxValueInfo {
  name: string
  type: OnnxType
  /** A size, a name for one that varies, or undefined for one not known. Absent: not even their number is known. */
  dims?: (number | string | undefined)[]
}
