// Data files in memory, whole and damaged.
import { expect } from 'vitest'
import { bytesSource } from '../../lib/data/readers/byte-source.js'
import { checkFormat } from '../../lib/data/readers/options.js'
import { rowsOf, type Wanted } from '../../lib/data/readers/rows.js'
import type { DataFormat, DataOptions, DataRow } from '../../lib/data/readers/types.js'
import { GrusError, type GrusErrorCode } from '../../lib/errors.js'
import { mutations } from '../support/mutations.js'

/** Every row of a file in memory. */
export async function rowsIn(bytes: Uint8Array, format: DataFormat, wanted?: Wanted, options: DataOptions = {}): Promise<DataRow[]> {
  const where = 'readRows'
  const reading = { where, path: `file.${format}`, names: wanted && [...wanted.keys()] }
  const all: DataRow[] = []
  for await (const { rows } of rowsOf(bytesSource(bytes), reading, wanted, checkFormat(where, reading.path, { format, ...options }))) {
    all.push(...rows)
  }
  return all
}

/** Reads damaged copies of a file: each whole, or refused with one of these codes. Returns how often each came; 'whole' for none. */
export async function readDamaged(
  bytes: Uint8Array,
  read: (bytes: Uint8Array) => Promise<DataRow[]>,
  codes: readonly GrusErrorCode[],
  seed: number,
): Promise<Map<string, number>> {
  const came = new Map<string, number>()
  for (const damaged of mutations(bytes, 10_000, seed)) {
    const outcome = await read(damaged).then(
      () => 'whole',
      (error: unknown) => {
        if (!(error instanceof GrusError)) throw error
        expect(codes, error.message).toContain(error.code)
        return error.code
      },
    )
    came.set(outcome, (came.get(outcome) ?? 0) + 1)
  }
  return came
}

/** Every file that is this one cut off somewhere must be refused with CORRUPT_FILE. */
export async function readCutOff(bytes: Uint8Array, read: (bytes: Uint8Array) => Promise<DataRow[]>): Promise<void> {
  for (let length = 0; length < bytes.length; length++) {
    const error = await read(bytes.subarray(0, length)).catch((cause: unknown) => cause)
    expect(error, `the first ${length} bytes`).toBeInstanceOf(GrusError)
    expect((error as GrusError).code).toBe('CORRUPT_FILE')
  }
}
