// What the engine reaches on this machine where nothing but one large product counts: measured in the same run, so that it means
// this machine in its present state. Random values: zeros are multiplied faster by some GPUs.
import type { CheckedEngineOptions, Precision } from '../engine-options.js'
import { GrusError } from '../errors.js'
import { type BaseEngine, engineOf, free, makeGruBench } from './engine.js'
import { sample } from './sample.js'
import { median, rounded } from './statistics.js'
import { flopOf } from './work.js'

export interface Limit {
  precision: Precision
  /** Of the products' FLOP alone. */
  tflops: number
  /** What was measured. */
  how: string
}

export interface Limiter {
  readonly limit: Limit
  /** TFLOP/s now. */
  again(): Promise<number>
}

const [smallest, largest] = [128, 8192]
const longEnough = 5 // ms of one product: what is around it vanishes
const effort = { rounds: 3, seconds: 0.1, left: () => Number.POSITIVE_INFINITY }

/** @throws GrusError for a device or a precision that there is not */
export async function findLimit(base: BaseEngine, precision: Precision): Promise<Limiter> {
  const engine = engineOf(base, { precision, algorithm: 'heuristic', graphs: true })
  const time = precision === 'float32' || precision === 'tf32' ? timeProduct : timeStep
  let found = await time(engine, smallest)
  while (found.ms < longEnough && found.size < largest) {
    const next = await time(engine, 2 * found.size).catch((error: unknown) => {
      if (error instanceof GrusError && error.code === 'OUT_OF_MEMORY') return undefined
      throw error
    })
    if (!next) break
    found = next
  }
  const { size, how } = found
  return { limit: { precision, tflops: tflopsOf(found), how }, again: async () => tflopsOf(await time(engine, size)) }
}

interface Timed {
  size: number
  flop: number
  ms: number
  how: string
}

function tflopsOf({ flop, ms }: Timed): number {
  return rounded(flop / ms / 1e9)
}

/** The engine's matrix product is float32 or tf32. */
async function timeProduct(engine: CheckedEngineOptions, size: number): Promise<Timed> {
  const bench = makeGruBench({ hidden: 1, input: 1, layers: 1, directions: 1 }, engine)
  try {
    const ms = await middle(async (calls) => ({ ms: await bench.product(size, calls) }))
    return { size, flop: 2 * size ** 3, ms, how: `a product of ${size} x ${size} matrices` }
  } finally {
    await free(bench)
  }
}

/** In 16 bits only GRUs compute: one step of as many rows as units is little but its two products. */
async function timeStep(engine: CheckedEngineOptions, size: number): Promise<Timed> {
  const shape = { hidden: size, input: size, batch: size, steps: 1, layers: 1, directions: 1 }
  const bench = makeGruBench(shape, engine)
  try {
    await bench.prepare({ batch: size, steps: 1, training: false })
    await bench.run(1)
    const ms = await middle((calls) => bench.run(calls))
    const how = `one step of a GRU of ${size} units on ${size} rows, with the conversions from and to float32`
    return { size, flop: flopOf(shape, 'forward'), ms, how }
  } finally {
    await free(bench)
  }
}

async function middle(run: (calls: number) => Promise<{ ms: number }>): Promise<number> {
  return median((await sample({ run, warmUps: 2 }, effort)).map(({ ms }) => ms))
}
