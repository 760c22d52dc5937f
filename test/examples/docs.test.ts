// Every TypeScript block of the documentation compiles and runs as it stands.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it, vi } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'build', 'docs-blocks')

const blocks = ['README.md', 'docs/api.md', 'docs/gru.md', 'docs/interop.md'].flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match, i) => ({
    title: `${page}, block ${i + 1}`,
    file: join(folder, `${page.replace(/\W/g, '-')}-${i + 1}.ts`),
    code: match[1]!,
  })),
)

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const { file, code } of blocks) writeFileSync(file, code)
  const config = { extends: '../../tsconfig.json', compilerOptions: { paths: { grus: ['../../lib/index.ts'] } }, include: ['.'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
})

describe('code in the documentation', () => {
  it('is there on every page', () => {
    for (const page of ['README', 'api', 'gru', 'interop'])
      expect(blocks.filter(({ title }) => title.includes(page)).length).toBeGreaterThan(0)
  })

  it('compiles', () => {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    expect(stdout.split('\n').filter((line) => line.includes('docs-blocks'))).toEqual([])
    expect(status).toBe(0)
  })

  it.each(blocks)('$title runs', async ({ file }) => {
    const said = vi.spyOn(console, 'log').mockImplementation(() => {})
    try {
      await import(file)
    } finally {
      said.mockRestore()
    }
  })
})
