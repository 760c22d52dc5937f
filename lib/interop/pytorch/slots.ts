import type { PlacedLayer } from '../../spec/network.js'
import { parametersOf } from '../../spec/parameters.js'
import { sameShape } from '../../tensor.js'
import type { Part, TorchModule } from './modules.js'

/** A layer of grus that has weights. */
export interface Slot {
  /** Among all layers. */
  index: number
  layer: PlacedLayer
  name: string
  kind: 'embedding' | 'gru' | 'linear' | 'layerNorm'
  /** By their names within the layer. */
  shapes: ReadonlyMap<string, readonly number[]>
}

const kinds = { embedding: 'embedding', gru: 'gru', bidirectional: 'gru', dense: 'linear', layerNormalization: 'layerNorm' } as const

export function slotsOf(layers: readonly PlacedLayer[]): Slot[] {
  return layers.flatMap((layer, index) => {
    const { name, type } = layer.spec
    const shapes = new Map(parametersOf(layer).map((parameter) => [parameter.name.slice(name.length + 1), parameter.shape]))
    return shapes.size === 0 ? [] : [{ index, layer, name, kind: kinds[type as keyof typeof kinds], shapes }]
  })
}

/** The part can be this layer, whatever its sizes. */
export function sameKind(part: Part, slot: Slot): boolean {
  return part.kind === slot.kind || (part.kind === 'matrix' && (slot.kind === 'embedding' || slot.kind === 'linear'))
}

/** The part has exactly the layer's tensors. */
export function fits(part: Part, slot: Slot, shapeOf: (key: string) => readonly number[]): boolean {
  if (!sameKind(part, slot) || part.keys.size !== slot.shapes.size) return false
  return [...part.keys].every(([name, key]) => {
    const shape = slot.shapes.get(name)
    return shape !== undefined && sameShape(shape, shapeOf(key))
  })
}

/** The layers from `first` on that a module's parts would be: between those of an nn.GRU there may be dropout only. */
export function slotsFrom(
  slots: readonly Slot[],
  first: number,
  module: TorchModule,
  layers: readonly PlacedLayer[],
): readonly Slot[] | undefined {
  const range = slots.slice(first, first + module.parts.length)
  if (range.length < module.parts.length) return undefined
  for (let i = range[0]!.index; i < range.at(-1)!.index; ++i) {
    if (!range.some(({ index }) => index === i) && layers[i]!.spec.type !== 'dropout') return undefined
  }
  return range
}
