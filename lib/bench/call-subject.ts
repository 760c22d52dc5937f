// Mode call: inference through the class Gru, from values on the host to values on the host.
import type { CheckedEngineOptions } from '../engine-options.js'
import { Gru } from '../gru.js'
import { tensor } from '../tensor.js'
import { mustHold } from './agreement.js'
import type { Row } from './rows.js'
import type { Subject } from './sample.js'
import { randomValues } from './values.js'

export async function callSubject(where: string, { shape }: Row, engine: CheckedEngineOptions): Promise<Subject> {
  const { hidden, input, batch, steps, layers, directions } = shape
  const direction = directions === 2 ? 'both' : 'forward'
  const x = tensor(
    randomValues(where, Float32Array, batch * steps * input, (stream) => 2 * stream.uniform() - 1),
    [batch, steps, input],
  )
  const cell = new Gru({ inputSize: input, hiddenSize: hidden, numLayers: layers, direction, seed: 1, ...engine })
  return {
    engine: cell.engine,
    warmUps: 1,
    async run(calls) {
      const start = performance.now()
      for (let call = 0; call < calls; call++) await cell.forward(x)
      return { ms: (performance.now() - start) / calls }
    },
    async check() {
      const { y } = await cell.forward(x)
      mustHold(y.data.every(Number.isFinite) && y.data.some((value) => value !== 0), where, 'y is not finite, or all zeros')
    },
    async dispose() {
      cell.dispose()
    },
  }
}
