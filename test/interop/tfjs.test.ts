// What TensorFlow.js 4.22 saved (scripts/fixtures/tfjs_models.mjs) and what it computed.
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importTfjs, readTfjs } from '../../lib/interop/tfjs/import.js'
import { differenceOf, whole } from '../support/imported.js'
import { mutations } from '../support/mutations.js'

const fixtures = 'test/fixtures/interop/tfjs'
const shards = ['group1-shard1of2.bin', 'group1-shard2of2.bin']
const at = (name: string, file: string) => join(fixtures, name, file)
const caseOf = (name: string) => JSON.parse(readFileSync(at(name, 'case.json'), 'utf8')) as { x: number[][]; y: unknown }

/** A model.json with changes, and the fixture's own files of weights beside it. */
const read = (name: string, change: (model: Model) => void, files: Readonly<Record<string, Uint8Array>> = filesOf(name)) => {
  const model = JSON.parse(readFileSync(at(name, 'model.json'), 'utf8')) as Model
  change(model)
  return readTfjs('importModel', 'model.json', Buffer.from(JSON.stringify(model)), async (file, most) => {
    const found = files[file]
    return found && found.length <= most ? found : undefined
  })
}
const filesOf = (name: string) => Object.fromEntries(shards.map((file) => [file, readFileSync(at(name, file))]))

interface Model {
  format: string
  modelTopology: { config: { layers: { class_name: string; config: Record<string, unknown> }[] }; model_config?: unknown }
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; dtype: string; quantization?: unknown }[] }[]
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grus-tfjs-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('importTfjs', () => {
  it.each(['masked', 'stacked', 'ids'])('%s: the numbers are those of TensorFlow.js', async (name) => {
    const { x, y } = caseOf(name)
    expect(await differenceOf(await importTfjs('importModel', at(name, 'model.json')), x, y)).toBeLessThan(1e-6)
  })

  it('takes defaults that TensorFlow.js would take', async () => {
    const { layers, notes } = await read('ids', ({ modelTopology }) => {
      const { config } = modelTopology.config.layers[1]!
      for (const key of ['reset_after', 'recurrent_activation', 'return_sequences']) delete config[key]
    })
    expect(layers[1]).toMatchObject({
      resetAfter: false,
      recurrentActivation: { name: 'hardSigmoid', alpha: 0.2, beta: 0.5 },
      kernelInitializer: 'glorotNormal',
    })
    expect(notes).toEqual(['saved by TensorFlow.js tfjs-layers v4.22.0', 'weights: gates z, r, n -> r, z, n; matrices transposed'])
  })

  it('reads what the converter writes: model_config, names with a prefix', async () => {
    const plain = await importTfjs('importModel', at('stacked', 'model.json'))
    const converted = await read('stacked', (model) => {
      const { class_name, config } = model.modelTopology as unknown as Record<string, unknown>
      model.modelTopology = { model_config: { class_name, config } } as unknown as Model['modelTopology']
      for (const weight of model.weightsManifest[0]!.weights) weight.name = `sequential/${weight.name}`
    })
    expect(converted.weights).toEqual(plain.weights)
  })

  it('reads quantised weights', async () => {
    const bytes = Buffer.concat([
      Buffer.from([0, 128, 255]),
      Buffer.from(Uint16Array.of(0, 65535, 7).buffer),
      Buffer.from(Uint16Array.of(0x3c00).buffer),
    ])
    const imported = await read(
      'ids',
      (model) => {
        const { layers } = model.modelTopology.config
        model.modelTopology.config.layers = [
          { class_name: 'Dense', config: { ...layers.at(-1)!.config, name: 'd', batch_input_shape: [null, 3] } },
        ]
        model.weightsManifest = [
          {
            paths: ['w'],
            weights: [
              {
                name: 'd/kernel',
                shape: [3, 1],
                dtype: 'float32',
                quantization: { dtype: 'uint8', scale: 0.5, min: -1, original_dtype: 'float32' },
              },
            ],
          },
          {
            paths: ['b'],
            weights: [{ name: 'd/bias', shape: [1], dtype: 'float32', quantization: { dtype: 'float16', original_dtype: 'float32' } }],
          },
        ]
      },
      { w: bytes.subarray(0, 3), b: bytes.subarray(9) },
    )
    expect([...imported.weights.get('d.weight')!.data, ...imported.weights.get('d.bias')!.data]).toEqual([-1, 63, 126.5, 1])
    expect(imported.notes).toContain('weights: quantised as uint8, float16 -> float32')
  })

  it('refuses a quantised number beyond float32', async () => {
    const dense = (level: number) =>
      read(
        'ids',
        (model) => {
          const { layers } = model.modelTopology.config
          const config = { ...layers.at(-1)!.config, name: 'd', use_bias: false, batch_input_shape: [null, 1] }
          model.modelTopology.config.layers = [{ class_name: 'Dense', config }]
          const quantization = { dtype: 'uint8', scale: 1e37, min: 0 }
          model.weightsManifest = [{ paths: ['w'], weights: [{ name: 'd/kernel', shape: [1, 1], dtype: 'float32', quantization }] }]
        },
        { w: Buffer.from([level]) },
      )
    expect([...(await dense(34)).weights.get('d.weight')!.data]).toEqual([Math.fround(3.4e38)])
    await expect(dense(35)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/the tensor 'd\/kernel' holds 3\.5\d*e\+38, which is beyond float32/),
    })
  })

  it.each<[string, (model: Model) => void, string, RegExp]>([
    ['a graph model', (m) => Object.assign(m, { format: 'graph-model' }), 'UNSUPPORTED', /it is a graph model/],
    [
      'another layer',
      (m) => Object.assign(m.modelTopology.config.layers[1]!, { class_name: 'LSTM' }),
      'UNSUPPORTED',
      /'gru_GRU\d+' \(LSTM\) is none.*the nearest is GRU/,
    ],
    [
      'integers',
      (m) => Object.assign(m.weightsManifest[0]!.weights[0]!, { dtype: 'int32' }),
      'UNSUPPORTED',
      /dtype must be 'float32', got 'int32'/,
    ],
    [
      'four bits',
      (m) => Object.assign(m.weightsManifest[0]!.weights[0]!, { quantization: { dtype: 'int4' } }),
      'UNSUPPORTED',
      /quantization must be to uint8/,
    ],
    [
      'a path outside',
      (m) => Object.assign(m.weightsManifest[0]!, { paths: ['../model.bin'] }),
      'CORRUPT_FILE',
      /must be files beside model.json, got '..\/model.bin'/,
    ],
    [
      'an absolute path',
      (m) => Object.assign(m.weightsManifest[0]!, { paths: ['/etc/hosts'] }),
      'CORRUPT_FILE',
      /must be files beside model.json/,
    ],
    ['a missing file', (m) => Object.assign(m.weightsManifest[0]!, { paths: ['none.bin'] }), 'CORRUPT_FILE', /'none.bin' is missing/],
    ['too few bytes', (m) => void m.weightsManifest[0]!.paths.pop(), 'CORRUPT_FILE', /the files end \d+ bytes before the tensors/],
    ['too many bytes', (m) => void m.weightsManifest[0]!.weights.pop(), 'CORRUPT_FILE', /holds more than/],
    ['a claim of much memory', (m) => Object.assign(m.weightsManifest[0]!.weights[0]!, { shape: [2e9] }), 'CORRUPT_FILE', /the files end/],
    [
      'a stranger',
      (m) => Object.assign(m.weightsManifest[0]!.weights[0]!, { name: 'other/kernel' }),
      'CORRUPT_FILE',
      /'other\/kernel' belongs to no layer/,
    ],
    [
      'another order',
      (m) => Object.assign(m.weightsManifest[0]!.weights[1]!, { name: m.weightsManifest[0]!.weights[1]!.name.replace('kernel', 'other') }),
      'CORRUPT_FILE',
      /has the weights kernel, recurrent_kernel, bias/,
    ],
  ])('refuses %s', async (_, change, code, message) => {
    await expect(read('ids', change)).rejects.toMatchObject({ name: 'GrusError', code, message: expect.stringMatching(message) })
  })

  it('a model.json is bounded before it is read, and before it is parsed', async () => {
    const path = join(folder, 'brackets.json')
    writeFileSync(path, Buffer.alloc(60e6, '['))
    await expect(importTfjs('importModel', path)).rejects.toMatchObject({
      code: 'CORRUPT_FILE',
      message: expect.stringContaining('model.json: it is nested more than 64 deep'),
    })
    truncateSync(path, 2 ** 40)
    await expect(importTfjs('importModel', path)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('at most 67108864 can be read'),
    })
  })

  it('looks at the files that are there', async () => {
    cpSync(join(fixtures, 'ids'), folder, { recursive: true })
    truncateSync(join(folder, shards[1]!), 10)
    await expect(importTfjs('importModel', join(folder, 'model.json'))).rejects.toMatchObject({ code: 'CORRUPT_FILE' })
    rmSync(join(folder, shards[0]!))
    await expect(importTfjs('importModel', join(folder, 'model.json'))).rejects.toMatchObject({ code: 'CORRUPT_FILE' })
    writeFileSync(join(folder, 'model.json'), '[')
    await expect(importTfjs('importModel', join(folder, 'model.json'))).rejects.toMatchObject({ code: 'CORRUPT_FILE' })
    await expect(importTfjs('importModel', join(folder, 'none.json'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('10,000 damaged models are read whole or refused', async () => {
    const json = readFileSync(at('stacked', 'model.json'))
    const files = filesOf('stacked')
    const counts = { read: 0, refused: 0 }
    for (const damaged of mutations(json, 10_000, 4)) {
      try {
        expect(
          whole(
            await readTfjs('importModel', 'model.json', damaged, async (file, most) =>
              files[file] && files[file].length <= most ? files[file] : undefined,
            ),
          ),
        ).toBe(true)
        ++counts.read
      } catch (error) {
        expect(error, damaged.toString()).toMatchObject({ name: 'GrusError', code: expect.stringMatching(/^(CORRUPT_FILE|UNSUPPORTED)$/) })
        ++counts.refused
      }
    }
    expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(300)
  }, 60_000)

  it('a cut off model.json is CORRUPT_FILE', async () => {
    const json = readFileSync(at('ids', 'model.json'))
    for (let length = 0; length < json.length; length += 7) {
      await expect(readTfjs('importModel', 'x', json.subarray(0, length), async () => undefined)).rejects.toMatchObject({
        code: 'CORRUPT_FILE',
      })
    }
  })
})
