// Files that other implementations wrote (scripts/fixtures/datasets.mjs), in the ways that packages of JavaScript do not write.
import { readFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { rejected } from '../support/errors.js'
import { readCutOff, readDamaged, rowsIn } from './support.js'

const file = (name: string) => readFileSync(new URL(`../fixtures/data/${name}`, import.meta.url))
const rows = Array.from({ length: 30 }, (_, i) => ({
  id: i,
  value: i % 5 ? i / 4 : null,
  text: i % 7 ? `täxt ${i}` : null,
  yes: i % 3 === 0,
  list: Array.from({ length: i % 4 }, (_, j) => i + j),
  when: new Date(1000 * i),
  long: i * 1e12,
  label: `label ${i % 3}`,
}))

const compressors = await import('hyparquet-compressors' as string).then(
  () => true,
  () => false,
)
/** What reads a codec, or undefined where nothing here does. */
const codecs = { snappy: true, gzip: true, brotli: true, zstd: compressors || 'zstdDecompressSync' in zlib, lz4_raw: compressors }

describe('parquet-rs', () => {
  test.each(Object.entries(codecs))('%s', async (codec, readable) => {
    const bytes = file(`rust-${codec}.parquet`)
    if (readable) expect(await rowsIn(bytes, 'parquet')).toEqual(rows)
    else
      expect(await rejected(rowsIn(bytes, 'parquet'), 'UNSUPPORTED')).toContain(
        `compressed by ${codec.toUpperCase()}: run npm install hyparquet-compressors`,
      )
  })

  test('pages of version 2, deltas, split bytes', async () => {
    expect(await rowsIn(file('rust-v2.parquet'), 'parquet')).toEqual(rows)
  })
})

test('arrow-rs: a stream', async () => {
  expect(await rowsIn(file('rust.arrows'), 'arrow')).toEqual(rows)
})

test('a damaged file of version 2 is read whole or refused, one that is cut off is refused', async () => {
  const read = async (bytes: Uint8Array) => {
    const all = await rowsIn(bytes, 'parquet')
    expect(all.length).toBe(rows.length)
    return all
  }
  const bytes = file('rust-v2.parquet')
  const came = await readDamaged(bytes, read, ['CORRUPT_FILE', 'UNSUPPORTED'], 5)
  for (const outcome of ['whole', 'CORRUPT_FILE']) expect(came.get(outcome), outcome).toBeGreaterThan(100)
  await readCutOff(bytes, read)
})
