// Models that came from elsewhere, on the engine.
import type { ImportedModel, ModelData } from '../../lib/interop/model-data.js'
import type { Model } from '../../lib/model.js'
import { SequentialModel } from '../../lib/model-sequential.js'
import type { TensorLike } from '../../lib/tensor.js'

export function modelOf({ name, layers, inputSize, sequence, weights }: ModelData): Model {
  return new SequentialModel(layers, { name, device: 'cpu' }, { where: 'test', inputSize, sequence, weights })
}

/** The largest difference between what the model computes and y. */
export async function differenceOf(imported: ModelData, x: TensorLike, y: unknown): Promise<number> {
  using model = modelOf(imported)
  const computed = (await model.predict(x)).data
  const wanted = flat(y)
  if (computed.length !== wanted.length) throw new Error(`${computed.length} numbers came, ${wanted.length} were expected`)
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - computed[i]!)), 0)
}

/** Everything that a sound import must have: each weight as long as its shape says. */
export function whole({ layers, weights }: ImportedModel): boolean {
  return layers.length > 0 && [...weights.values()].every(({ data, shape }) => data.length === shape.reduce((n, m) => n * m, 1))
}

function flat(value: unknown): number[] {
  return Array.isArray(value) ? value.flatMap(flat) : [value as number]
}
