import { setImmediate as nextTurn } from 'node:timers/promises'
import { RandomStream } from '../random.js'

const slice = 50_000

/**
 * Fills order with the rows of an epoch in random order (Fisher and Yates): the data itself stays where it is. Every (seed, epoch) has an order of its own, whatever ran before it; other work of the
 * event loop gets its turn now and then.
 */
export async function shuffleRows(order: Uint32Array, seed: number, epoch: number): Promise<Uint32Array> {
  const stream = new RandomStream(seed, `shuffle.${epoch}`)
  for (let i = 0; i < order.length; i++) order[i] = i
  for (let i = order.length - 1; i > 0; i--) {
    const j = stream.below(i + 1)
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
    if (i % slice === 0) await nextTurn()
  }
  return order
}
