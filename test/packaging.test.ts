// What a package's users and a clone's first command rely on: the manifest, the lock file, the setup's own parts.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const readJson = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'))
const manifest = readJson('package.json')
const scratch = mkdtempSync(join(tmpdir(), 'grus-packaging-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('package.json', () => {
  test('publishes the compiled library, the sources of the addon and its prebuilds, and nothing that npm would build by itself', () => {
    expect(manifest.files).toEqual(['dist', 'CMakeLists.txt', 'cmake', 'native', 'scripts/cmake.cjs', 'prebuilds'])
    expect(manifest.gypfile).toBe(false)
    expect(manifest.scripts).not.toHaveProperty('install')
    expect(manifest.scripts).not.toHaveProperty('postinstall')
    expect(manifest.binary.napi_versions).toEqual([8])
  })

  test('start, test and setup need nothing but Node: they run before there is a node_modules', () => {
    for (const name of ['start', 'test', 'setup']) expect(manifest.scripts[name]).toMatch(/^node scripts\/\w+\.mjs$/)
    const scripts = [...readdirSync(join(root, 'scripts')), ...readdirSync(join(root, 'scripts/setup')).map((file) => `setup/${file}`)]
    const sources = scripts.filter((file) => /^(setup|start|test)\b.*\.mjs$/.test(file))
    expect(sources.length).toBeGreaterThan(5)
    for (const file of sources) {
      const imports = readFileSync(join(root, 'scripts', file), 'utf8').matchAll(/^import .* from '(.*)'/gm)
      for (const [, from] of imports) expect(from, file).toMatch(/^(node:|\.)/)
    }
  })
})

describe('package-lock.json', () => {
  const packages: Record<string, Record<string, unknown>> = readJson('package-lock.json').packages

  test('asks whatever registry its user has: no entry says where it came from', () => {
    expect(Object.keys(packages).filter((path) => 'resolved' in (packages[path] ?? {}))).toEqual([])
  })

  test('has every entry that npm ci wants, those of other platforms too (npm run lock)', () => {
    const optional = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    expect(optional.filter((name) => !packages[`node_modules/${name}`]?.version)).toEqual([])
    for (const kind of ['dependencies', 'devDependencies']) expect(packages['']?.[kind]).toEqual(manifest[kind])
  })
})

describe('the native build', () => {
  test('names every source it reads', () => {
    const listed = execFileSync(process.execPath, ['scripts/cmake.cjs', '--list'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
    expect(listed).toContain('CMakeLists.txt')
    expect(listed).toContain('native/backend.h')
    expect(listed.filter((file) => !existsSync(join(root, file)))).toEqual([])
  })
})

describe("the setup's lock", () => {
  type WithLock = (path: string, work: () => Promise<unknown>, onWait?: (pid: string) => void) => Promise<unknown>
  let withLock: WithLock
  const path = join(scratch, 'lock')
  beforeAll(async () => {
    const file: string = new URL('../scripts/setup/lock.mjs', import.meta.url).href
    withLock = (await import(file)).withLock
  })

  test('lets one piece of work in at a time', async () => {
    let inside = 0
    let most = 0
    const waits: string[] = []
    const work = async () => {
      most = Math.max(most, ++inside)
      await sleep(100)
      inside--
    }
    await Promise.all([1, 2, 3].map(() => withLock(path, work, (pid) => waits.push(pid))))
    expect(most).toBe(1)
    expect(waits).toEqual([String(process.pid), String(process.pid)])
    expect(existsSync(path)).toBe(false)
  })

  test('is given back when the work fails', async () => {
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(existsSync(path)).toBe(false)
  })

  test('is taken over from a holder that died', async () => {
    writeFileSync(path, '1 dead')
    const longAgo = new Date(Date.now() - 60_000)
    utimesSync(path, longAgo, longAgo)
    expect(await withLock(path, async () => readFileSync(path, 'utf8'))).toMatch(new RegExp(`^${process.pid} `))
    expect(readdirSync(scratch)).toEqual([])
  })
})
