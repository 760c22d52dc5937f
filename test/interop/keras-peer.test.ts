// Keras itself makes models for us to read, and reads ours: where a Python with keras is at hand.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { exportKeras, exportKerasWeights } from '../../lib/interop/keras/export.js'
import { importKeras } from '../../lib/interop/keras/import.js'
import { type ModelData, modelData } from '../../lib/interop/model-data.js'
import { activation, bidirectional, dense, gru } from '../../lib/layers.js'
import { initialWeights } from '../../lib/model-weights.js'
import { lower } from '../../lib/spec/lower.js'
import { checkLayers } from '../../lib/spec/network.js'
import { differenceOf, modelOf } from '../support/imported.js'
import { pythonMissing, pythonPath } from '../support/python.js'

/** Of numbers around 1, each the sum of some tens. */
const tolerance = 1e-5

const missing = pythonMissing('keras', 'tensorflow')

/** What no model of Keras leads to: the other update gate, every initializer, constants of activations. */
function ownModel(): ModelData {
  const layers = [
    gru({
      units: 3,
      returnSequences: true,
      updateGate: 'write',
      activation: { name: 'elu', alpha: 0.7 },
      kernelInitializer: 'heNormal',
      recurrentInitializer: { name: 'orthogonal', gain: 2 },
      biasInitializer: { name: 'uniform', min: -1, max: 1 },
      kernelRegularizer: { l1: 0.1, l2: 0.2 },
    }),
    dense({
      units: 3,
      activation: { name: 'leakyRelu', alpha: 0.01 },
      kernelInitializer: 'lecunUniform',
      biasInitializer: { name: 'constant', value: 0.5 },
    }),
    bidirectional(
      gru({
        units: 2,
        resetAfter: false,
        kernelInitializer: 'glorotNormal',
        recurrentInitializer: 'torch',
        biasInitializer: 'ones',
        returnState: true,
      }),
      {
        mergeMode: 'sum',
        backwardLayer: gru({
          units: 2,
          resetAfter: false,
          returnState: true,
          activation: 'softsign',
          kernelInitializer: { name: 'normal', mean: 0.1, stddev: 0.2 },
        }),
      },
    ),
    activation({ activation: 'softmax' }),
  ]
  const { parameters } = lower('test', checkLayers('test', layers), 3, true, 0)
  return modelData('test', 'own', layers, 3, true, initialWeights(parameters, 3))
}

const script = 'scripts/fixtures/keras_models.py'
const run = (...args: string[]) =>
  execFileSync(pythonPath, [script, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 300_000 })

describe('Keras 3', () => {
  beforeEach(({ skip }) => skip(missing !== undefined, missing))

  let folder = ''
  let names: string[] = []
  const caseOf = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as { x: number[][]; y: unknown }
  const at = (name: string) => join(folder, name)

  beforeAll(() => {
    if (missing !== undefined) return
    folder = mkdtempSync(join(tmpdir(), 'grus-keras-'))
    run('make', folder, 'all')
    names = readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -5))
  }, 300_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('computes what our models of its .keras, .h5 and .weights.h5 files compute', async () => {
    expect(names.length).toBeGreaterThan(15)
    const differences: Record<string, number[]> = {}
    for (const name of names) {
      const { x, y } = caseOf(name)
      const imported = await importKeras('importModel', at(`${name}.keras`))
      const found = [await differenceOf(imported, x, y)]
      if (existsSync(at(`${name}.h5`))) found.push(await differenceOf(await importKeras('importModel', at(`${name}.h5`)), x, y))
      using model = modelOf({
        ...imported,
        weights: new Map([...imported.weights].map(([key, { data, shape }]) => [key, { data: data.map(() => 0), shape }])),
      })
      await model.loadWeights(at(`${name}.weights.h5`))
      found.push(await differenceOf({ ...imported, weights: await model.getWeights() }, x, y))
      differences[name] = found
    }
    if (process.env.GRUS_SHOW) console.log(differences)
    for (const [name, found] of Object.entries(differences)) expect(Math.max(...found), name).toBeLessThan(tolerance)
  }, 300_000)

  it('computes from our .keras and .weights.h5 files what it computed from its own', async () => {
    for (const name of names) {
      const imported = await importKeras('importModel', at(`${name}.keras`))
      const batchSize = name === 'stateful' ? { batchSize: 4 } : {}
      await exportKeras('exportModel', imported, at(`${name}.ours.keras`), batchSize)
      await exportKerasWeights('exportModel', imported, at(`${name}.ours.weights.h5`))
      const again = await importKeras('importModel', at(`${name}.ours.keras`))
      expect(again.layers, name).toEqual(imported.layers)
      expect(again.weights, name).toEqual(imported.weights)
    }
    const own = ownModel()
    using model = modelOf(own)
    const x = Array.from({ length: 2 }, (_, row) => Array.from({ length: 5 }, (_, t) => [0, 1, 2].map((i) => Math.sin(row + 2 * t + i))))
    const y = await model.predict(x)
    writeFileSync(at('own.json'), JSON.stringify({ x, y: [0, 1].map((row) => Array.from(y.data.subarray(2 * row, 2 * row + 2))) }))
    await exportKeras('exportModel', own, at('own.ours.keras'))
    await exportKerasWeights('exportModel', own, at('own.ours.weights.h5'))
    const differences = JSON.parse(run('check', folder).trim().split('\n').at(-1)!) as Record<string, { model: number; weights: number }>
    if (process.env.GRUS_SHOW) console.log(differences)
    expect(Object.keys(differences).sort()).toEqual([...names, 'own'].sort())
    for (const [name, { model, weights }] of Object.entries(differences)) expect(Math.max(model, weights), name).toBeLessThan(tolerance)
  }, 300_000)
})
