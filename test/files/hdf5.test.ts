import { File, ready } from 'h5wasm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Hdf5 } from '../../lib/files/hdf5.js'
import { openZip } from '../../lib/files/zip.js'
import { mutations } from '../support/mutations.js'

describe('Hdf5', () => {
  const hdf5 = new Hdf5('test', 10)
  let file: Buffer
  beforeAll(async () => {
    const zip = await openZip('test', 'test/fixtures/interop/keras/reset_before.keras')
    file = await zip.read('model.weights.h5')
    zip.close()
  })
  afterAll(() => hdf5.close())

  it('writes what it reads', async () => {
    const tensors = new Map([
      ['a/b/0', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 1e-40, Number.NaN, Number.POSITIVE_INFINITY) }],
      ['a/1', { shape: [1], data: Float32Array.of(7) }],
      ['2', { shape: [0, 4], data: new Float32Array(0) }],
    ])
    const { datasets } = await hdf5.read('x', await hdf5.write(tensors))
    expect(datasets).toEqual(new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, dtype: 'float32' }])))
  })

  it('leaves groups out that are not asked for', async () => {
    const bytes = await hdf5.write(
      new Map([
        ['a/0', { shape: [1], data: Float32Array.of(7) }],
        ['b/0', { shape: [1], data: Float32Array.of(7) }],
      ]),
    )
    expect([...(await hdf5.read('x', bytes, ['a'])).datasets.keys()]).toEqual(['b/0'])
  })

  it('numbers of float64 are rounded; where float32 does not hold one, there are none', async () => {
    const { FS } = await ready
    const h5 = new File('doubles.h5', 'w')
    h5.create_dataset({ name: 'a', data: [0.1, Number.POSITIVE_INFINITY], dtype: '<d', shape: [2] })
    h5.create_dataset({ name: 'b', data: [1, -1e39], dtype: '<d', shape: [2] })
    h5.close()
    const { datasets } = await hdf5.read('x.h5', FS.readFile('doubles.h5') as Uint8Array)
    expect(datasets.get('a')).toEqual({ shape: [2], dtype: 'float64', data: Float32Array.of(0.1, Number.POSITIVE_INFINITY) })
    expect(datasets.get('b')).toEqual({ shape: [2], dtype: 'float64, of which -1e+39 is beyond float32', data: undefined })
  })

  it('10,000 damaged files are read whole or CORRUPT_FILE or UNSUPPORTED', async () => {
    const counts = { read: 0, refused: 0 }
    const tensor = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((n, m) => n * m, 1)).fill(0.5) })
    const small = await hdf5.write(
      new Map([
        ['layers/gru/cell/vars/0', tensor(2, 6)],
        ['layers/gru/cell/vars/1', tensor(2, 6)],
        ['layers/dense/vars/0', tensor(2, 1)],
      ]),
    )
    for (const damaged of mutations(small, 10_000, 3)) {
      try {
        const { datasets } = await hdf5.read('x.h5', damaged)
        for (const { shape, data } of datasets.values()) if (data) expect(data.length).toBe(shape.reduce((n, m) => n * m, 1))
        ++counts.read
      } catch (error) {
        expect(error).toMatchObject({ name: 'GrusError', code: expect.stringMatching(/^(CORRUPT_FILE|UNSUPPORTED)$/) })
        ++counts.refused
      }
    }
    expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(200)
  }, 120_000)

  it('a damaged text that holds the library up is given up, and the next file is read', async () => {
    const held = Buffer.from(file)
    // the length of the first object of a heap, which is then walked without getting anywhere
    held[held.indexOf('GCOL') + 24] = 1
    const patient = new Hdf5('test', 10)
    await expect(patient.read('x.h5', held, [], ['name'])).rejects.toMatchObject({
      code: 'CORRUPT_FILE',
      message: '[test] x.h5: HDF5: reading it does not come to an end',
    })
    expect((await patient.read('x.h5', Buffer.from(file), [], ['name'])).attributes.get('layers/dense/vars')).toEqual({ name: 'dense' })
    await patient.close()
  })

  it.each<[string, (file: InstanceType<typeof File>) => void, string, RegExp]>([
    [
      'numbers that are only claimed',
      (h5) => {
        const dataset = h5.create_dataset({ name: 'a', data: [1], dtype: '<f', shape: [1], maxshape: [null], chunks: [1] })
        dataset.resize([1e9])
      },
      'CORRUPT_FILE',
      /'\/a' claims 4000000000 bytes, the file has/,
    ],
    [
      'compressed numbers',
      (h5) => void h5.create_dataset({ name: 'a', data: [1, 2, 3], dtype: '<f', shape: [3], chunks: [3], compression: 9 }),
      'UNSUPPORTED',
      /'\/a' is stored through the filter 'deflate'/,
    ],
    ['a file elsewhere', (h5) => void h5.create_external_link('/etc/hosts', 'x', 'a'), 'UNSUPPORTED', /'\/a' is a link or a type/],
    [
      'a group within itself',
      (h5) => {
        h5.create_group('a')
        h5.create_hard_link('/a', '/a/b')
      },
      'CORRUPT_FILE',
      /is one group too many/,
    ],
  ])('refuses %s', async (_, make, code, message) => {
    const { FS } = await ready
    const h5 = new File('made.h5', 'w')
    make(h5)
    h5.close()
    await expect(hdf5.read('x.h5', FS.readFile('made.h5') as Uint8Array)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it('says what to install', async () => {
    await expect(new Hdf5('test', 1, 'h5wasm-that-is-not-there').read('x.h5', Buffer.from(file))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: '[test] HDF5 files need the package h5wasm: npm install h5wasm',
    })
  })

  it('a cut off file is CORRUPT_FILE', async () => {
    for (let length = 0; length < file.length; length += 101) {
      await expect(hdf5.read('x.h5', file.subarray(0, length)), String(length)).rejects.toMatchObject({ code: 'CORRUPT_FILE' })
    }
  }, 60_000)
})
