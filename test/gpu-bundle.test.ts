// What build:gpu packs for a machine without Node, and scripts/gpu/first-light.sh, which unpacks it there.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, it } from 'vitest'
import { processLives, until } from './support/processes.js'
import { scratchFolder } from './support/scratch-folder.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const { makeBundle } = await import(pathToFileURL(join(root, 'scripts/gpu/bundle.mjs')).href)

const scratch = scratchFolder()
const { write, script } = scratch

const tools = ['tar', 'xz', 'git'].find((tool) => spawnSync(tool, ['--version']).error)
const lacks = process.platform === 'linux' ? tools : 'Linux'
if (lacks) console.info(`skipped: no ${lacks}`)
describe.skipIf(lacks)('a bundle', () => {
  const parts = ['dist', 'node_modules']
  let node = ''
  beforeEach(() => {
    write('tree/dist/index.js', 'export const a = 1\n')
    write('tree/node_modules/typescript/big.js', 'left out')
    write('tree/node_modules/zod/index.js', '')
    write('tree/README.md', 'the tree')
    write('shared/cases/one.json', '{}')
    execFileSync('git', ['init', '-q'], { cwd: join(scratch.path, 'tree') })
    writeFileSync(join(scratch.path, 'tree/.gitignore'), 'node_modules/\ndist/\n.gpu/\n')
    node = script('node', `[ "$1" = --version ] || exec ${process.execPath} "$@"`)
  })
  const bundle = (more = {}) =>
    makeBundle({
      root: join(scratch.path, 'tree'),
      file: join(scratch.path, 'tree/.gpu/b.tar.xz'),
      parts,
      node,
      cases: join(scratch.path, 'shared'),
      ...more,
    })
  const list = () => execFileSync('tar', ['-tJf', join(scratch.path, 'tree/.gpu/b.tar.xz')], { encoding: 'utf8' }).split('\n')

  it('holds the parts, Node and the cases, and no tool that builds', async () => {
    expect(await bundle()).toBeGreaterThan(100)
    const names = list()
    for (const name of ['dist/index.js', 'node_modules/zod/index.js', 'bin/node', 'shared/cases/one.json']) expect(names).toContain(name)
    expect(names.filter((name) => name.includes('typescript'))).toEqual([])
    expect(readdirSync(join(scratch.path, 'tree/.gpu'))).toEqual(['b.tar.xz'])
  })

  it('that is too large is refused with what each part weighs, and an earlier one stays', async () => {
    write('tree/.gpu/b.tar.xz', 'earlier')
    await expect(bundle({ most: 100 })).rejects.toThrow(
      /more than 0\.0 MiB together; unpacked: dist 0\.0 MiB, node_modules .*, bin .*, shared\/cases/,
    )
    await expect(bundle({ parts: ['dist', 'build/gpu'] })).rejects.toThrow('build/gpu is not there: npm run build:gpu makes it')
    expect(readFileSync(join(scratch.path, 'tree/.gpu/b.tar.xz'), 'utf8')).toBe('earlier')
    expect(readdirSync(join(scratch.path, 'tree/.gpu'))).toEqual(['b.tar.xz'])
  })

  it('that is stopped or killed leaves nothing in the tree', async () => {
    const path = `${scratch.path}:${process.env.PATH}`
    script('tar', `echo $$ > '${scratch.path}/part'; mv '${scratch.path}/part' '${scratch.path}/pid'; exec sleep 1000`)
    const module = pathToFileURL(join(root, 'scripts/gpu/bundle.mjs')).href
    const what = { root: join(scratch.path, 'tree'), file: join(scratch.path, 'tree/.gpu/b.tar.xz'), parts, node }
    const program = `import { makeBundle } from ${JSON.stringify(module)}; await makeBundle(${JSON.stringify(what)})`
    const before = execFileSync('find', [join(scratch.path, 'tree')], { encoding: 'utf8' })
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: 'ignore',
        env: { ...process.env, PATH: path, TMPDIR: scratch.path },
      })
      const ended = new Promise((done) => child.on('exit', done))
      await until(() => existsSync(join(scratch.path, 'pid')))
      child.kill(signal)
      await ended
      await until(() => !processLives(Number(readFileSync(join(scratch.path, 'pid'), 'utf8'))))
      rmSync(join(scratch.path, 'pid'))
      expect(execFileSync('find', [join(scratch.path, 'tree')], { encoding: 'utf8' })).toBe(before)
    }
  }, 60_000)

  it('is unpacked by first-light.sh, which runs its Node where none is on PATH', async () => {
    await bundle()
    const tree = join(scratch.path, 'tree')
    mkdirSync(join(tree, 'scripts/gpu'), { recursive: true })
    execFileSync('cp', [join(root, 'scripts/gpu/first-light.sh'), join(tree, 'scripts/gpu')])
    write('tree/scripts/gpu/test.mjs', 'console.log(JSON.stringify([process.argv.slice(2), process.env.PATH, process.env.GRUS_SHARED]))')
    rmSync(join(tree, 'dist'), { recursive: true })
    const run = (env = {}) =>
      spawnSync('/bin/sh', ['scripts/gpu/first-light.sh', '--all', '--minutes', '9'], {
        cwd: tree,
        encoding: 'utf8',
        env: { PATH: '/usr/bin:/bin', ...env },
      })
    const missing = run()
    expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining('there is no .gpu/bundle.tar.xz')])
    const { stdout } = run({ BUNDLE: '.gpu/b.tar.xz' })
    expect(JSON.parse(stdout)).toEqual([['--all', '--minutes', '9'], `${tree}/bin:/usr/bin:/bin`, `${tree}/shared`])
    expect(existsSync(join(tree, 'dist/index.js'))).toBe(true)
    const whole = readFileSync(join(tree, '.gpu/b.tar.xz'))
    write('tree/.gpu/half.tar.xz', whole.subarray(0, whole.length / 2))
    const half = run({ BUNDLE: '.gpu/half.tar.xz' })
    expect([half.status, half.stderr]).toEqual([2, expect.stringContaining('cannot be unpacked here')])
  })
})
