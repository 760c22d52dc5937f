// Orders of gates and of axes.
import type { FloatTensor } from '../tensor.js'

/** [3H, ...] with its first two thirds exchanged: gates z, r, n -> r, z, n, and back. A new tensor. */
export function swapFirstGates({ data, shape }: FloatTensor): FloatTensor {
  const block = data.length / 3
  const swapped = Float32Array.from(data)
  swapped.set(data.subarray(block, 2 * block), 0)
  swapped.set(data.subarray(0, block), block)
  return { data: swapped, shape: [...shape] }
}

/** [3H, ...] with the second third negated: `updateGate: 'write'` -> `'keep'`, and back. A new tensor; needs gates r, z, n. */
export function negateUpdateGate({ data, shape }: FloatTensor): FloatTensor {
  const block = data.length / 3
  return { data: data.map((value, i) => (i >= block && i < 2 * block ? -value : value)), shape: [...shape] }
}

/** [M, N] -> [N, M]. A new tensor. */
export function transpose({ data, shape }: FloatTensor): FloatTensor {
  const [rows, columns] = shape as [number, number]
  const turned = new Float32Array(data.length)
  for (let i = 0; i < rows; ++i) for (let j = 0; j < columns; ++j) turned[j * rows + i] = data[i * columns + j]!
  return { data: turned, shape: [columns, rows] }
}
