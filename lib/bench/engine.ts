// A row as native code takes it.
import { type CheckedEngineOptions, lowerEngine } from '../engine-options.js'
import { checkGruOptions, lowerGruOptions } from '../gru-options.js'
import { type NativeGruBench, native } from '../native.js'
import type { Row, Shape } from './rows.js'

/** Options of everything that is measured in one run; rows add theirs. */
export type BaseEngine = Pick<CheckedEngineOptions, 'device' | 'threads'>

export function engineOf(base: BaseEngine, { precision, algorithm, graphs }: Omit<Row, 'mode' | 'shape'>): CheckedEngineOptions {
  return { ...base, precision, algorithm, graphs, inferenceWeights: 'float32' }
}

/** @throws GrusError for a shape or a device that cannot be */
export function makeGruBench(
  { input, hidden, layers, directions }: Omit<Shape, 'batch' | 'steps'>,
  engine: CheckedEngineOptions,
): NativeGruBench {
  const options = checkGruOptions({
    inputSize: input,
    hiddenSize: hidden,
    numLayers: layers,
    direction: directions === 2 ? 'both' : 'forward',
    ...engine,
  })
  return new (native().GruBench)(lowerGruOptions(options), lowerEngine(engine))
}

/** Frees its memory, and waits for that: the next may need it. */
export async function free(bench: NativeGruBench): Promise<void> {
  try {
    await bench.release()
  } finally {
    bench.dispose()
  }
}
