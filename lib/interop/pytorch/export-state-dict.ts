import { extname } from 'node:path'
import { checkPath } from '../../files/paths.js'
import { writeSafetensors } from '../../files/safetensors.js'
import { placeLayers } from '../../spec/network.js'
import { parametersOf } from '../../spec/parameters.js'
import type { FloatTensor } from '../../tensor.js'
import { negateUpdateGate } from '../blocks.js'
import { errorsOf, type ModelData } from '../model-data.js'
import { unlikeTorch } from './convention.js'
import { writeTorchArchive } from './write-archive.js'

/**
 * Writes the weights under PyTorch's names and in its convention, as the state dict of the module that {@link pytorchModule} gives: `.safetensors`, or `.pt`
 * or `.pth` for torch.load(weights_only=True).
 *
 * @throws GrusError UNSUPPORTED naming a layer that nn.GRU cannot be, and the option; INVALID_ARGUMENT for another extension, and if it cannot be written
 */
export async function exportStateDict(where: string, data: ModelData, path: string): Promise<void> {
  checkPath(where, path)
  const errors = errorsOf(where, path)
  const extension = extname(path).toLowerCase()
  const tensors = stateDictOf(where, data, errors.unsupported)
  if (extension === '.safetensors') await writeSafetensors(path, tensors, { format: 'pt' }, where)
  else if (extension === '.pt' || extension === '.pth') await writeTorchArchive(where, path, tensors)
  else throw errors.invalid(`a state dict is written to a file named .safetensors, .pt or .pth, got '${extension}'`)
}

/** The weights in the order of the layers, with `updateGate: 'write'` turned into nn.GRU's convention. */
function stateDictOf(where: string, data: ModelData, unsupported: (text: string) => Error): Map<string, FloatTensor> {
  const unlike = data.layers.map(unlikeTorch).find((reason) => reason !== undefined)
  if (unlike !== undefined) throw unsupported(unlike)
  const parameters = placeLayers(where, data.layers, data.inputSize, data.sequence).flatMap(parametersOf)
  return new Map(
    parameters.map(({ name, negateUpdate }) => {
      const tensor = data.weights.get(name)!
      return [name, negateUpdate ? negateUpdateGate(tensor) : tensor]
    }),
  )
}
