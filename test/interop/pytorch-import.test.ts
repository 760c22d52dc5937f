// Files that PyTorch wrote: read, given to layers, and computed with.
import { describe, expect, test } from 'vitest'
import { Gru } from '../../lib/gru.js'
import { type ImportStateDictOptions, importStateDict } from '../../lib/interop/pytorch/import-state-dict.js'
import { readStateDict } from '../../lib/interop/pytorch/read-state-dict.js'
import { bidirectional, dense, dropout, embedding, gru, layerNormalization } from '../../lib/layers.js'
import { sequential } from '../../lib/model.js'
import type { LayerSpec } from '../../lib/spec/types.js'
import { rejected } from '../support/errors.js'
import { expectClose, inputOf, running, torchCases, torchFixture, written } from './support.js'

const cases = torchCases()
const words = [embedding({ inputDim: 7, outputDim: 3 }), gru({ units: 4 }), dense({ units: 2 })]
const both = [
  bidirectional(gru({ units: 2, returnSequences: true, inputSize: 3 })),
  dropout({ rate: 0.5 }),
  bidirectional(gru({ units: 2 })),
  layerNormalization({ epsilon: 1e-5 }),
  dense({ units: 3 }),
]
const layersOf: Record<string, LayerSpec[]> = {
  both,
  views: both,
  bare: [gru({ units: 4, useBias: false, inputSize: 3 }), dense({ units: 5, useBias: false })],
  cell: [gru({ units: 4, inputSize: 3 }), dense({ units: 1 })],
}

describe('what PyTorch computed', () => {
  // float32 rounding of weights in float64 included
  const tolerance = 1e-6

  test.each(Object.keys(cases))('%s comes out of an imported model', async (file) => {
    const model = await importStateDict('importModel', torchFixture(file))
    using run = await running(model)
    const ids = model.layers[0]!.type === 'embedding'
    expectClose(await run.predict(inputOf(cases[file]!, ids)), cases[file]!.y, tolerance)
  })

  test.each(Object.keys(cases))('%s comes out of a model that loads it', async (file) => {
    const layers = layersOf[file.split('.')[0]!] ?? words
    using model = sequential(layers, { device: 'cpu', seed: 1 })
    expect(await model.loadStateDict(torchFixture(file))).toEqual({ missingKeys: [], unexpectedKeys: [] })
    expectClose(await model.predict(inputOf(cases[file]!, layers[0]!.type === 'embedding')), cases[file]!.y, tolerance)
  })
})

describe('importStateDict', () => {
  const notes = async (file: string, options: ImportStateDictOptions = {}) =>
    (await importStateDict('w', torchFixture(file), options)).notes

  test('says what it found and assumed', async () => {
    expect(await notes('checkpoint.pt')).toEqual([
      "state dict: under 'model_state_dict'",
      'order: as in the file, in which the module declared its parts',
      "'embedding': 'embedding', weight [7, 3]",
      "'rnn': 'rnn', nn.GRU(3, 4)",
      "'rnn': puts out its last state (option returnSequences: every step)",
      "'fc': 'fc', nn.Linear(4, 2)",
      "'fc': activation 'linear', as a state dict says none (option activations)",
    ])
    expect(await notes('parallel.pt')).toContain("names: without '_orig_mod.', which torch.compile puts in")
    expect(await notes('parallel.pt')).toContain("names: without 'module.', which nn.DataParallel puts in front")
    expect(await notes('both.safetensors')).toContain(
      'order: by widths, grus before normalizations and linear layers (option order: another)',
    )
    expect((await notes('float64.pt'))[0]).toBe('numbers: 7 tensors of float64, rounded to float32')
    expect((await notes('bfloat16.safetensors'))[0]).toBe('numbers: 7 tensors of bfloat16, exactly as float32')
  })

  test('takes names, activations and more as options', async () => {
    const { layers, name, weights } = await importStateDict('w', torchFixture('both.pt'), {
      map: { encoder: ['first', 'second'], fc: 'out' },
      returnSequences: true,
      activations: { fc: 'softmax' },
      epsilon: 0.1,
      name: 'mine',
    })
    expect(layers.map((layer) => [layer.type, layer.name])).toEqual([
      ['bidirectional', 'first'],
      ['bidirectional', 'second'],
      ['layerNormalization', 'norm'],
      ['dense', 'out'],
    ])
    expect(layers[1]).toMatchObject({ mergeMode: 'concat', layer: { returnSequences: true } })
    expect(layers[2]).toMatchObject({ epsilon: 0.1 })
    expect(layers[3]).toMatchObject({ activation: 'softmax' })
    expect(name).toBe('mine')
    expect(weights.get('second.weight_ih_l0_reverse')!.shape).toEqual([6, 4])
  })

  test('refuses options that name nothing', async () => {
    const path = torchFixture('words.pt')
    expect(await rejected(importStateDict('w', path, { activations: { fd: 'relu' } }))).toContain("names the module 'fd'")
    expect(await rejected(importStateDict('w', path, { order: ['rnn', 'fc'] }))).toContain('must name each of')
    expect(await rejected(importStateDict('w', path, { order: ['fc', 'rnn', 'embedding'] }), 'UNSUPPORTED')).toContain('in the order given')
    expect(await rejected(importStateDict('w', path, { map: { rnn: 'a.b' } }))).toContain("'a.b' is no layer's name")
    expect(await rejected(importStateDict('w', path, { map: { rnn: ['a', 'b'] } }))).toContain('must be 1 names')
    expect(await rejected(importStateDict('w', path, { map: { rnn: 'a', fc: 'a' } }))).toContain('two layers the same name')
    expect(await rejected(importStateDict('w', path, { typo: 1 } as never))).toContain("unknown option 'typo'")
    expect(await rejected(importStateDict('w', path, { key: 'x' }))).toContain("key 'x' names no dict of tensors")
    expect(await rejected(importStateDict('w', torchFixture('words.safetensors'), { key: 'x' }))).toContain('one state dict only')
  })
})

describe('a file that is no state dict says so', () => {
  test.each([
    [
      'module.pt',
      'UNSUPPORTED',
      "'torch.nn.modules.rnn.GRU', which is not among the few things that a state dict is made of: it is a module",
    ],
    ['legacy.pt', 'UNSUPPORTED', 'before PyTorch 1.6'],
    ['two.pt', 'INVALID_ARGUMENT', "give option key as one of 'ema', 'model'"],
    ['expanded.pt', 'UNSUPPORTED', 'call .contiguous() before saving'],
    ['lstm.pt', 'UNSUPPORTED', 'it is an nn.LSTM, and not a GRU'],
    ['weight_norm.pt', 'UNSUPPORTED', 'it is parametrized (weight_norm, spectral_norm)'],
    ['numbers.pt', 'UNSUPPORTED', 'none of nn.Embedding'],
    ['cases.json', 'CORRUPT_FILE', 'neither a safetensors file nor a zip archive'],
    ['nowhere.pt', 'INVALID_ARGUMENT', 'ENOENT'],
  ] as const)('%s', async (file, code, message) => {
    expect(await rejected(importStateDict('w', torchFixture(file)), code)).toContain(message)
  })

  test('the one of several that key names', async () => {
    const { tensors, notes } = await readStateDict('w', torchFixture('two.pt'), { key: 'model' })
    expect(tensors.get('weight')!.shape).toEqual([1, 2])
    expect(notes).toEqual(["state dict: under 'model'"])
    expect(await rejected(readStateDict('w', torchFixture('two.pt'), { key: 'mode' }))).toContain("did you mean 'model'?")
  })
})

describe('numbers', () => {
  test.each(['numbers.pt', 'numbers.safetensors'])('%s: all that float32 and int32 hold', async (file) => {
    const { tensors, unreadable, inOrder } = await readStateDict('w', torchFixture(file))
    const values = (name: string) => [...tensors.get(name)!.data]
    expect(values('f16')).toEqual([0, -0, 1.5, 65504, 2 ** -24, Infinity])
    expect(values('bf16')).toEqual([0, -2.5, ...[0x7f62, 0x0001].map(bfloat16)])
    expect(values('f64')).toEqual([0.1, 1 / 3, 1e-300, -2].map(Math.fround))
    expect(values('i64')).toEqual([-(2 ** 31), 2 ** 31 - 1])
    expect(values('i32')).toEqual([7])
    expect(tensors.get('scalar')).toEqual({ data: Float32Array.of(0.25), shape: [] })
    expect(tensors.get('empty')).toEqual({ data: new Float32Array(0), shape: [0, 3] })
    expect([...unreadable.keys()].sort()).toEqual(['bool', 'huge_f64', 'huge_i64'])
    expect(unreadable.get('huge_i64')!.reason).toContain('an integer beyond 32 bits')
    expect(unreadable.get('huge_f64')!.reason).toContain('1e+39 is beyond what float32 holds')
    expect(inOrder).toBe(file.endsWith('.pt'))
  })

  function bfloat16(bits: number): number {
    return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!
  }
})

describe('model.loadStateDict', () => {
  const load = async (layers: LayerSpec[], file: string, options = {}) => {
    using model = sequential(layers, { device: 'cpu', seed: 1 })
    const before = await model.getWeights()
    try {
      const loaded = await model.loadStateDict(torchFixture(file), options)
      return { loaded, before, after: await model.getWeights() }
    } catch (error) {
      expect(await model.getWeights()).toEqual(before)
      throw error
    }
  }

  test('reports missing and unexpected names and sizes in one message, and changes nothing', async () => {
    const layers = [
      embedding({ inputDim: 7, outputDim: 3 }),
      gru({ units: 4, useBias: false, name: 'rnn' }),
      dense({ units: 3, name: 'fc' }),
    ]
    const message = await rejected(load([...layers, layerNormalization()], 'words.pt'), 'SHAPE_MISMATCH')
    expect(message).toContain(
      "missing keys: 'layerNormalization.weight', 'layerNormalization.bias'; unexpected keys: 'rnn.bias_ih_l0', 'rnn.bias_hh_l0'",
    )
    expect(message).toContain('size mismatch for fc.weight: [2, 4] in the file, [3, 4] in the model')
    expect(message).toContain("'rnn' nn.GRU(3, 4), 'fc' nn.Linear(4, 2)")
    expect(await rejected(load([embedding({ inputDim: 7, outputDim: 3 })], 'words.pt'))).toContain("unexpected keys: 'rnn.weight_ih_l0'")
  })

  test('strict: false leaves what is missing as it is', async () => {
    const layers = [...words.slice(0, 2), dense({ units: 3 }), dense({ units: 2, name: 'fc' })]
    const fc = { ...dense({ units: 2, name: 'fc' }) }
    expect(await rejected(load(layers, 'words.pt', { strict: false }), 'SHAPE_MISMATCH')).toContain('size mismatch for fc.weight')
    const { loaded, before, after } = await load([...words.slice(0, 2), layerNormalization(), fc], 'words.pt', { strict: false })
    expect(loaded).toEqual({ missingKeys: ['layerNormalization.weight', 'layerNormalization.bias'], unexpectedKeys: [] })
    expect(after.get('layerNormalization.weight')).toEqual(before.get('layerNormalization.weight'))
    expect(after.get('gru.weight_hh_l0')).not.toEqual(before.get('gru.weight_hh_l0'))
    const fewer = await load(words.slice(0, 2), 'words.pt', { strict: false })
    expect(fewer.loaded).toEqual({ missingKeys: [], unexpectedKeys: ['fc.weight', 'fc.bias'] })
  })

  test('map says which module is which layer', async () => {
    const map = { encoder: ['bidirectional', 'bidirectional_1'], norm: 'layerNormalization', fc: 'dense' }
    const { after } = await load(both, 'both.safetensors', { map })
    const { tensors } = await readStateDict('w', torchFixture('both.pt'))
    expect(after.get('bidirectional_1.weight_hh_l0_reverse')!.data).toEqual(
      (await readStateDict('w', torchFixture('both.safetensors'))).tensors.get('encoder.weight_hh_l1_reverse')!.data,
    )
    expect(tensors.size).toBe(after.size)
    const wrong = async (other: object) => rejected(load(both, 'both.pt', { map: other }))
    expect(await wrong({ encodr: 'bidirectional' })).toContain("did you mean 'encoder'?")
    expect(await wrong({ encoder: 'bidirectional' })).toContain(
      'must be 2 names of layers for nn.GRU(3, 2, num_layers=2, bidirectional=True)',
    )
    expect(await wrong({ fc: 'dens' })).toContain("did you mean 'dense'?")
    expect(await wrong({ fc: 'layerNormalization' })).toContain("layer 'layerNormalization' is layerNormalization")
    expect(await wrong({ encoder: ['bidirectional', 'bidirectional'] })).toContain('names a layer twice')
    expect(await wrong({ fc: 7 })).toContain("map.fc must be a layer's name or an array of them, got 7")
  })

  test('asks where more than one assignment fits', async () => {
    const twins = [dense({ units: 3, inputSize: 3, name: 'a' }), dense({ units: 3, name: 'b' })]
    const path = await written(twins, 'twins.safetensors')
    using model = sequential([dense({ units: 3 }), dense({ units: 3 })], { device: 'cpu' })
    model.build(3)
    expect(await rejected(model.loadStateDict(path))).toContain("such as map: { 'a': 'dense', 'b': 'dense_1' }")
    await model.loadStateDict(path, { map: { a: 'dense_1' } })
    const { tensors } = await readStateDict('w', path)
    expect((await model.getWeights()).get('dense.weight')!.data).toEqual(tensors.get('b.weight')!.data)
    expect(await rejected(importStateDict('w', path))).toContain("Option order says which, such as order: ['a', 'b']")
    const { layers } = await importStateDict('w', path, { order: ['b', 'a'] })
    expect(layers.map(({ name }) => name)).toEqual(['b', 'a'])
    // torch.save keeps the order, which decides
    await model.loadStateDict(await written(twins, 'twins.pt'))
  })

  test('asks where one module has a default name by chance, and the order says another layer', async () => {
    const path = await written([dense({ units: 3, inputSize: 3, name: 'first' }), dense({ units: 3, name: 'dense' })], 'chance.pt')
    using model = sequential([dense({ units: 3 }), dense({ units: 3 })], { device: 'cpu' })
    model.build(3)
    expect(await rejected(model.loadStateDict(path))).toContain("such as map: { 'first': 'dense', 'dense': 'dense_1' }")
    await model.loadStateDict(path, { map: { first: 'dense', dense: 'dense_1' } })
    const { tensors } = await readStateDict('w', path)
    expect((await model.getWeights()).get('dense.weight')!.data).toEqual(tensors.get('first.weight')!.data)
    // names that all fit are meant
    using turned = sequential([dense({ units: 3, name: 'dense' }), dense({ units: 3, name: 'first' })], { device: 'cpu' })
    turned.build(3)
    await turned.loadStateDict(path)
    expect((await turned.getWeights()).get('dense.weight')!.data).toEqual(tensors.get('dense.weight')!.data)
  })

  test('names the one tensor that is missing or has another size', async () => {
    const path = await written([gru({ units: 3, name: 'rnn' }), dense({ units: 3, useBias: false, name: 'fc' })], 'odd.pt')
    using model = sequential([gru({ units: 3 }), dense({ units: 3 })], { device: 'cpu' })
    model.build(3)
    expect(await rejected(model.loadStateDict(path))).toMatch(/: missing keys: 'dense\.bias'\. The file's modules are/)
    using wide = sequential([gru({ units: 3 }), dense({ units: 4, useBias: false })], { device: 'cpu' })
    wide.build(3)
    expect(await rejected(wide.loadStateDict(path), 'SHAPE_MISMATCH')).toContain(
      ': size mismatch for dense.weight: [3, 3] in the file, [4, 3] in the model. ',
    )
  })

  test("converts to updateGate 'write', and refuses other networks", async () => {
    const { after } = await load([words[0]!, gru({ units: 4, updateGate: 'write' }), words[2]!], 'words.pt')
    const { tensors } = await readStateDict('w', torchFixture('words.pt'))
    const [ours, theirs] = [after.get('gru.bias_ih_l0')!.data, tensors.get('rnn.bias_ih_l0')!.data]
    expect([...ours]).toEqual([...theirs].map((value, i) => (i >= 4 && i < 8 ? -value : value)))
    const refused = (options: object) => rejected(load([words[0]!, gru({ units: 4, ...options }), words[2]!], 'words.pt'), 'UNSUPPORTED')
    expect(await refused({ resetAfter: false })).toContain("layer 'gru' has resetAfter false")
    expect(await refused({ activation: 'relu' })).toContain("nn.GRU has 'tanh' only")
    expect(await refused({ recurrentActivation: 'hardSigmoid' })).toContain("nn.GRU has 'sigmoid' only")
    expect(await refused({ clip: 1 })).toContain('clip 1')
  })
})

describe('Gru.loadStateDict', () => {
  test('takes the part of a file that has its names and shapes', async () => {
    const { tensors } = await readStateDict('w', torchFixture('both.pt'))
    using two = new Gru({ inputSize: 3, hiddenSize: 2, numLayers: 2, direction: 'both', device: 'cpu' })
    await two.loadStateDict(torchFixture('both.pt'))
    expect(two.parameters.get('weight_ih_l1_reverse')!.data).toEqual(tensors.get('encoder.weight_ih_l1_reverse')!.data)
    using cell = new Gru({ inputSize: 3, hiddenSize: 4, device: 'cpu', updateGate: 'write' })
    await cell.loadStateDict(torchFixture('cell.pt'))
    using other = new Gru({ inputSize: 3, hiddenSize: 5, device: 'cpu' })
    const before = other.parameters
    expect(await rejected(other.loadStateDict(torchFixture('words.pt')))).toContain("there are 'embedding' weight [7, 3]")
    expect(await rejected(other.loadStateDict(torchFixture('words.pt'), { module: 'rnn' }))).toContain("'rnn' is no module that has just")
    expect(other.parameters).toEqual(before)
    using unlike = new Gru({ inputSize: 3, hiddenSize: 4, device: 'cpu', resetAfter: false })
    expect(await rejected(unlike.loadStateDict(torchFixture('words.pt')), 'UNSUPPORTED')).toContain('this Gru has resetAfter false')
  })
})
