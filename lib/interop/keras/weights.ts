// Weights files of Keras 3 (`model.save_weights('x.weights.h5')`) for models whose layers are known.
import { GrusError } from '../../errors.js'
import { Hdf5 } from '../../files/hdf5.js'
import { readWhole } from '../../files/open-file.js'
import { type NamedLayer, type PlacedLayer, placeLayers } from '../../spec/network.js'
import type { FloatTensor } from '../../tensor.js'
import { errorsOf } from '../model-data.js'
import { assignWeights, type GroupedLayer, groupOf, type KerasTensors } from './groups.js'

/**
 * Tensors by path: `layers/gru/cell/vars/0`. The optimizer's are left out.
 *
 * @throws GrusError CORRUPT_FILE; UNSUPPORTED where h5wasm is missing; INVALID_ARGUMENT if the file cannot be read
 */
export async function readKerasWeights(where: string, path: string): Promise<KerasTensors> {
  const bytes = await readWhole(where, path)
  const hdf5 = new Hdf5(where)
  try {
    return (await hdf5.read(path, bytes, ['optimizer'])).datasets
  } finally {
    await hdf5.close()
  }
}

/**
 * The file's weights under grus' names. As Keras does, it goes by the layers' kinds and order, not by their names.
 *
 * @param path - for messages
 * @throws GrusError SHAPE_MISMATCH for weights of other layers than these; UNSUPPORTED
 */
export function mapKerasWeights(
  where: string,
  path: string,
  tensors: KerasTensors,
  layers: readonly NamedLayer[],
  inputSize: number,
  sequence: boolean,
): Map<string, FloatTensor> {
  const errors = errorsOf(where, path)
  const wrong = (text: string) => new GrusError('SHAPE_MISMATCH', `[${where}] ${path}: ${text}`)
  const placed = placeLayers(where, layers, inputSize, sequence)
  if (tensors.size === 0) throw errors.corrupt('it holds no weights')
  if ([...tensors.keys()].some((tensor) => tensor.startsWith('model_weights/'))) {
    throw errors.unsupported('it is a whole model in the old .h5 format, not a .weights.h5 file: import the model')
  }
  return assignWeights(errors, wrong, tensors, grouped(errors, tensors, placed))
}

/** The file alone tells whether a dense layer was a Dense or a TimeDistributed(Dense): all of those on sequences, or none. */
function grouped(errors: ReturnType<typeof errorsOf>, tensors: KerasTensors, placed: readonly PlacedLayer[]): GroupedLayer[] {
  const groups = new Set([...tensors.keys()].map((path) => path.split('/')[1]))
  const wrapped = [...groups].filter((group) => /^time_distributed(_\d+)?$/.test(group ?? '')).length
  const onSequences = placed.filter(({ spec, sequence }) => spec.type === 'dense' && sequence)
  if (wrapped !== 0 && wrapped !== onSequences.length) {
    const text = `${wrapped} TimeDistributed layers for ${onSequences.length} dense layers on sequences: which is which is not in the file`
    throw errors.unsupported(`${text}; import the whole model from a .keras file`)
  }
  return placed.map((layer) => ({
    placed: layer,
    group: wrapped > 0 && onSequences.includes(layer) ? 'time_distributed/layer' : groupOf(layer),
  }))
}
