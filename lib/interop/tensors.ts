// Files of arrays without layers.
import type { Tensor } from '../tensor.js'

export async function readTensors(
  where: string,
  path: string,
  format: 'pytorch' | 'kerasWeights' | 'npy' | 'npz',
): Promise<ReadonlyMap<string, Tensor>> {
  switch (format) {
    case 'pytorch':
      return (await (await import('./pytorch/read-state-dict.js')).readStateDict(where, path)).tensors
    case 'kerasWeights':
      return (await import('./keras/weights.js')).readKerasWeights(where, path)
    case 'npy':
      return new Map([['array', await (await import('../files/npy.js')).readNpy(path)]])
    case 'npz':
      return (await import('../files/npz.js')).readNpz(path)
  }
}
