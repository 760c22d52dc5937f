import { activationOf } from '../../spec/activation.js'
import { gruOf, type NamedLayer } from '../../spec/network.js'
import type { GruSpec } from '../../spec/types.js'
import { describe } from '../../tensor.js'

/**
 * What keeps a layer from being an nn.GRU; undefined if nothing does. `updateGate: 'write'` can be converted.
 *
 * @returns `'gru' has resetAfter false, …`
 */
export function unlikeTorch(layer: NamedLayer): string | undefined {
  const gru = gruOf(layer)
  if (!gru) return undefined
  const reason = unlikeGru(gru) ?? (layer.type === 'bidirectional' && layer.backwardLayer ? unlikeGru(layer.backwardLayer) : undefined)
  return reason === undefined ? undefined : `layer '${layer.name}' has ${reason}`
}

/** @returns `resetAfter false, …` */
export function unlikeGru(
  gru: Pick<GruSpec, 'resetAfter' | 'activation' | 'recurrentActivation'> & { clip?: number | undefined },
): string | undefined {
  if (!gru.resetAfter) return 'resetAfter false, another network than nn.GRU; the nearest it can be is resetAfter: true, trained again'
  if (activationOf('gru', 'activation', gru.activation).kind !== 'tanh') {
    return `activation ${describe(gru.activation)}, nn.GRU has 'tanh' only`
  }
  if (activationOf('gru', 'recurrentActivation', gru.recurrentActivation).kind !== 'sigmoid') {
    return `recurrentActivation ${describe(gru.recurrentActivation)}, nn.GRU has 'sigmoid' only`
  }
  return gru.clip === undefined ? undefined : `clip ${gru.clip}, nn.GRU has none`
}
