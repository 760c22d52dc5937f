import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readNpy, writeNpy } from '../../lib/files/npy.js'
import { decodeNpy } from '../../lib/files/npy-decode.js'
import { sizeOf, type Tensor } from '../../lib/tensor.js'
import { rejected } from '../support/errors.js'
import { mutations } from '../support/mutations.js'
import { npyBytes } from '../support/npy.js'

interface Case {
  npy: string
  dtype: '<f4' | '<i4'
  shape: number[]
  data: string
}

const fixtures = JSON.parse(await readFile(fileURLToPath(new URL('../fixtures/npy/arrays.json', import.meta.url)), 'utf8')) as {
  read: Record<string, Case>
  refused: Record<string, string>
  written: Case[]
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grus-npy-'))
})
afterAll(() => rm(folder, { recursive: true }))

const bytesOf = ({ data }: Tensor): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength)
const decode = (bytes: Uint8Array): Promise<Tensor> => decodeNpy('readNpy', 'x.npy', bytes.length, [bytes])

function tensorOf({ dtype, shape, data }: Case): Tensor {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'))
  return { data: new (dtype === '<f4' ? Float32Array : Int32Array)(bytes.buffer), shape }
}

async function save(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'case.npy')
  await writeFile(path, bytes)
  return path
}

describe('readNpy', () => {
  it.each(Object.entries(fixtures.read))('reads %s as numpy does', async (_, given) => {
    const read = await readNpy(await save(Buffer.from(given.npy, 'base64')))
    const wanted = tensorOf(given)
    expect(read.shape).toEqual(wanted.shape)
    expect(read.data.constructor).toBe(wanted.data.constructor)
    expect(bytesOf(read)).toEqual(bytesOf(wanted))
  })

  it('reads more than one stretch, in either order of axes, whatever the pieces are', async () => {
    const shape = [700, 3, 301]
    const values = Int16Array.from({ length: sizeOf(shape) }, (_, i) => i)
    const file = npyBytes(`{'descr': '<i2', 'fortran_order': True, 'shape': (700, 3, 301), }`, Buffer.from(values.buffer))
    const pieces = Array.from({ length: Math.ceil(file.length / 997) }, (_, i) => file.subarray(997 * i, 997 * (i + 1)))
    const { data } = await decodeNpy('readNpy', 'x.npy', file.length, pieces)
    for (const [i, j, k] of [
      [0, 0, 0],
      [699, 2, 300],
      [1, 0, 0],
      [0, 2, 299],
      [350, 1, 150],
    ] as const) {
      expect(data[(i * 3 + j) * 301 + k]).toBe(values[i + 700 * (j + 3 * k)])
    }
    const straight = npyBytes(`{'descr': '<i2', 'fortran_order': False, 'shape': (700, 3, 301), }`, Buffer.from(values.buffer))
    expect((await decode(straight)).data).toEqual(Int32Array.from(values))
  })

  it.each([
    ['objects', /dtype '\|O', Python objects, which are pickled: save numbers instead/],
    ['structured', /structured dtype with the fields left, right/],
    ['structured, names of other letters', /fields größe, δ/],
    ['text', /dtype '<U3', text; f2, f4, f8, i1 to i8/],
    ['bytes', /dtype '\|S3', bytes/],
    ['complex', /dtype '<c8', complex/],
    ['dates', /dtype '<M8\[D\]', dates/],
    ['long double', /dtype '<f16'/],
    ['beyond int32', /element \[1, 1\]: 3000000000 is beyond int32/],
    ['beyond int32, unsigned', /element \[0, 1\]: 9223372036854775808 is beyond int32/],
    ['beyond float32', /element \[1\]: 1e\+39 is beyond float32/],
  ])('refuses %s by name', async (name, message) => {
    const path = await save(Buffer.from(fixtures.refused[name]!, 'base64'))
    expect(await rejected(readNpy(path), 'UNSUPPORTED')).toMatch(message)
    expect(await rejected(readNpy(path), 'UNSUPPORTED')).toContain(`[readNpy] ${path}: `)
  })

  it.each([
    ['no dict', `['descr', '<f4']`, /a dict of descr, fortran_order and shape/],
    ['a call', `{'descr': open('x'), 'fortran_order': False, 'shape': (2,)}`, /a literal expected at character 10/],
    ['a product', `{'descr': '<f4', 'fortran_order': False, 'shape': (1*2,)}`, /',' or '\)' expected/],
    ['a key twice', `{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}`, /'descr' comes twice/],
    ['a key too many', `{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}`, /a dict of descr, fortran_order and shape/],
    ['a key too few', `{'descr': '<f4', 'fortran_order': False}`, /a dict of descr, fortran_order and shape/],
    ['text after it', `{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} 1`, /the end expected/],
    ['an order that is no flag', `{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}`, /fortran_order must be True or False/],
    ['a length below 0', `{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}`, /shape must be a tuple/],
    ['a shape that is a number', `{'descr': '<f4', 'fortran_order': False, 'shape': (2)}`, /shape must be a tuple/],
    ['a length beyond 2^53', `{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740993,)}`, /beyond 2\^53/],
    [
      'sizes whose product is not',
      `{'descr': '<f4', 'fortran_order': False, 'shape': (${'9007199254740991, '.repeat(60)})}`,
      /takes Infinity/,
    ],
    ['65 axes', `{'descr': '<f4', 'fortran_order': False, 'shape': (${'1, '.repeat(65)})}`, /65 axes, 64/],
    ['deep nesting', `{'descr': ${'['.repeat(5000)}`, /more than 32 levels/],
    ['a larger shape', `{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}`, /shape \[3\] takes 12 bytes, 8 follow/],
    ['a smaller shape', `{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}`, /shape \[1\] takes 4 bytes, 8 follow/],
    ['a third truth', `{'descr': '|b1', 'fortran_order': False, 'shape': (2, 4)}`, /element \[0, 2\]: a byte of 2 is neither/],
  ])('refuses a header with %s', async (_, header, message) => {
    const bytes = npyBytes(header, Buffer.from([0, 1, 2, 0, 0, 0, 0, 0]))
    expect(await rejected(decode(bytes), 'CORRUPT_FILE')).toMatch(message)
  })

  it('reads what Python 2 wrote, and other spellings of the same header', async () => {
    for (const header of [
      `{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }`,
      `{"shape":(2,),\n"descr":"<f4","fortran_order":False}`,
      `  { 'descr' : '<f4' , 'fortran_order' : True , 'shape' : [ 2 , ] } `,
    ]) {
      expect(await decode(npyBytes(header, Buffer.from(Float32Array.of(1, 2).buffer)))).toEqual({ data: Float32Array.of(1, 2), shape: [2] })
    }
  })

  it('refuses what is no .npy file, other versions, and paths that cannot be read', async () => {
    expect(await rejected(decode(Buffer.from('PK\x03\x04 something else')), 'CORRUPT_FILE')).toMatch(/does not begin as a \.npy/)
    const later = npyBytes('{}', Buffer.alloc(0))
    later[6] = 4
    expect(await rejected(decode(later), 'UNSUPPORTED')).toMatch(/version 4\.0: 1\.0, 2\.0 and 3\.0/)
    const long = Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1')
    expect(await rejected(decode(long), 'CORRUPT_FILE')).toMatch(/a header of 4294967295 bytes/)
    expect(await rejected(readNpy(join(folder, 'missing.npy')))).toMatch(/cannot read .*missing\.npy/)
    expect(await rejected(readNpy(folder))).toMatch(/no regular file/)
    expect(await rejected(readNpy(7 as never))).toMatch(/path must be/)
  })

  it('says of every shortened file that it is damaged', async () => {
    for (const name of ['f4 little-endian', "i8 big-endian in Fortran's order", 'version 3.0']) {
      const whole = Buffer.from(fixtures.read[name]!.npy, 'base64')
      for (let length = 0; length < whole.length; length++) await rejected(decode(whole.subarray(0, length)), 'CORRUPT_FILE')
    }
  })

  it('reads a damaged file whole, or says what is wrong with it', async () => {
    const names = ["f8 big-endian in Fortran's order", 'u4 little-endian', 'b1 little-endian', 'version 3.0', 'f2 big-endian']
    let whole = 0
    for (const [i, name] of names.entries()) {
      for (const bytes of mutations(Buffer.from(fixtures.read[name]!.npy, 'base64'), 2000, i)) {
        try {
          const { data, shape } = await decode(bytes)
          expect(data.length).toBe(sizeOf(shape))
          whole++
        } catch (error) {
          expect(error, String((error as Error).stack)).toMatchObject({ name: 'GrusError', code: /^(CORRUPT_FILE|UNSUPPORTED)$/ })
        }
      }
    }
    // damage to the numbers themselves cannot be seen
    expect(whole).toBeGreaterThan(100)
    expect(whole).toBeLessThan(9000)
  })
})

describe('writeNpy', () => {
  it('writes what numpy writes, byte for byte', async () => {
    const path = join(folder, 'written.npy')
    for (const given of fixtures.written) {
      await writeNpy(path, tensorOf(given))
      expect((await readFile(path)).toString('latin1'), JSON.stringify(given.shape)).toBe(
        Buffer.from(given.npy, 'base64').toString('latin1'),
      )
    }
  })

  it('takes nested arrays and views, and gives every bit back', async () => {
    const path = join(folder, 'round.npy')
    await writeNpy(path, [
      [1, 2],
      [3, 4],
    ])
    expect(await readNpy(path)).toEqual({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] })
    const bits = new Uint32Array([1, 2, 0x7fc00001, 0xffc12345, 0x80000000, 3])
    await writeNpy(path, { data: new Float32Array(bits.buffer, 8, 3), shape: [3] })
    expect(bytesOf(await readNpy(path))).toEqual(Buffer.from(bits.buffer, 8, 12))
  })

  it('refuses what is no tensor and leaves the old file as it was', async () => {
    const path = join(folder, 'kept.npy')
    await writeNpy(path, [1, 2])
    expect(await rejected(writeNpy(path, 'x' as never))).toMatch(/tensor must be a tensor or nested arrays/)
    expect(await rejected(writeNpy(path, { data: Float32Array.of(1), shape: [2] }), 'SHAPE_MISMATCH')).toMatch(/holds 2 elements/)
    expect(await rejected(writeNpy(path, { data: Float32Array.of(1), shape: Array(65).fill(1) }))).toMatch(/65 axes/)
    expect(await rejected(writeNpy(join(folder, 'none', 'x.npy'), [1]))).toMatch(/cannot write/)
    expect((await readNpy(path)).data).toEqual(Float32Array.of(1, 2))
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})
