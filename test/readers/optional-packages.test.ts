// hyparquet and apache-arrow are the user's to install: without them everything else works, and types do not name them.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'build', 'readers-compiled')

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', folder], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(stdout).toBe('')
  expect(status).toBe(0)
})

test('a program without them reads the other formats, and is told what to install in one line', () => {
  const hooks = `export const resolve = (name, context, next) => {
    if (!/^(hyparquet|apache-arrow)/.test(name)) return next(name, context)
    throw Object.assign(new Error("Cannot find package '" + name + "'"), { code: 'ERR_MODULE_NOT_FOUND' })
  }`
  const program = `
    import { register } from 'node:module'
    import { writeFileSync } from 'node:fs'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))
    const { readColumns, readRows } = await import('./index.js')
    const try_ = async (read) => { try { return await read() } catch ({ code, message }) { return { code, message } } }
    const file = (name) => { writeFileSync(new URL(name, import.meta.url), 'a\\n1\\n'); return new URL(name, import.meta.url).pathname }
    const rows = async (path) => { for await (const batch of readRows(path)) return batch }
    console.log(JSON.stringify({
      csv: await try_(() => rows(file('a.csv'))),
      parquet: await try_(() => rows(file('a.parquet'))),
      arrow: await try_(() => readColumns(file('a.arrow'), { columns: { a: 'number' } })),
    }))`
  writeFileSync(join(folder, 'program.mjs'), program)
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'program.mjs')], { encoding: 'utf8' })
  expect(stderr).toBe('')
  const said = JSON.parse(stdout)
  expect(said.csv).toEqual([{ a: '1' }])
  for (const [format, name] of [
    ['parquet', 'hyparquet'],
    ['arrow', 'apache-arrow'],
  ] as const) {
    expect(said[format].code).toBe('UNSUPPORTED')
    expect(said[format].message).toMatch(
      new RegExp(`^\\[read\\w+\\] .*a\\.${format}: .*needs the package ${name}; run: npm install ${name}$`),
    )
  }
})

test("the types that a user's compiler sees import neither", () => {
  const seen = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const imports = readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)
    for (const [, name] of imports) {
      if (name!.startsWith('.')) visit(join(dirname(file), name!.replace(/\.js$/, '.d.ts')))
      else packages.add(name!)
    }
  }
  visit(join(folder, 'index.d.ts'))
  expect([...seen].some((file) => file.endsWith('read-rows.d.ts'))).toBe(true)
  expect([...packages].filter((name) => /hyparquet|apache-arrow/.test(name))).toEqual([])
})
