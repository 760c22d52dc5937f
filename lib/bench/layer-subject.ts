// Modes forward and training: one GRU, all arrays on its device.
import type { CheckedEngineOptions } from '../engine-options.js'
import { mustHold, tolerances } from './agreement.js'
import { free, makeGruBench } from './engine.js'
import type { Row } from './rows.js'
import type { Subject } from './sample.js'

const mostCompared = 2 ** 16 // values of an array

export async function layerSubject(where: string, { mode, shape, precision }: Row, engine: CheckedEngineOptions): Promise<Subject> {
  const bench = makeGruBench(shape, engine)
  try {
    const training = mode === 'training'
    await bench.prepare({ batch: shape.batch, steps: shape.steps, training })
    await bench.run(1)
    const results = async () => {
      const { y, hy, dx, gradients } = await bench.read(mostCompared)
      return training ? { y, hy, dx, gradients } : { y, hy }
    }
    const before = await results()
    return {
      engine: bench.engine,
      warmUps: bench.device === 'cpu' ? 0 : 2, // a pass is captured when it comes for the third time
      async run(calls) {
        const { ms, enqueueMs } = await bench.run(calls)
        return bench.device === 'cpu' ? { ms } : { ms, hostMs: enqueueMs }
      },
      async check() {
        const after = await results()
        for (const [name, values] of Object.entries(after)) {
          checkRepeated(where, name, before[name as keyof typeof before]!, values, tolerances[precision].outputs)
        }
      },
      dispose: () => free(bench),
    }
  } catch (error) {
    bench.dispose()
    throw error
  }
}

/** The last of many passes must have left what the first one did, and not zeros. */
export function checkRepeated(where: string, name: string, first: Float32Array, last: Float32Array, tolerance: number): void {
  let [difference, scale] = [0, 0]
  for (let i = 0; i < first.length; i++) {
    const each = Math.abs(first[i]! - last[i]!)
    if (!(each <= difference)) difference = Number.isFinite(each) ? each : Number.POSITIVE_INFINITY
    scale = Math.max(scale, Math.abs(first[i]!))
  }
  mustHold(Number.isFinite(difference), where, `${name} is not finite`)
  mustHold(scale > 0, where, `${name} is all zeros`)
  mustHold(
    difference <= tolerance * scale,
    where,
    `${name} of the last pass differs from that of the first by ${difference}, it goes up to ${scale}`,
  )
}
