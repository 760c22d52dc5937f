import { GrusError } from './errors.js'

/** Plain row-major data with its shape. It has no operations: typed arrays go in and come out. */
export interface Tensor<Data extends Float32Array | Int32Array = Float32Array | Int32Array> {
  readonly data: Data
  readonly shape: readonly number[]
}

/** What networks compute. */
export type FloatTensor = Tensor<Float32Array>

/** Numbers in nested arrays of one depth: `[[1, 2], [3, 4]]`. */
export type NestedArray = readonly (number | NestedArray)[]

/** What every public function takes where it needs numbers. */
export type TensorLike = Tensor | NestedArray

export type DataType = 'float32' | 'int32'

/** Options of {@link tensor}. */
export interface TensorOptions {
  /** Of a tensor made from nested arrays; a typed array brings its own. Default `'float32'`. */
  dtype?: DataType
}

/**
 * Makes a tensor from nested arrays (copied, float32 unless `dtype` says int32) or from a typed array (NOT copied).
 *
 * @param values - numbers in nested arrays of equal length at each depth, or a Float32Array or Int32Array
 * @param shape - default: the nesting's own shape, `[length]` for a typed array; a given one must hold as many elements
 * @throws GrusError SHAPE_MISMATCH for ragged rows (the first one is named) or a shape of another size;
 *   INVALID_ARGUMENT for anything that is no number, and for an int32 value that is no 32-bit integer
 */
export function tensor(values: NestedArray | Float32Array | Int32Array, shape?: readonly number[], options: TensorOptions = {}): Tensor {
  const where = 'tensor'
  if (typeof options !== 'object' || options === null) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] options must be an object, got ${describe(options)}`)
  }
  const dtype = checkOptions(where, options)
  if (dtype !== undefined && dtype !== 'float32' && dtype !== 'int32') {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] dtype must be 'float32' or 'int32', got ${String(dtype)}`)
  }
  if (values instanceof Float32Array || values instanceof Int32Array) {
    if (dtype !== undefined && dtype !== dataType(values)) {
      throw new GrusError('INVALID_ARGUMENT', `[${where}] dtype ${dtype} was asked for, but the data is a ${values.constructor.name}`)
    }
    return withShape(where, values, shape ?? [values.length])
  }
  const made = fromNested(where, values, dtype ?? 'float32')
  return shape ? withShape(where, made.data, shape) : made
}

/** The tensor behind a TensorLike. Nested arrays become `dtype`; a tensor is checked and returned as it is. */
export function toTensor(where: string, name: string, value: TensorLike, dtype: DataType = 'float32'): Tensor {
  if (Array.isArray(value)) return fromNested(where, value as NestedArray, dtype, name)
  const { data, shape } = (value ?? {}) as Tensor
  if (!(data instanceof Float32Array || data instanceof Int32Array) || !Array.isArray(shape)) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${name} must be a tensor or nested arrays of numbers, got ${describe(value)}`)
  }
  return withShape(where, data, shape, name, value as Tensor)
}

/** How many elements a shape holds. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1
  for (let i = 0; i < shape.length; i++) size *= shape[i]!
  return size
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** `[2, 3]`, for messages. */
export function showShape(shape: readonly (number | string)[]): string {
  return `[${shape.join(', ')}]`
}

export function dataType(data: Float32Array | Int32Array): DataType {
  return data instanceof Int32Array ? 'int32' : 'float32'
}

function checkOptions(where: string, options: TensorOptions): DataType | undefined {
  if (typeof options !== 'object' || options === null) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] options must be an object, got ${describe(options)}`)
  }
  const unknown = Object.keys(options).find((key) => key !== 'dtype')
  if (unknown !== undefined) throw new GrusError('INVALID_ARGUMENT', `[${where}] unknown option '${unknown}'; known: dtype`)
  return options.dtype
}

function withShape(where: string, data: Tensor['data'], shape: readonly number[], name = 'shape', same?: Tensor): Tensor {
  if (!Array.isArray(shape) || !allCounts(shape)) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${name}: a shape must be an array of non-negative integers, got ${describe(shape)}`)
  }
  if (sizeOf(shape) !== data.length) {
    const held = `${showShape(shape)} holds ${sizeOf(shape)} elements, the data has ${data.length}`
    throw new GrusError('SHAPE_MISMATCH', `[${where}] ${name}: ${held}`)
  }
  return same ?? { data, shape: [...shape] }
}

function allCounts(shape: readonly number[]): boolean {
  for (let i = 0; i < shape.length; i++) if (!(Number.isSafeInteger(shape[i]) && shape[i]! >= 0)) return false
  return true
}

function fromNested(where: string, values: NestedArray, dtype: DataType, name = 'values'): Tensor {
  const shape: number[] = []
  for (let level: unknown = values; Array.isArray(level); level = level[0]) shape.push(level.length)
  if (shape.length === 0) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] ${name} must be nested arrays or a typed array, got ${describe(values)}`)
  }
  const size = sizeOf(shape)
  const data = dtype === 'int32' ? new Int32Array(size) : new Float32Array(size)
  const integers = dtype === 'int32'
  let next = 0
  const path: number[] = []
  const at = () => `${name}${path.map((i) => `[${i}]`).join('')}`
  const fill = (level: NestedArray, depth: number): void => {
    const expected = shape[depth]!
    if (level.length !== expected) {
      const ragged = `has ${level.length} entries, ${name}${'[0]'.repeat(depth)} has ${expected}`
      throw new GrusError('SHAPE_MISMATCH', `[${where}] ragged rows: ${at()} ${ragged}; pad sequences with padSequences`)
    }
    const leaf = depth === shape.length - 1
    for (let i = 0; i < expected; ++i) {
      const value = level[i]
      path[depth] = i
      if (leaf) {
        if (typeof value !== 'number') {
          const code = Array.isArray(value) ? 'SHAPE_MISMATCH' : 'INVALID_ARGUMENT'
          throw new GrusError(code, `[${where}] ${at()} must be a number, got ${describe(value)}`)
        }
        if (integers && (value | 0) !== value) {
          throw new GrusError('INVALID_ARGUMENT', `[${where}] ${at()} must be a 32-bit integer, got ${value}`)
        }
        data[next++] = value
      } else if (Array.isArray(value)) {
        fill(value, depth + 1)
      } else {
        const code = typeof value === 'number' ? 'SHAPE_MISMATCH' : 'INVALID_ARGUMENT'
        throw new GrusError(code, `[${where}] ${at()} must be an array of ${shape[depth + 1]}, got ${describe(value)}`)
      }
    }
    path.length = depth
  }
  fill(values, 0)
  return { data, shape }
}

/** A short picture of any value, for messages. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value))
    return value.length <= 6 && value.every((v) => typeof v === 'number' || typeof v === 'string')
      ? showShape(value)
      : `an array of ${value.length}`
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`
  if (typeof value === 'object' && value !== null) return `an object with ${Object.keys(value).slice(0, 5).join(', ') || 'no keys'}`
  return String(value)
}
