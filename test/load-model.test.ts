import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { normalizer } from '../lib/data/normalizer.js'
import { textVectorizer } from '../lib/data/text.js'
import { readSafetensors, writeSafetensors } from '../lib/files/safetensors.js'
import { activation, bidirectional, dense, dropout, embedding, gru, layerNormalization, masking } from '../lib/layers.js'
import { loadModel } from '../lib/load-model.js'
import { type Model, sequential } from '../lib/model.js'
import { RandomStream } from '../lib/random.js'
import type { Tensor } from '../lib/tensor.js'
import { devices } from './support/devices.js'
import { rejected } from './support/errors.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grus-model-'))
})
afterAll(() => rm(folder, { recursive: true }))

const layers = [
  embedding({ inputDim: 12, outputDim: 4, maskZero: true }),
  bidirectional(gru({ units: 3, returnSequences: true, kernelRegularizer: { l2: 0.01 } }), { mergeMode: 'sum', name: 'both' }),
  dropout({ rate: 0.1 }),
  gru({ units: 3, updateGate: 'write', clip: 2, activation: { name: 'leakyRelu', alpha: 0.2 } }),
  dense({ units: 2, activation: 'softmax' }),
]
const x = [
  [1, 2, 3],
  [11, 0, 0],
]

for (const { device } of devices()) {
  describe(`save and load on ${device}`, () => {
    test('bring everything back, bit for bit', async () => {
      const path = join(folder, 'all.safetensors')
      using model = sequential(layers, { device, seed: 2 ** 53 - 1, name: 'süß' })
      const weights = await model.getWeights()
      weights.get('dense.bias')!.data.set([Number.NaN, -0])
      await model.setWeights(weights)
      model.tokenizer = textVectorizer({ level: 'word' })
      model.tokenizer.adapt(['to be or not to be'])
      model.normalizer = normalizer({ mean: [1, 2], variance: [3, 4] })
      model.labels = ['no', 'yes']
      await model.save(path)
      using loaded = await loadModel(path, { device, threads: 1 })
      expect(loaded.layers).toEqual(model.layers)
      expect([loaded.name, loaded.seed, loaded.built, loaded.labels]).toEqual(['süß', 2 ** 53 - 1, true, ['no', 'yes']])
      const read = await loaded.getWeights()
      for (const [name, { data, shape }] of weights) {
        expect(read.get(name)!.shape).toEqual(shape)
        expect(Buffer.from(read.get(name)!.data.buffer)).toEqual(Buffer.from(data.buffer))
      }
      expect(await loaded.predict(x)).toEqual(await model.predict(x))
      expect(loaded.tokenizer!.transform(['be not afraid'])).toEqual(model.tokenizer.transform(['be not afraid']))
      expect(loaded.normalizer!.transform([[1, 2]])).toEqual(model.normalizer.transform([[1, 2]]))
    })

    test('bring masking, normalization, activations and a backward layer of its own back', async () => {
      const path = join(folder, 'masking.safetensors')
      const others = [
        masking({ maskValue: -1 }),
        layerNormalization({ epsilon: 1e-5, center: false }),
        bidirectional(gru({ units: 3, returnSequences: true }), {
          backwardLayer: gru({ units: 3, returnSequences: true, activation: 'relu' }),
        }),
        activation({ activation: { name: 'elu', alpha: 0.5 } }),
        gru({ units: 2, goBackwards: true, alignOutput: true, returnSequences: true }),
        activation({ activation: 'softmax' }),
      ]
      using model = sequential(others, { device, inputSize: 2, seed: 1 })
      await model.save(path)
      using loaded = await loadModel(path, { device })
      expect(loaded.layers).toEqual(model.layers)
      expect(await loaded.getWeights()).toEqual(await model.getWeights())
      const series = [
        [
          [1, 2],
          [-1, -1],
          [3, 5],
        ],
      ]
      expect(await loaded.predict(series)).toEqual(await model.predict(series))
      expect(loaded.summary()).toBe(model.summary())
      expect(loaded.summary()).toMatch(/layerNormalization \(layerNormalization\) +\[B, T, 2\] +2\n/)
    })

    test('the same model is the same file, and saving again replaces it', async () => {
      const path = join(folder, 'same.safetensors')
      using model = sequential(layers, { device, seed: 1 })
      await model.save(path)
      const first = await readFile(path)
      await model.save(path)
      expect(await readFile(path)).toEqual(first)
      using loaded = await loadModel(path, { device })
      await loaded.save(path)
      expect(await readFile(path)).toEqual(first)
      expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
    })

    test('models of vectors, and of sequences without recurrent layers', async () => {
      const path = join(folder, 'dense.safetensors')
      for (const input of [[[1, 2, 3]], [[[1, 2, 3]]]]) {
        using model = sequential([dense({ units: 2 })], { device })
        const y = await model.predict(input)
        await model.save(path)
        using loaded = await loadModel(path, { device })
        expect(await loaded.predict(input)).toEqual(y)
      }
    })

    test('a model that is not built, or that cannot be written, leaves no file', async () => {
      const path = join(folder, 'none.safetensors')
      expect(await rejected(sequential([gru({ units: 2 })], { device }).save(path))).toContain('not built yet')
      using model: Model = sequential(layers, { device })
      model.labels = [1 as unknown as string]
      expect(await rejected(model.save(path))).toContain('labels[0] must be a string, got 1')
      model.labels = undefined
      model.tokenizer = { toJSON: () => ({}) } as never
      expect(await rejected(model.save(path))).toContain('tokenizer cannot be saved: ')
      model.tokenizer = undefined
      model.normalizer = (() => 1) as never
      expect(await rejected(model.save(path))).toContain('normalizer cannot be saved: ')
      model.normalizer = undefined
      expect(await rejected(model.save(join(folder, 'no', 'where')))).toContain('ENOENT')
      expect(await readdir(folder)).not.toContain('none.safetensors')
    })
  })
}

describe('a wrong file', () => {
  const edit = async (change: (file: { tensors: Map<string, Tensor>; metadata: Record<string, string> }) => void) => {
    const path = join(folder, 'edited.safetensors')
    using model = sequential(layers, { device: 'cpu', seed: 1 })
    model.normalizer = normalizer({ mean: [1], variance: [1] })
    model.tokenizer = textVectorizer({ level: 'character' })
    model.tokenizer.adapt(['ab'])
    model.labels = ['a', 'b']
    await model.save(path)
    const file = await readSafetensors(path)
    change(file)
    await writeSafetensors(path, file.tensors, file.metadata)
    return path
  }
  const architecture = (change: (value: Record<string, never> & { layers: Record<string, unknown>[] }) => void) =>
    edit(({ metadata }) => {
      const value = JSON.parse(metadata.architecture!)
      change(value)
      metadata.architecture = JSON.stringify(value)
    })

  test('missing: INVALID_ARGUMENT with its path and cause', async () => {
    const path = join(folder, 'missing.safetensors')
    expect(await rejected(loadModel(path))).toContain(`cannot read '${path}': ENOENT`)
    expect(await rejected(loadModel(path, { devise: 'cpu' } as object))).toContain("unknown option 'devise'; did you mean 'device'?")
  })

  test.each<[string, () => Promise<string>]>([
    [
      "__metadata__.format must be 'grus', got undefined: no model of this library",
      () => edit(({ metadata }) => void delete metadata.format),
    ],
    ["__metadata__.formatVersion must be '1', got '2'", () => edit(({ metadata }) => void Object.assign(metadata, { formatVersion: '2' }))],
    ['__metadata__.architecture is missing', () => edit(({ metadata }) => void delete metadata.architecture)],
    ['__metadata__.architecture: ', () => edit(({ metadata }) => void Object.assign(metadata, { architecture: '{' }))],
    ["__metadata__ has an unknown field 'optimiser'", () => edit(({ metadata }) => void Object.assign(metadata, { optimiser: '1' }))],
    [
      '__metadata__.seed must be an integer from 0 to 2^53 - 1, got -1',
      () => edit(({ metadata }) => void Object.assign(metadata, { seed: '-1' })),
    ],
    ['labels[0] must be a string, got 1', () => edit(({ metadata }) => void Object.assign(metadata, { labels: '[1]' }))],
    ['', () => edit(({ metadata }) => void Object.assign(metadata, { tokenizer: '{"level":"sound"}' }))],
    ['', () => edit(({ metadata }) => void Object.assign(metadata, { normalizer: '{"mean":[1],"variance":[-1]}' }))],
    ['architecture must be an object, got 3', () => edit(({ metadata }) => void Object.assign(metadata, { architecture: '3' }))],
    [
      'architecture.layers[1].layer.units must be a positive integer, got -3',
      () => architecture((a) => void Object.assign(a.layers[1]!.layer as object, { units: -3 })),
    ],
    ['architecture.layers[3].type must be one of', () => architecture((a) => void Object.assign(a.layers[3]!, { type: 'lstm' }))],
    [
      "unknown option 'architecture.layers[4].units2'; did you mean 'units'?",
      () => architecture((a) => void Object.assign(a.layers[4]!, { units2: 1 })),
    ],
    ['architecture.inputSize must be 12, got 13', () => architecture((a) => void Object.assign(a, { inputSize: 13 }))],
    ['architecture.sequence must be true, got false', () => architecture((a) => void Object.assign(a, { sequence: false }))],
    ['2^31 - 1 is the most', () => architecture((a) => void Object.assign(a.layers[3]!, { units: 2 ** 30 }))],
    ['which only the last layer may have', () => architecture((a) => void a.layers.push({ type: 'dense', units: 2 }))],
    ["'dense.bias' is missing", () => edit(({ tensors }) => void tensors.delete('dense.bias'))],
    ["unknown tensor 'extra'", () => edit(({ tensors }) => void tensors.set('extra', { data: new Float32Array(1), shape: [1] }))],
    [
      "'dense.bias' must have shape [2], got [3] with 3 numbers",
      () => edit(({ tensors }) => void tensors.set('dense.bias', { data: new Float32Array(3), shape: [3] })),
    ],
    [
      "'dense.bias' must be a float32 tensor, got a Int32Array",
      () => edit(({ tensors }) => void tensors.set('dense.bias', { data: new Int32Array(2), shape: [2] })),
    ],
  ])('%s', async (message, make) => {
    const path = await make()
    const text = await rejected(loadModel(path), 'CORRUPT_FILE')
    expect(text.startsWith(`[loadModel] ${path}: `)).toBe(true)
    expect(text).toContain(message)
  })

  test('damaged anywhere, by one bit or cut: CORRUPT_FILE', { timeout: 120_000 }, async () => {
    const path = await edit(() => undefined)
    const bytes = await readFile(path)
    const header = 8 + Number(bytes.readBigUInt64LE())
    const stream = new RandomStream(1, 'damage')
    for (let round = 0; round < 200; ++round) {
      const damaged = Buffer.from(bytes)
      const at = round % 3 === 0 ? header + stream.below(bytes.length - header) : stream.below(header)
      damaged[at] = damaged[at]! ^ (1 << stream.below(8))
      const end = round % 4 === 0 ? stream.below(bytes.length) : bytes.length
      await writeFile(path, damaged.subarray(0, end))
      await rejected(loadModel(path, { device: 'cpu' }), 'CORRUPT_FILE')
    }
  })

  test('edited on purpose: loads without the checksum, and not with it', async () => {
    const change = (file: { tensors: Map<string, Tensor> }) => file.tensors.get('dense.bias')!.data.fill(3)
    expect(await rejected(loadModel(await edit(change)), 'CORRUPT_FILE')).toContain('it was changed since')
    using model = await loadModel(
      await edit((file) => {
        change(file)
        delete file.metadata.sha256
      }),
    )
    expect((await model.getWeights()).get('dense.bias')?.data).toEqual(Float32Array.of(3, 3))
  })
})
