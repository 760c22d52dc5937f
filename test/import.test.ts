import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'

const loads = vi.hoisted(() => ({ count: 0 }))
vi.mock('../lib/native.js', async (original) => {
  const real = await original<typeof import('../lib/native.js')>()
  return {
    ...real,
    native: () => {
      loads.count += 1
      return real.native()
    },
  }
})

test('layers, data helpers and unbuilt models need no native code; the first look at the engine does', async () => {
  const grus = await import('../lib/index.js')
  const model = grus.sequential([grus.gru({ units: 2 }), grus.dense({ units: 1 })], { seed: 1 })
  grus.padSequences([[1], [1, 2]])
  grus.normalizer({ mean: 0, variance: 1 }).transform([[1]])
  new grus.Trainer(model, { loss: 'mse', optimizer: grus.adam(), metrics: ['mae'] })
  model.summary()
  expect(loads.count).toBe(0)
  expect(model.engine).toMatch(/cpu|cudnn/)
  expect(loads.count).toBeGreaterThan(0)
})

test('the compiled library loads no reader of files, and of packages only those that every program needs', () => {
  const hook = `import { writeSync } from 'node:fs'
    export const resolve = (name, context, next) => (writeSync(1, name + '\\n'), next(name, context))`
  const program = `import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}))
    await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)})`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const names = [...new Set(stdout.trim().split('\n'))]
  expect(names.length).toBeGreaterThan(50)
  const packages = names.filter((name) => !/^(\.|node:|file:|data:)/.test(name))
  expect(packages.sort()).toEqual(['cli-progress', 'csv-stringify/sync', 'zod'])
  expect(names.filter((name) => /keras|onnx|tfjs|state-dict|zip|hdf5|csv\.js/.test(name))).toEqual([])
})
