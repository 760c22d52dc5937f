// Damaged and hostile state dicts: read whole, or refused with a reason.
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { GrusError, type GrusErrorCode } from '../../lib/errors.js'
import { openZip, writeZip } from '../../lib/files/zip.js'
import { errorsOf, type ImportedModel } from '../../lib/interop/model-data.js'
import { importStateDict, modelOf } from '../../lib/interop/pytorch/import-state-dict.js'
import { unpickle } from '../../lib/interop/pytorch/pickle.js'
import { tensorRules } from '../../lib/interop/pytorch/stored-tensor.js'
import { readEntries } from '../../lib/interop/pytorch/torch-archive.js'
import { mutations } from '../support/mutations.js'
import { expectWhole, scratchFile, torchFixture } from './support.js'

const errors = errorsOf('w', 'case')

/** What came of one try: `'whole'` or the error's code. Any error that is none of grus' own goes on. */
async function outcome(read: () => Promise<ImportedModel>): Promise<'whole' | GrusErrorCode> {
  try {
    expectWhole(await read())
    return 'whole'
  } catch (error) {
    if (!(error instanceof GrusError)) throw error
    expect(error.message).toMatch(/^\[w\] .+: ./)
    return error.code
  }
}

async function tally(tries: Iterable<Buffer>, read: (bytes: Buffer) => Promise<ImportedModel>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const bytes of tries) {
    const came = await outcome(() => read(bytes))
    counts[came] = (counts[came] ?? 0) + 1
  }
  return counts
}

function throughFile(extension: string): (bytes: Buffer) => Promise<ImportedModel> {
  const path = scratchFile(`case.${extension}`)
  return (bytes) => {
    writeFileSync(path, bytes)
    return importStateDict('w', path)
  }
}

/** An archive whose entries are sound but for the pickle. */
async function withPickle(file: string): Promise<{ pickle: Buffer; read: (bytes: Buffer) => Promise<ImportedModel> }> {
  const entries = await entriesOf(file)
  const pickle = [...entries].find(([name]) => name.endsWith('data.pkl'))![1]
  const size = readFileSync(torchFixture(file)).length
  return {
    pickle,
    read: async (bytes) => {
      const zip = {
        names: [...entries.keys()],
        has: (name: string) => entries.has(name),
        read: async (name: string, most = Infinity) => {
          const content = name.endsWith('data.pkl') ? bytes : entries.get(name)
          if (!content) throw errors.corrupt(`'${name}' is not in it`)
          if (content.length > most) throw errors.corrupt(`'${name}' is larger than ${most} bytes`)
          return content
        },
      }
      return modelOf('w', { path: 'case', inOrder: true, ...(await readEntries(zip, size, undefined, errors)) }, {})
    },
  }
}

async function entriesOf(file: string): Promise<Map<string, Buffer>> {
  const zip = await openZip('test', torchFixture(file))
  const entries = new Map<string, Buffer>()
  for (const name of zip.names) entries.set(name, await zip.read(name))
  zip.close()
  return entries
}

function* cuts(bytes: Buffer): Generator<Buffer> {
  for (let length = 0; length < bytes.length; ++length) yield bytes.subarray(0, length)
}

const allowed = ['whole', 'CORRUPT_FILE', 'UNSUPPORTED']

describe('10,000 damaged files', () => {
  test('words.safetensors', async () => {
    const counts = await tally(mutations(readFileSync(torchFixture('words.safetensors')), 10_000, 1), throughFile('safetensors'))
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(counts)))
    expect(counts.CORRUPT_FILE).toBeGreaterThan(5000)
  })

  test('the archive words.pt', async () => {
    const counts = await tally(mutations(readFileSync(torchFixture('words.pt')), 10_000, 2), throughFile('pt'))
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(counts)))
    expect(counts.CORRUPT_FILE).toBeGreaterThan(5000)
  })

  test.each(['checkpoint.pt', 'protocol4.pt', 'views.pt'])('the pickle in %s', async (file) => {
    const { pickle, read } = await withPickle(file)
    expect(await outcome(() => read(pickle))).toBe('whole')
    const counts = await tally(mutations(pickle, 10_000, 3), read)
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(counts)))
    expect(counts.CORRUPT_FILE).toBeGreaterThan(2000)
  })
})

describe('cut off anywhere: CORRUPT_FILE', () => {
  test.each(['words.safetensors', 'words.pt'])('%s', async (file) => {
    const bytes = readFileSync(torchFixture(file))
    expect(await tally(cuts(bytes), throughFile(file.split('.')[1]!))).toEqual({ CORRUPT_FILE: bytes.length })
  })

  test.each(['checkpoint.pt', 'protocol4.pt'])('the pickle in %s', async (file) => {
    const { pickle, read } = await withPickle(file)
    expect(await tally(cuts(pickle), read)).toEqual({ CORRUPT_FILE: pickle.length })
  })
})

describe('a hostile pickle', () => {
  const run = (...parts: (string | number[])[]) =>
    unpickle(Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1'))), tensorRules(errors), errors)
  const start = [0x80, 2]

  test.each([
    ['calls of the system', ['cos\nsystem\n', [0x58, 4, 0, 0, 0], 'true', [0x85], 'R.'], 'UNSUPPORTED', "names 'os.system'"],
    ['calls by STACK_GLOBAL', [[0x8c, 8], 'builtins', [0x8c, 4], 'eval', [0x93], '.'], 'UNSUPPORTED', "names 'builtins.eval'"],
    ['objects by INST', ['(ios\nsystem\n.'], 'UNSUPPORTED', 'opcode INST'],
    ['objects by NEWOBJ', ['ctorch\nFloatStorage\n)', [0x81], '.'], 'UNSUPPORTED', 'opcode NEWOBJ'],
    ['extensions', [[0x82, 1], '.'], 'UNSUPPORTED', 'opcode EXT1'],
    ['calls of a storage', ['ctorch\nFloatStorage\n)R.'], 'UNSUPPORTED', 'calls torch.FloatStorage'],
    ['calls of a text', [[0x8c, 1], 'a)R.'], 'CORRUPT_FILE', "calls 'a'"],
    ['a filled OrderedDict', ['ccollections\nOrderedDict\n]', [0x85], 'R.'], 'UNSUPPORTED', 'makes an OrderedDict from arguments'],
    ['state of a dict', ['}}b.'], 'UNSUPPORTED', 'sets the state of a dict (BUILD)'],
    [
      'attributes of an OrderedDict',
      ['ccollections\nOrderedDict\n)R}', [0x8c, 1], 'xK\x01sb.'],
      'UNSUPPORTED',
      'attributes other than _metadata',
    ],
    ['a list as a key', ['}]K\x01s.'], 'CORRUPT_FILE', 'has a list as a key'],
    ['a mark as a value', ['(.'], 'CORRUPT_FILE', 'takes a value where there is none'],
    ['nothing', ['.'], 'CORRUPT_FILE', 'takes a value where there is none'],
    ['a value too many', ['NN.'], 'CORRUPT_FILE', 'leaves 1 values behind'],
    ['bytes after the end', ['N.N'], 'CORRUPT_FILE', 'is followed by 1 bytes more'],
    ['a memo that is not there', ['h\x07.'], 'CORRUPT_FILE', 'recalls value 7'],
    ['a text of 4 GB', [[0x58, 255, 255, 255, 255], 'a.'], 'CORRUPT_FILE', 'ends too early'],
    ['a text that is no UTF-8', [[0x8c, 1, 255], '.'], 'CORRUPT_FILE', 'no UTF-8'],
    ['a byte that is no opcode', [[0xff]], 'CORRUPT_FILE', 'has no opcode but the byte 255'],
    ['another persistent id', ['(K\x01K\x02tQ.'], 'CORRUPT_FILE', 'has a persistent id that is not'],
  ] as const)('%s', (_, parts, code, message) => {
    let error: unknown
    try {
      run(start, ...(parts as unknown as (string | number[])[]))
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ name: 'GrusError', code, message: expect.stringContaining(message) })
  })

  test('a list in itself, ever so many marks, and deep nesting are read in one pass', () => {
    expect(run(start, ']q\x00h\x00a.')).toHaveLength(1)
    expect(() => run(start, '('.repeat(1_000_000))).toThrow(/ends too early/)
    expect(() => run(start, 'N'.repeat(9_000_000))).toThrow(/more than 8000000 opcodes/)
    run(start, ']'.repeat(500_000), 'a'.repeat(499_999), '.')
  })
})

describe('hostile tensors', () => {
  const storage = (count: number, type = 'FloatStorage') => [
    ['(', text('storage'), `ctorch\n${type}\n`, text('0'), text('cpu'), integer(count), 't', 'Q']
      .map(latin)
      .reduce((a, b) => Buffer.concat([a, b])),
  ]
  const tensor = (count: number, offset: number, shape: number[], strides: number[]) => [
    'ctorch._utils\n_rebuild_tensor_v2\n(',
    ...storage(count),
    integer(offset),
    tuple(shape),
    tuple(strides),
    Buffer.from([0x89]),
    ')tR',
  ]
  const latin = (part: string | Buffer): Buffer => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)

  async function read(parts: (string | Buffer)[], data = Buffer.alloc(16)): Promise<string> {
    const pickle = Buffer.concat([Buffer.from([0x80, 2]), ...['}', ...parts, '.'].map(latin)])
    const path = scratchFile('hostile.pt')
    await writeZip('test', path, [
      { name: 'x/data.pkl', data: pickle },
      { name: 'x/data/0', data, compress: data.length > 1000 },
    ])
    return importStateDict('w', path, { embedding: false }).then(
      () => 'whole',
      (error: GrusError) => `${error.code} ${error.message}`,
    )
  }
  const one = (...of: Parameters<typeof tensor>) => [text('weight'), ...tensor(...of), 's']

  test('stay within their storages, and storages within the file', async () => {
    expect(await read(one(4, 0, [2, 2], [2, 1]))).toBe('whole')
    expect(await read(one(4, 1, [2, 2], [2, 1]))).toMatch(/^CORRUPT_FILE.*reaches beyond the 4 elements/)
    expect(await read(one(4, 0, [2, 2], [3, 1]))).toMatch(/^CORRUPT_FILE.*reaches beyond/)
    expect(await read(one(4, 0, [-1, 2], [2, 1]))).toMatch(/^CORRUPT_FILE.*no two tuples/)
    expect(await read(one(4, 0, [2, 2], [1]))).toMatch(/^CORRUPT_FILE.*no two tuples/)
    expect(await read(one(4, 0, [2 ** 31 - 1, 2 ** 31 - 1], [0, 0]))).toMatch(/^UNSUPPORTED.*an expanded one/)
    expect(await read(one(5, 0, [5, 1], [1, 1]))).toMatch(/^CORRUPT_FILE.*holds 16 bytes, data.pkl says 20/)
    expect(await read(one(2 ** 31 - 1, 0, [1, 10], [1, 1]))).toMatch(/^CORRUPT_FILE.*more than there are in the file/)
  })

  test('do not grow by being compressed, or by sharing a storage', async () => {
    const zeros = Buffer.alloc(4_000_000)
    expect(await read(one(1_000_000, 0, [1, 1_000_000], [1, 1]), zeros)).toMatch(/^CORRUPT_FILE.*more than 16 times/)
    expect(await read(one(1_000_000, 0, [1, 1000], [1, 1]), zeros)).toMatch(/^CORRUPT_FILE.*more than there are in the file/)
    const shared = Array.from({ length: 400 }, (_, i) => [text(`${i}.weight`), ...tensor(10_000, 0, [i + 1, 25], [25, 1]), 's']).flat()
    expect(await read(shared, Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 2654435761) >>> 13)))).toMatch(
      /^CORRUPT_FILE.*more than 16 times/,
    )
  })

  function text(value: string): Buffer {
    return Buffer.concat([Buffer.from([0x8c, value.length]), Buffer.from(value)])
  }
  function integer(value: number): Buffer {
    const bytes = Buffer.alloc(5, 'J')
    bytes.writeInt32LE(value, 1)
    return bytes
  }
  function tuple(values: readonly number[]): Buffer {
    return Buffer.concat([Buffer.from('('), ...values.map(integer), Buffer.from('t')])
  }
})
