import { dense, gru } from '../../lib/layers.js'
import { type Model, type ModelOptions, sequential } from '../../lib/model.js'
import { RandomStream } from '../../lib/random.js'
import { type Tensor, tensor } from '../../lib/tensor.js'
import { testDevice } from './devices.js'

export interface Toy {
  x: Tensor
  y: Tensor
}

/** Sequences [rows, steps, 2] of noise; y [rows] is 1 where the first feature is positive on the average, else 0. */
export function toyData(rows: number, steps = 6, seed = 1): Toy {
  const stream = new RandomStream(seed, 'toy')
  const x = Float32Array.from({ length: rows * steps * 2 }, () => 2 * stream.uniform() - 1)
  const y = Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0
    for (let t = 0; t < steps; t++) sum += x[(row * steps + t) * 2]!
    return sum > 0 ? 1 : 0
  })
  return { x: tensor(x, [rows, steps, 2]), y: tensor(y) }
}

/** Rows from..to of both. */
export function rowsOf({ x, y }: Toy, from: number, to: number): Toy {
  const cut = ({ data, shape }: Tensor): Tensor => {
    const row = data.length / shape[0]!
    return { data: data.subarray(from * row, to * row), shape: [to - from, ...shape.slice(1)] }
  }
  return { x: cut(x), y: cut(y) }
}

export function toyModel(options: ModelOptions = {}): Model {
  return sequential([gru({ units: 4 }), dense({ units: 1, activation: 'sigmoid' })], { seed: 7, device: testDevice, ...options })
}

/** All weights as one array of numbers, for comparing bit by bit. */
export async function flatWeights(model: Model): Promise<number[]> {
  return [...(await model.getWeights()).values()].flatMap(({ data }) => [...data])
}
