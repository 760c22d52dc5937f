import type { CheckedInputs } from '../data/inputs.js'
import type { ModelOutput } from '../model-internals.js'
import type { GruSpec, LayerSpec } from '../spec/types.js'
import type { Trimming } from './batcher.js'

/**
 * Which masked steps at the ends of a batch may be left out. A masked step keeps every state and counts in no loss and no metric, so that leaving it out
 * changes nothing, except where time itself is carried on or turned around: stateful layers, and sequences in the order of goBackwards. Steps in front
 * stay as well where a layer works on every step for itself: a dropout draws by place in time, and the sums of the gradients of a dense layer or a
 * normalization would be rounded in another order. The rows of a batch may go in any order, then: sums over them are rounded in that order, nothing
 * else changes.
 */
export function trimmingOf(layers: readonly LayerSpec[], inputs: CheckedInputs, output: ModelOutput, training: boolean): Trimming {
  const maskZero = layers.some((layer) => layer.type === 'embedding' && layer.maskZero)
  const grus = layers.flatMap((layer): GruSpec[] => {
    if (layer.type === 'gru') return [layer]
    return layer.type === 'bidirectional' ? [layer.layer] : []
  })
  const fixed = grus.some(
    ({ stateful, goBackwards, alignOutput, returnSequences }) => stateful || (goBackwards && !alignOutput && returnSequences),
  )
  const trailing = (maskZero || inputs.mask !== undefined) && !fixed
  const last = output.sequence ? layers.length : layers.findLastIndex(({ type }) => type === 'gru' || type === 'bidirectional')
  const stepwise = layers.slice(0, last).some(({ type }) => type === 'dropout' || type === 'dense' || type === 'layerNormalization')
  const longestFirst = trailing && inputs.steps > 1 && !grus.some(({ returnState }) => returnState)
  return { trailing, leading: trailing && !(training && stepwise), maskZero, outputIsSequence: output.sequence, longestFirst }
}

/** For outputs of every row, in whatever batches: a sequence that comes out keeps all its steps. */
export function predictTrimming(layers: readonly LayerSpec[], inputs: CheckedInputs, output: ModelOutput): Trimming {
  const trimming = trimmingOf(layers, inputs, output, false)
  return output.sequence ? { ...trimming, leading: false, trailing: false, longestFirst: false } : trimming
}
