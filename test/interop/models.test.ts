// importModel and exportModel: the doors before the formats.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { dense, embedding, exportModel, GrusError, gru, importModel, loadModel, type Model, sequential } from '../../lib/index.js'

const folder = mkdtempSync(join(tmpdir(), 'grus-models-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)
const keras = (name: string) => fileURLToPath(new URL(`../fixtures/interop/keras/${name}`, import.meta.url))

function network(): Model {
  return sequential([gru({ units: 3, inputSize: 2 }), dense({ units: 2 })], { seed: 3, device: 'cpu' })
}

async function refused(work: Promise<unknown>, code: string): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(GrusError)
  expect((error as GrusError).code).toBe(code)
  return (error as GrusError).message
}

describe('exportModel', () => {
  test.each(['model.onnx', 'model.keras', 'model.pt', 'MODEL.PTH', 'state.safetensors'])(
    '%s comes back, trains and says what it found',
    async (file) => {
      using model = network()
      const x = [
        [
          [1, 2],
          [3, 4],
        ],
      ]
      await exportModel(model, at(file))
      await exportModel(model, at(file)) // over itself
      const notes: string[] = []
      using again = await importModel(at(file), { device: 'cpu', seed: 1, onNote: (line) => void notes.push(line) })
      expect((await again.predict(x)).data).toEqual((await model.predict(x)).data)
      expect([...(await again.getWeights()).values()]).toEqual([...(await model.getWeights()).values()])
      expect(notes.length).toBeGreaterThan(0)
      expect(again.seed).toBe(1)
    },
  )

  test('a .weights.h5 goes into a model that is there', async () => {
    using model = network()
    using other = sequential([gru({ units: 3, inputSize: 2 }), dense({ units: 2 })], { seed: 4, device: 'cpu' })
    other.build(2)
    model.build(2)
    await exportModel(model, at('only.weights.h5'))
    await other.loadWeights(at('only.weights.h5'))
    expect(await other.getWeights()).toEqual(await model.getWeights())
    expect(await refused(importModel(at('only.weights.h5')), 'UNSUPPORTED')).toContain('call model.loadWeights')
  })

  test('never takes the place of a model of our own', async () => {
    using model = network()
    await model.save(at('own.safetensors'))
    expect(await refused(exportModel(model, at('own.safetensors')), 'INVALID_ARGUMENT')).toContain('is what model.save wrote')
    using there = await loadModel(at('own.safetensors'), { device: 'cpu' })
    expect(there.layers).toEqual(model.layers)
  })

  test('refuses what it cannot do before it touches anything', async () => {
    using model = network()
    using unbuilt = sequential([gru({ units: 3 })], { device: 'cpu' })
    writeFileSync(at('old.onnx'), 'old')
    expect(await refused(exportModel(unbuilt, at('old.onnx')), 'INVALID_ARGUMENT')).toContain('the model is not built yet')
    expect(await refused(exportModel(model, at('old.onnx'), { onnx: { opset: 3 } }), 'INVALID_ARGUMENT')).toContain('opset')
    expect(await refused(exportModel(model, at('old.onnx'), { keras: { batchSize: 2 } }), 'INVALID_ARGUMENT')).toContain(
      "belong to format 'keras'",
    )
    expect(await refused(exportModel(model, at('old.onnx'), { format: 'keras' }), 'INVALID_ARGUMENT')).toContain('path must end in .keras')
    expect(await refused(exportModel(model, at('old.h5')), 'INVALID_ARGUMENT')).toContain('path must end in .keras, .weights.h5, .onnx')
    expect(await refused(exportModel({} as Model, at('old.onnx')), 'INVALID_ARGUMENT')).toContain('model must come from sequential')
    expect(readFileSync(at('old.onnx'), 'utf8')).toBe('old')
    using before = sequential([gru({ units: 3, inputSize: 2, resetAfter: false })], { device: 'cpu' })
    expect(await refused(exportModel(before, at('before.pt')), 'UNSUPPORTED')).toContain("layer 'gru' has resetAfter false")
  })

  test('a stateful model goes to Keras with the size of its batches', async () => {
    using model = sequential([gru({ units: 3, inputSize: 2, stateful: true })], { device: 'cpu' })
    expect(await refused(exportModel(model, at('stateful.keras')), 'INVALID_ARGUMENT')).toContain('batchSize')
    await exportModel(model, at('stateful.keras'), { keras: { batchSize: 4 } })
    using again = await importModel(at('stateful.keras'), { device: 'cpu' })
    expect(again.layers).toMatchObject([{ type: 'gru', units: 3, stateful: true }])
  })
})

describe('importModel', () => {
  test('tells a .keras file by what it holds', async () => {
    using model = await importModel(keras('bidirectional.keras'), { device: 'cpu' })
    expect(model.layers.some(({ type }) => type === 'bidirectional')).toBe(true)
  })

  test('says which call refuses', async () => {
    using model = network()
    await exportModel(model, at('named.onnx'))
    const wrong = importModel(at('named.onnx'), { device: 'gpu' as 'cpu' })
    expect(await refused(wrong, 'INVALID_ARGUMENT')).toMatch(/^\[importModel\] device must be/)
  })

  test('refuses options of another format, and a format that the content is not of', async () => {
    using model = network()
    await exportModel(model, at('a.onnx'))
    expect(await refused(importModel(at('a.onnx'), { pytorch: {} }), 'INVALID_ARGUMENT')).toContain("whose format is 'onnx'")
    expect(await refused(importModel(at('a.onnx'), { format: 'pytorch' }), 'INVALID_ARGUMENT')).toContain("is that of 'onnx'")
    expect(await refused(importModel(at('a.onnx'), { formt: 'onnx' } as object), 'INVALID_ARGUMENT')).toContain("did you mean 'format'")
  })

  test('files that are none', async () => {
    writeFileSync(at('empty.onnx'), '')
    expect(await refused(importModel(at('empty.onnx')), 'CORRUPT_FILE')).toContain('expected a model of grus, PyTorch')
    expect(await refused(importModel(at('nowhere.onnx')), 'INVALID_ARGUMENT')).toContain('ENOENT')
    mkdirSync(at('folder'))
    expect(await refused(importModel(at('folder')), 'INVALID_ARGUMENT')).toContain('model.json')
  })

  test('a mask that the graph makes is refused in words', async () => {
    using model = sequential([embedding({ inputDim: 5, outputDim: 2, maskZero: true }), gru({ units: 3 })], { device: 'cpu' })
    await exportModel(model, at('masked.onnx'))
    expect(await refused(importModel(at('masked.onnx')), 'UNSUPPORTED')).toContain('a mask made in the graph is not read')
  })
})
