import type { WeightShape } from '../../model-weights.js'
import { type FloatTensor, sameShape, showShape } from '../../tensor.js'
import { negateUpdateGate } from '../blocks.js'
import { errorsOf } from '../model-data.js'
import { listModules } from './assign.js'
import { floatTensor } from './map-state-dict.js'
import { modulesOf, type TorchModule } from './modules.js'
import type { StateDict } from './read-state-dict.js'

/**
 * The weights of the one nn.GRU or nn.GRUCell of a state dict that has these names and shapes.
 *
 * @param module - which one, where several fit
 * @throws GrusError INVALID_ARGUMENT if none fits, or several do; UNSUPPORTED for tensors of other types
 */
export function gruWeights(
  where: string,
  stateDict: StateDict,
  shapes: readonly WeightShape[],
  module: string | undefined,
): Map<string, FloatTensor> {
  const errors = errorsOf(where, stateDict.path)
  const modules = modulesOf(stateDict)
  const keysOf = ({ parts }: TorchModule) =>
    new Map(
      parts.flatMap(({ kind, keys }, layer) =>
        kind === 'gru' ? [...keys].map(([name, key]) => [name.replace('_l0', `_l${layer}`), key]) : [],
      ) as [string, string][],
    )
  const fitting = modules.filter((candidate) => {
    if (module !== undefined && candidate.prefix !== module) return false
    const keys = keysOf(candidate)
    return keys.size === shapes.length && shapes.every(({ name, shape }) => sameShape(shapeOf(stateDict, keys.get(name)), shape))
  })
  const [found] = fitting
  if (!found) {
    const wanted = shapes.map(({ name, shape }) => `${name} ${showShape(shape)}`).join(', ')
    const which = module === undefined ? 'no module' : `'${module}' is no module that`
    throw errors.invalid(`${which} has just the tensors ${wanted}; there ${listModules(modules)}`)
  }
  if (fitting.length > 1) {
    throw errors.invalid(`several modules fit: give option module as one of ${fitting.map(({ prefix }) => `'${prefix}'`).join(', ')}`)
  }
  const keys = keysOf(found)
  return new Map(
    shapes.map(({ name, negateUpdate }) => {
      const tensor = floatTensor(stateDict, keys.get(name)!, errors)
      return [name, negateUpdate ? negateUpdateGate(tensor) : tensor]
    }),
  )
}

function shapeOf({ tensors, unreadable }: StateDict, key: string | undefined): readonly number[] {
  return key === undefined ? [-1] : (tensors.get(key) ?? unreadable.get(key))!.shape
}
