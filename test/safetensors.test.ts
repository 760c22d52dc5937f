import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openSafetensors, readSafetensors, writeSafetensors } from '../lib/files/safetensors.js'
import type { Tensor } from '../lib/tensor.js'
import { rejected } from './support/errors.js'

const failing = vi.hoisted(() => ({ rename: false }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const rename: typeof real.rename = (from, to) =>
    failing.rename ? Promise.reject(new Error('the disk went away')) : real.rename(from, to)
  return { ...real, rename }
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grus-safetensors-'))
})
afterAll(() => rm(folder, { recursive: true }))

const tensors = new Map<string, Tensor>([
  ['w', { data: Float32Array.of(1, -2, Number.NaN, Infinity, 5e-324, 3.25), shape: [2, 3] }],
  ['ids', { data: Int32Array.of(-1, 2 ** 31 - 1), shape: [2] }],
  ['scalar', { data: Float32Array.of(7), shape: [] }],
  ['empty', { data: new Float32Array(0), shape: [0, 4] }],
])

/** A file from its header, as an object or as text, and its data. */
function encode(header: unknown, data: Uint8Array = new Uint8Array(0)): Buffer {
  const json = Buffer.isBuffer(header) ? header : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, data])
}

async function save(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'case.safetensors')
  await writeFile(path, bytes)
  return path
}

describe('writing and reading', () => {
  test('keep every bit, shape and metadata', async () => {
    const path = join(folder, 'all.safetensors')
    const metadata = { a: '1', 'ü"\\': '\u0000\n', __proto__x: '' }
    await writeSafetensors(path, tensors, metadata)
    const file = await readSafetensors(path)
    expect(file.metadata).toEqual(metadata)
    expect([...file.tensors.keys()].sort()).toEqual([...tensors.keys()].sort())
    for (const [name, { data, shape }] of tensors) {
      const read = file.tensors.get(name)!
      expect(read.shape).toEqual(shape)
      expect(read.data.constructor).toBe(data.constructor)
      expect(Buffer.from(read.data.buffer, read.data.byteOffset, read.data.byteLength)).toEqual(Buffer.from(data.buffer))
    }
  })

  test('follow the format: aligned header, offsets without holes, names in order', async () => {
    const path = join(folder, 'format.safetensors')
    await writeSafetensors(path, tensors, {})
    const bytes = await readFile(path)
    const length = Number(bytes.readBigUInt64LE())
    expect(length % 8).toBe(0)
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, unknown>
    expect(header).toEqual({
      __metadata__: {},
      empty: { dtype: 'F32', shape: [0, 4], data_offsets: [0, 0] },
      ids: { dtype: 'I32', shape: [2], data_offsets: [0, 8] },
      scalar: { dtype: 'F32', shape: [], data_offsets: [8, 12] },
      w: { dtype: 'F32', shape: [2, 3], data_offsets: [12, 36] },
    })
    expect(bytes.length).toBe(8 + length + 36)
  })

  test('take a view into a larger buffer', async () => {
    const path = join(folder, 'view.safetensors')
    await writeSafetensors(path, new Map([['v', { data: Float32Array.of(1, 2, 3, 4).subarray(1, 3), shape: [2] }]]))
    expect((await readSafetensors(path)).tensors.get('v')!.data).toEqual(Float32Array.of(2, 3))
  })

  test("read another writer's header: padded, without metadata", async () => {
    const path = await save(encode('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}     ', Buffer.from([0, 0, 128, 63])))
    const file = await readSafetensors(path)
    expect(file.tensors.get('a')).toEqual({ data: Float32Array.of(1), shape: [1] })
    expect(file.metadata).toEqual({})
  })
})

describe('a file that is no such file', () => {
  const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({ dtype: 'F32', shape, data_offsets: [begin, end] })
  const eight = new Uint8Array(8)
  const huge = Buffer.alloc(16)
  huge.writeBigUInt64LE(2n ** 63n)
  const beyond = encode({})
  beyond.writeBigUInt64LE(BigInt(beyond.length))

  test.each<[string, Uint8Array]>([
    ['header length: the file has 0 bytes', Buffer.alloc(0)],
    ['header length: the file has 7 bytes', Buffer.alloc(7)],
    ['header length must be from 2 to 8 in a file of 16 bytes, got 9223372036854775808', huge],
    ['header length must be from 2 to 2 in a file of 10 bytes, got 10', beyond],
    ['header length must be from 2 to 8 in a file of 16 bytes, got 0', Buffer.alloc(16)],
    ['header JSON: ', encode('{"a":')],
    ['header JSON: ', encode(Buffer.from('{"\xff":1}', 'latin1'))],
    ['header JSON must be an object', encode('[]')],
    ['header JSON must be an object', encode('  {}')],
    [
      "header JSON: the key 'a' comes twice",
      encode('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    ],
    ["header JSON: the key 'dtype' comes twice", encode('{"a":{"dtype":"F32","dtype":"I32","shape":[0],"data_offsets":[0,0]}}')],
    ['__metadata__ must be an object of strings, got [1]', encode({ __metadata__: [1] })],
    ['__metadata__.x must be a string, got 1', encode({ __metadata__: { x: 1 } })],
    ["tensor 'a' must be an object, got null", encode({ a: null })],
    ["tensor 'a' has an unknown field 'device'", encode({ a: { ...f32(0, 0), device: 0 } })],
    ["tensor 'a': dtype must be F32 or I32, got 'F64'", encode({ a: { ...f32(0, 8), dtype: 'F64' } }, eight)],
    ["tensor 'a': shape must be an array of non-negative integers, got [-1]", encode({ a: f32(0, 4, [-1]) }, eight)],
    ["tensor 'a': shape must be an array of non-negative integers, got [1.5]", encode({ a: f32(0, 4, [1.5]) }, eight)],
    ["tensor 'a': data_offsets must be [begin, end], got [0]", encode({ a: { ...f32(0, 4), data_offsets: [0] } }, eight)],
    ["tensor 'a': data_offsets hold 8 bytes, F32 of shape [3] takes 12", encode({ a: f32(0, 8, [3]) }, eight)],
    ["tensor 'a': data_offsets hold -4 bytes", encode({ a: f32(4, 0, [1]) }, eight)],
    ["tensor 'b': data_offsets begin at 0, which leaves an overlap after 8", encode({ a: f32(0, 8), b: f32(0, 8) }, eight)],
    ["tensor 'a': data_offsets begin at 4, which leaves a hole after 0", encode({ a: f32(4, 8) }, eight)],
    ['the tensors hold 4 bytes, but 8 follow the header', encode({ a: f32(0, 4) }, eight)],
    ['the tensors hold 16 bytes, but 8 follow the header', encode({ a: f32(0, 16) }, eight)],
    [
      'F32 of shape [1099511627776, 1099511627776, 0] takes no whole number of bytes below 2^53',
      encode({ a: f32(0, 0, [2 ** 40, 2 ** 40, 0]) }),
    ],
    ["tensor 'a': shape has 65 dimensions", encode({ a: f32(0, 4, new Array(65).fill(1)) }, eight)],
    ["tensor 'a': shape must be an array of non-negative integers, got [9007199254740992]", encode({ a: f32(0, 4, [2 ** 53]) }, eight)],
    ['header JSON: Unexpected token', encode('\ufeff{}')],
    ['header JSON may be padded with spaces only', encode('{}\n')],
    ["header JSON: the key 'x' comes twice", encode('{"__metadata__":{"x":"1","x":"2"}}')],
    ['header JSON: it is nested more than 8 deep', encode(`{"a":${'['.repeat(9)}${']'.repeat(9)}}`)],
    ['header JSON: ', encode('{"a":"\\')],
    ['takes 4503599627370496', encode({ a: f32(0, 8, [2 ** 50]) }, eight)],
  ])('%s', async (message, bytes) => {
    expect(await rejected(readSafetensors(await save(bytes)), 'CORRUPT_FILE')).toContain(message)
  })

  test('truncated anywhere', async () => {
    const path = join(folder, 'cut.safetensors')
    await writeSafetensors(path, tensors, { a: 'b' })
    const { size } = await stat(path)
    for (let length = size - 1; length >= 0; length -= 7) {
      await truncate(path, length)
      await rejected(readSafetensors(path), 'CORRUPT_FILE')
    }
  })
})

describe('a huge header costs little', () => {
  const size = 20_000_000
  test.each<[string, string, string]>([
    ['brackets', `{"a":${'['.repeat(size)}`, 'nested more than 8 deep'],
    ['empty objects', `{"a":[${'{},'.repeat(size / 3)}`, 'more than 4000000 values'],
    ['numbers', `{"a":{"dtype":"F32","shape":[${'1,'.repeat(size / 2)}1]}}`, 'more than 4000000 values'],
    ['tensors', `{${'"a":{},'.repeat(size / 8)}`, "the key 'a' comes twice"],
    ['quotes in a text that does not end', `{"a":"${'\\"'.repeat(size / 2)}`, 'header JSON: '],
    ['backslashes', `{"a":"${'\\'.repeat(size)}"}`, "tensor 'a' must be an object"],
    ['digits', `{"a":${'9'.repeat(size)}}`, "tensor 'a' must be an object"],
  ])('of %s', async (_, header, message) => {
    expect(await rejected(readSafetensors(await save(encode(header))), 'CORRUPT_FILE')).toContain(message)
  })
})

describe('openSafetensors', () => {
  test('reads single tensors, in pieces where they are converted', async () => {
    const count = 3_000_001
    const halves = Buffer.alloc(2 * count)
    for (let i = 0; i < count; ++i) halves.writeUInt16LE(0x3c00 + (i % 1024), 2 * i)
    const header = {
      half: { dtype: 'F16', shape: [count], data_offsets: [0, 2 * count] },
      flag: { dtype: 'BOOL', shape: [1], data_offsets: [2 * count, 2 * count + 1] },
      nibbles: { dtype: 'F4', shape: [2], data_offsets: [2 * count + 1, 2 * count + 2] },
      one: { dtype: 'F32', shape: [], data_offsets: [2 * count + 2, 2 * count + 6] },
    }
    const one = Buffer.from(Float32Array.of(0.5).buffer)
    const path = await save(encode(header, Buffer.concat([halves, Buffer.of(1, 0), one])))
    const file = await openSafetensors('w', path)
    try {
      expect([...file.entries].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
        ['half', 'F16', [count]],
        ['flag', 'BOOL', [1]],
        ['nibbles', 'F4', [2]],
        ['one', 'F32', []],
      ])
      expect(await file.read('one')).toEqual({ data: Float32Array.of(0.5), shape: [] })
      const { data } = await file.read('half')
      expect(data.length).toBe(count)
      expect(data.every((value, i) => value === 1 + (i % 1024) / 1024)).toBe(true)
      expect(await rejected(file.read('flag'), 'UNSUPPORTED')).toContain(
        "tensor 'flag' is BOOL; F32, F16, BF16, F64, I32 and I64 can be read",
      )
      expect(await rejected(file.read('other'))).toContain("there is no tensor 'other' in it")
      await truncate(path, 1000)
      expect(await rejected(file.read('half'))).toContain('the file became shorter')
    } finally {
      await file.close()
    }
    expect(
      await rejected(
        openSafetensors('w', await save(encode({ a: { dtype: 'F33', shape: [], data_offsets: [0, 4] } }, Buffer.alloc(4)))),
        'CORRUPT_FILE',
      ),
    ).toContain("got 'F33'")
  })

  test('names and metadata that UTF-8 cannot hold are not written', async () => {
    const path = join(folder, 'half.safetensors')
    const one = { data: Float32Array.of(1), shape: [1] }
    expect(await rejected(writeSafetensors(path, new Map([['\ud800', one]])))).toContain('is no tensor that can be written')
    expect(await rejected(writeSafetensors(path, new Map([['a', one]]), { x: '\udc00' }))).toContain("'x' is no text")
  })
})

describe('paths', () => {
  test('a missing file is named, with the cause', async () => {
    const path = join(folder, 'nowhere', 'm.safetensors')
    const message = await rejected(readSafetensors(path))
    expect(message).toContain(path)
    expect(message).toContain('ENOENT')
    await expect(readSafetensors(path)).rejects.toHaveProperty('cause.code', 'ENOENT')
  })

  test.each([undefined, '', 7, 'a\0b'])('%o is no path', async (path) => {
    expect(await rejected(readSafetensors(path as string))).toContain("path must be a file's path")
    expect(await rejected(writeSafetensors(path as string, tensors))).toContain("path must be a file's path")
  })

  test('a folder is neither read nor replaced', async () => {
    const path = join(folder, 'folder')
    await mkdir(path)
    expect(await rejected(readSafetensors(path))).toContain('cannot read')
    expect(await rejected(writeSafetensors(path, tensors))).toContain('it is no regular file')
  })

  test('a failure leaves the old file, and nothing else', async () => {
    const inner = join(folder, 'failure')
    await mkdir(inner)
    const path = join(inner, 'm.safetensors')
    await writeSafetensors(path, tensors, { version: 'old' })
    failing.rename = true
    try {
      expect(await rejected(writeSafetensors(path, tensors, { version: 'new' }))).toContain('the disk went away')
    } finally {
      failing.rename = false
    }
    expect((await readSafetensors(path)).metadata).toEqual({ version: 'old' })
    expect(await readdir(inner)).toEqual(['m.safetensors'])
    expect(await rejected(writeSafetensors(join(inner, 'no', 'm'), tensors))).toContain('ENOENT')
    expect(await readdir(inner)).toEqual(['m.safetensors'])
  })

  test.skipIf(process.platform === 'win32')('a link stays a link, and a mode stays', async () => {
    const [path, link] = [join(folder, 'real.safetensors'), join(folder, 'link.safetensors')]
    await writeFile(path, 'old', { mode: 0o600 })
    await symlink(path, link)
    await writeSafetensors(link, tensors, { version: 'new' })
    expect((await readSafetensors(path)).metadata).toEqual({ version: 'new' })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
})
