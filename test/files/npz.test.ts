import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import yazl from 'yazl'
import { arraysIn, readNpz, writeNpz } from '../../lib/files/npz.js'
import { openZip } from '../../lib/files/zip.js'
import { sizeOf, type Tensor } from '../../lib/tensor.js'
import { rejected } from '../support/errors.js'
import { mutations } from '../support/mutations.js'
import { npyBytes } from '../support/npy.js'
import { pythonMissing, runPython } from '../support/python.js'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/npy/${name}.npz`, import.meta.url))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grus-npz-'))
})
afterAll(() => rm(folder, { recursive: true }))

const tensors = new Map<string, Tensor>([
  ['gru.weight', { data: Float32Array.from({ length: 60 }, (_, i) => i / 8), shape: [12, 5] }],
  ['ids', { data: Int32Array.of(-1, 2 ** 31 - 1), shape: [2] }],
  ['größe', { data: Float32Array.of(7), shape: [] }],
  ['layer/none', { data: new Float32Array(0), shape: [0, 4] }],
  ['x.npy', { data: Float32Array.of(1, Number.NaN, -0), shape: [3] }],
])

/** An archive around files, without a rule about what is in them. */
async function archive(files: Record<string, Uint8Array>, compress: boolean): Promise<Buffer> {
  const zip = new yazl.ZipFile()
  for (const [name, bytes] of Object.entries(files)) zip.addBuffer(Buffer.from(bytes), name, { compress, mtime: new Date(1980, 0, 1) })
  zip.end()
  const parts: Buffer[] = []
  for await (const part of zip.outputStream as unknown as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

async function save(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'case.npz')
  await writeFile(path, bytes)
  return path
}

/** Reads damaged files; each must be whole or refused for what it is. Tells how many were whole. */
async function survive(files: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<number> {
  let whole = 0
  for await (const bytes of files) {
    try {
      const zip = await openZip('readNpz', 'x.npz', bytes)
      for (const { data, shape } of (await arraysIn(zip, 'readNpz', 'x.npz')).values()) expect(data.length).toBe(sizeOf(shape))
      whole++
    } catch (error) {
      expect(error, String((error as Error).stack)).toMatchObject({ name: 'GrusError', code: /^(CORRUPT_FILE|UNSUPPORTED)$/ })
    }
  }
  return whole
}

describe('readNpz', () => {
  it.each(['stored', 'compressed'])('reads what numpy wrote, %s', async (name) => {
    const read = await readNpz(fixture(name))
    expect([...read.keys()]).toEqual(['weight', 'ids', 'layer/bias'])
    expect(read.get('weight')).toEqual({
      data: Float32Array.of(3.4028235e38, 1.4e-45, -0, Number.NEGATIVE_INFINITY, Number.NaN, 1, 2, 3, 4, 5, 6, 7),
      shape: [3, 4],
    })
    expect(read.get('ids')).toEqual({ data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 1, 2, 3, 4, 5, 6, 7, 8), shape: [2, 5] })
    expect(read.get('layer/bias')).toEqual({ data: Float32Array.of(0.25), shape: [] })
  })

  it('refuses entries that are no arrays, and names the array that is wrong', async () => {
    const good = npyBytes(`{'descr': '|i1', 'fortran_order': False, 'shape': (2,)}`, Buffer.of(1, 2))
    const other = await save(await archive({ 'a.npy': good, 'readme.txt': Buffer.from('hello') }, true))
    expect(await rejected(readNpz(other), 'UNSUPPORTED')).toMatch(/case\.npz: 'readme\.txt' is no array/)
    const short = await save(await archive({ 'a.npy': good, 'b.npy': good.subarray(0, -1) }, true))
    expect(await rejected(readNpz(short), 'CORRUPT_FILE')).toMatch(/case\.npz: 'b\.npy': shape \[2\] takes 2 bytes, 1 follow/)
    const pickled = npyBytes(`{'descr': '|O', 'fortran_order': False, 'shape': (2,)}`, Buffer.from('pickle'))
    expect(await rejected(readNpz(await save(await archive({ 'o.npy': pickled }, false))), 'UNSUPPORTED')).toMatch(/'o\.npy': dtype '\|O'/)
    expect(await rejected(readNpz(join(folder, 'missing.npz')))).toMatch(/cannot read/)
  })

  it('sees a wrong checksum, although all numbers were read before it', async () => {
    const bytes = await readFile(fixture('stored'))
    bytes[bytes.indexOf('NUMPY') + 127 + 2]! ^= 1
    expect(await rejected(readNpz(await save(bytes)), 'CORRUPT_FILE')).toMatch(/'weight\.npy': its checksum is wrong/)
  })

  it('does not believe a size that the compressed bytes cannot have', async () => {
    const bytes = await readFile(fixture('compressed'))
    const entry = bytes.indexOf('PK\x01\x02')
    bytes.writeUInt32LE(0x7fffff00, entry + 24)
    expect(await rejected(readNpz(await save(bytes)), 'CORRUPT_FILE')).toMatch(/claims 2147483392 bytes, more than \d+ can stand for/)
  })

  it.each(['stored', 'compressed'])('says of every shortened archive that it is damaged, %s', async (name) => {
    const bytes = await readFile(fixture(name))
    for (let length = 0; length < bytes.length; length++) await rejected(readNpz(await save(bytes.subarray(0, length))), 'CORRUPT_FILE')
  })

  it('reads a damaged archive whole, or says what is wrong with it', async () => {
    const [stored, compressed] = await Promise.all([readFile(fixture('stored')), readFile(fixture('compressed'))])
    const whole = (await survive(mutations(stored, 5000, 1))) + (await survive(mutations(compressed, 5000, 2)))
    expect(whole).toBeGreaterThan(100)
    expect(whole).toBeLessThan(5000)
  })

  it('reads a damaged array in a sound archive whole, or says what is wrong with it', async () => {
    const header = `{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }`
    const npy = npyBytes(header.padEnd(117), Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer))
    async function* archives(): AsyncGenerator<Buffer> {
      for (const [i, bytes] of [...mutations(npy, 10_000, 3)].entries()) yield archive({ 'a.npy': bytes }, i % 2 === 0)
    }
    const whole = await survive(archives())
    expect(whole).toBeGreaterThan(100)
    expect(whole).toBeLessThan(9000)
  })
})

describe('writeNpz', () => {
  it.each([false, true])('gives every bit back, compress: %s', async (compress) => {
    const path = join(folder, 'round.npz')
    await writeNpz(path, tensors, { compress })
    expect(await readNpz(path)).toEqual(tensors)
    const bytes = await readFile(path)
    await writeNpz(path, Object.fromEntries(tensors), { compress })
    expect(await readFile(path)).toEqual(bytes)
  })

  it('compresses only when asked', async () => {
    const zeros = { zeros: { data: new Float32Array(100_000), shape: [100_000] } }
    const path = join(folder, 'zeros.npz')
    await writeNpz(path, zeros)
    expect((await readFile(path)).length).toBeGreaterThan(400_000)
    await writeNpz(path, zeros, { compress: true })
    expect((await readFile(path)).length).toBeLessThan(2000)
    expect((await readNpz(path)).get('zeros')!.data).toEqual(new Float32Array(100_000))
  })

  it('writes an empty archive too', async () => {
    const path = join(folder, 'empty.npz')
    await writeNpz(path, {})
    expect(await readNpz(path)).toEqual(new Map())
  })

  it('refuses names that no archive can have, and options it does not know', async () => {
    const path = join(folder, 'refused.npz')
    for (const name of ['../up', '/root', 'a\\b', '', 'half \ud800', 'x'.repeat(1001), 'C:/x']) {
      expect(await rejected(writeNpz(path, { [name]: [1] })), name).toMatch(/^\[writeNpz\]/)
    }
    expect(await rejected(writeNpz(path, { x: 'y' as never }))).toMatch(/'x' must be a tensor/)
    expect(await rejected(writeNpz(path, null as never))).toMatch(/tensors must be a Map/)
    expect(await rejected(writeNpz(path, {}, { compres: true } as never))).toMatch(/did you mean 'compress'/)
    expect(await rejected(readNpz(path))).toMatch(/cannot read/)
  })

  const missing = pythonMissing('numpy')

  it.for([false, true])('is what numpy.load reads, compress: %s', async (compress, { skip }) => {
    skip(missing !== undefined, missing)
    const path = join(folder, 'numpy.npz')
    await writeNpz(path, tensors, { compress })
    const said = runPython(
      `
import json, sys, numpy as np
with np.load(sys.argv[1], allow_pickle=False) as file:
    print(json.dumps({name: [file[name].dtype.str, list(file[name].shape), file[name].tobytes().hex()] for name in file.files}))
`,
      [path],
    )
    const wanted = [...tensors].map(([name, { data, shape }]) => {
      const type = data instanceof Int32Array ? '<i4' : '<f4'
      return [name, [type, shape, Buffer.from(data.buffer).toString('hex')]]
    })
    expect(JSON.parse(said)).toEqual(Object.fromEntries(wanted))
  })
})
