// Two files that belong together are replaced together or not at all.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { replaceFiles } from '../../lib/files/replace-file.js'

const folder = mkdtempSync(join(tmpdir(), 'grus-replace-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let made = 0
function place(): { data: string; model: string; all: () => string[] } {
  const inner = join(folder, String(made++))
  mkdirSync(inner)
  return { data: join(inner, 'model.data'), model: join(inner, 'model'), all: () => readdirSync(inner).sort() }
}

const bytes = (text: string) => [Buffer.from(text)]

function* failing(): Generator<Uint8Array> {
  yield Buffer.from('some')
  throw new Error('the source dried up')
}

describe('replaceFiles', () => {
  it('writes both, over old ones too', async () => {
    const { data, model, all } = place()
    for (const text of ['first', 'second']) {
      await replaceFiles([
        { path: data, parts: bytes(`data of the ${text}`) },
        { path: model, parts: bytes(text) },
      ])
      expect(all()).toEqual(['model', 'model.data'])
      expect(readFileSync(model, 'utf8')).toBe(text)
      expect(readFileSync(data, 'utf8')).toBe(`data of the ${text}`)
    }
  })

  it.each(['data', 'model'] as const)('leaves both as they were when %s cannot be made', async (which) => {
    const { data, model, all } = place()
    writeFileSync(data, 'old data')
    writeFileSync(model, 'old')
    const parts = { data: bytes('new data'), model: bytes('new'), [which]: failing() }
    const files = [
      { path: data, parts: parts.data },
      { path: model, parts: parts.model },
    ]
    await expect(replaceFiles(files)).rejects.toThrow('the source dried up')
    expect(all()).toEqual(['model', 'model.data'])
    expect(readFileSync(data, 'utf8')).toBe('old data')
    expect(readFileSync(model, 'utf8')).toBe('old')
  })

  it('leaves the old one as it was when the other one is a folder', async () => {
    const { data, model, all } = place()
    mkdirSync(data)
    writeFileSync(model, 'old')
    const files = [
      { path: data, parts: bytes('new data') },
      { path: model, parts: bytes('new') },
    ]
    await expect(replaceFiles(files)).rejects.toThrow('it is no regular file')
    expect(all()).toEqual(['model', 'model.data'])
    expect(readFileSync(model, 'utf8')).toBe('old')
  })
})
