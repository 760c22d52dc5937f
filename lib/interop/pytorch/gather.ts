import { sizeOf, type Tensor } from '../../tensor.js'

/** The elements of a strided view, one after the other. The whole array itself where that is what the view shows. */
export function gather(data: Tensor['data'], offset: number, shape: readonly number[], strides: readonly number[]): Tensor['data'] {
  const count = sizeOf(shape)
  if (count === 0 || isContiguous(shape, strides)) return count === data.length ? data : data.slice(offset, offset + count)
  const result = data instanceof Int32Array ? new Int32Array(count) : new Float32Array(count)
  const index = shape.map(() => 0)
  let from = offset
  for (let to = 0; to < count; ++to) {
    result[to] = data[from]!
    for (let axis = shape.length - 1; axis >= 0; --axis) {
      from += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      from -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return result
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; --axis) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false
    expected *= shape[axis]!
  }
  return true
}
