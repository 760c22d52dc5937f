import type { Mode, Shape } from './rows.js'

/** What `flopOf` computes, in words. */
export const flopText =
  'FLOP: 6 T B H (I + H) a layer and direction, I = D H above the first layer; three times that with backward; of a step the GRU alone'

/** Multiplications and additions of a GRU's matrix products. */
export function flopOf({ hidden: H, input, batch: B, steps: T, layers, directions: D }: Shape, mode: Mode): number {
  let flop = 0
  for (let layer = 0; layer < layers; layer++) flop += 6 * T * B * H * D * ((layer === 0 ? input : D * H) + H)
  return mode === 'training' || mode === 'step' ? 3 * flop : flop
}
