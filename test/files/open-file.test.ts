// Every reader of files that are given by a path, at what is no regular file.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chunksOf, openFile, readAt, readBeginning, readWhole } from '../../lib/files/open-file.js'
import { Gru, gru, importModel, loadModel, readColumns, readNpy, readNpz, readRows, sequential } from '../../lib/index.js'
import { rejected } from '../support/errors.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grus-open-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const built = () => {
  const model = sequential([gru({ units: 2 })], { device: 'cpu' })
  model.build(3)
  return model
}

const readers: [string, (path: string) => Promise<unknown>][] = [
  ['importModel', (path) => importModel(path)],
  ...(['keras', 'onnx', 'pytorch', 'tfjs'] as const).map((format): [string, (path: string) => Promise<unknown>] => [
    `importModel of ${format}`,
    (path) => importModel(path, { format }),
  ]),
  ['loadModel', (path) => loadModel(path)],
  ['loadStateDict of a model', (path) => built().loadStateDict(path)],
  ['loadStateDict of a GRU', (path) => new Gru({ inputSize: 3, hiddenSize: 2, device: 'cpu' }).loadStateDict(path)],
  ['loadWeights', (path) => built().loadWeights(path)],
  ['readNpy', readNpy],
  ['readNpz', readNpz],
  ['readColumns', (path) => readColumns(path, { format: 'csv', columns: { a: 'number' } })],
  ...(['csv', 'jsonl', 'parquet', 'arrow'] as const).map((format): [string, (path: string) => Promise<unknown>] => [
    `readRows of ${format}`,
    (path) => readRows(path, { format }).next(),
  ]),
]

describe.each(readers)('%s', (_, read) => {
  // nobody writes into it: whoever opens it waits for ever
  it.skipIf(process.platform === 'win32')('refuses a pipe', async () => {
    const path = join(folder, 'pipe')
    rmSync(path, { force: true })
    execFileSync('mkfifo', [path])
    expect(await rejected(read(path))).toMatch(/^\[[\w.]+\] cannot read '.*pipe': it is no regular file$/)
  })

  it.skipIf(process.platform === 'win32')('refuses a device', async () => {
    expect(await rejected(read('/dev/zero'))).toMatch(/cannot read '\/dev\/zero': it is no regular file$/)
  })

  it('refuses a folder', async () => {
    const path = join(folder, 'inner')
    mkdirSync(path, { recursive: true })
    expect(await rejected(read(path))).toMatch(/^\[[\w.]+\] cannot read '.*inner.*': (it is no regular file|ENOENT.*model\.json.*)$/)
  })
})

describe('a file that is open', () => {
  it('is read whole, from its beginning, and in pieces', async () => {
    const path = join(folder, 'bytes')
    const bytes = Buffer.alloc(2 ** 20 + 3, 'grus')
    writeFileSync(path, bytes)
    expect((await readWhole('test', path)).equals(bytes)).toBe(true)
    expect((await readBeginning('test', path, 6)).toString()).toBe('grusgr')
    const { file, size } = await openFile('test', path)
    expect(size).toBe(bytes.length)
    const pieces: Buffer[] = []
    for await (const piece of chunksOf(file, 2, size)) pieces.push(piece)
    expect(Buffer.concat(pieces).equals(bytes.subarray(2))).toBe(true)
    truncateSync(path, 5)
    await expect(readAt(file, 0, 6)).rejects.toThrow('the file became shorter while it was read')
    await file.close()
    expect((await readBeginning('test', path, 6)).toString()).toBe('grusg')
  })

  it('has a size that is looked at before it is read', async () => {
    const path = join(folder, 'huge')
    writeFileSync(path, '')
    truncateSync(path, 2 ** 40)
    expect(await rejected(readWhole('test', path), 'UNSUPPORTED')).toMatch(/it has 1099511627776 bytes, at most 2147483647 can be read$/)
  })
})
