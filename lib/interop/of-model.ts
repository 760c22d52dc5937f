import { GrusError } from '../errors.js'
import type { Model } from '../model.js'
import { modelInternals } from '../model-internals.js'
import type { NamedLayer } from '../spec/network.js'
import type { ModelData } from './model-data.js'

/** @throws GrusError INVALID_ARGUMENT for what is no model, or one that is not built */
export async function modelDataOf(where: string, model: Model): Promise<ModelData> {
  const internals = modelInternals(model, where)
  internals.checkAlive(where)
  const { size, sequence } = internals.input()
  if (size === undefined || sequence === undefined || !model.built) {
    throw new GrusError('INVALID_ARGUMENT', `[${where}] the model is not built yet: call build(inputSize), or give it data first`)
  }
  // a built model's layers have their names
  return { name: model.name, layers: model.layers as readonly NamedLayer[], inputSize: size, sequence, weights: await model.getWeights() }
}
