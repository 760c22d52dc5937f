// State dicts that grus writes: the same bytes come back, and what PyTorch has no word for is refused.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openZip } from '../../lib/files/zip.js'
import { exportStateDict } from '../../lib/interop/pytorch/export-state-dict.js'
import { importStateDict } from '../../lib/interop/pytorch/import-state-dict.js'
import { pytorchModule } from '../../lib/interop/pytorch/pytorch-module.js'
import { readStateDict } from '../../lib/interop/pytorch/read-state-dict.js'
import { bidirectional, dense, dropout, embedding, gru, layerNormalization } from '../../lib/layers.js'
import type { LayerSpec } from '../../lib/spec/types.js'
import { rejected, thrown } from '../support/errors.js'
import { dataOf, running, scratchFile } from './support.js'

const seq = { returnSequences: true }
const layers = [
  embedding({ inputDim: 7, outputDim: 3 }),
  bidirectional(gru({ units: 2, ...seq })),
  dropout({ rate: 0.5 }),
  gru({ units: 3, useBias: false, updateGate: 'write', name: 'second-gru' }),
  layerNormalization(),
  dense({ units: 5, useBias: false }),
  dense({ units: 2 }),
]

describe.each(['pt', 'pth', 'safetensors'])('a round trip through .%s', (extension) => {
  test('gives the same bytes', async () => {
    const data = dataOf(layers, 7)
    const path = scratchFile(`round.${extension}`)
    await exportStateDict('w', data, path)
    using model = await running(dataOf(layers, 7, true, 2))
    expect(await model.loadStateDict(path)).toEqual({ missingKeys: [], unexpectedKeys: [] })
    const weights = await model.getWeights()
    expect([...weights.keys()]).toEqual([...data.weights.keys()])
    for (const [name, { data: bits, shape }] of data.weights) {
      expect(weights.get(name)!.shape, name).toEqual(shape)
      expect(Buffer.from(weights.get(name)!.data.buffer), name).toEqual(Buffer.from(bits.buffer))
    }
  })

  test('imports as a model with the same names and numbers', async () => {
    const plain = [
      embedding({ inputDim: 7, outputDim: 3 }),
      bidirectional(gru({ units: 2, ...seq })),
      gru({ units: 3 }),
      dense({ units: 2 }),
    ]
    const data = dataOf(plain, 7)
    const path = scratchFile(`import.${extension}`)
    await exportStateDict('w', data, path)
    const back = await importStateDict('w', path, { name: 'test' })
    expect(back.layers).toEqual(data.layers)
    expect(back.weights).toEqual(data.weights)
    expect([back.inputSize, back.sequence, back.name]).toEqual([7, true, 'test'])
  })

  test('the same model is the same file', async () => {
    const paths = ['a', 'b'].map((name) => scratchFile(`${name}.${extension}`))
    for (const path of paths) await exportStateDict('w', dataOf(layers, 7), path)
    expect(readFileSync(paths[0]!)).toEqual(readFileSync(paths[1]!))
  })
})

test("names and numbers are nn.GRU's: updateGate 'write' is converted", async () => {
  const data = dataOf(layers, 7)
  const path = scratchFile('names.pt')
  await exportStateDict('w', data, path)
  const { tensors } = await readStateDict('w', path)
  expect([...tensors.keys()]).toEqual([...data.weights.keys()])
  const [ours, theirs] = [data.weights.get('second-gru.weight_hh_l0')!.data, tensors.get('second-gru.weight_hh_l0')!.data]
  expect([...theirs]).toEqual([...ours].map((value, i) => (i >= 9 && i < 18 ? -value : value)))
  const zip = await openZip('w', path)
  expect(zip.names.slice(0, 3)).toEqual(['archive/data.pkl', 'archive/byteorder', 'archive/data/0'])
  zip.close()
})

describe('what PyTorch cannot be is refused', () => {
  test.each<[string, LayerSpec, RegExp]>([
    ['resetAfter', gru({ units: 2, resetAfter: false }), /layer 'gru' has resetAfter false.*nearest.*resetAfter: true/],
    ['activation', gru({ units: 2, activation: 'relu' }), /activation 'relu', nn.GRU has 'tanh' only/],
    [
      'recurrentActivation',
      gru({ units: 2, recurrentActivation: 'hardSigmoid' }),
      /recurrentActivation 'hardSigmoid', nn.GRU has 'sigmoid' only/,
    ],
    ['clip', gru({ units: 2, clip: 3 }), /clip 3, nn.GRU has none/],
    [
      'the backward layer',
      bidirectional(gru({ units: 2 }), { backwardLayer: gru({ units: 2, activation: 'relu' }) }),
      /layer 'bidirectional' has activation 'relu'/,
    ],
  ])('%s', async (_, layer, message) => {
    const data = dataOf([layer], 3)
    expect(await rejected(exportStateDict('w', data, scratchFile('no.pt')), 'UNSUPPORTED')).toMatch(message)
    expect(thrown(() => pytorchModule(data), 'UNSUPPORTED')).toMatch(message)
  })

  test('and what only the module cannot be, by the module', async () => {
    const stateful = dataOf([gru({ units: 2, stateful: true })], 3)
    await exportStateDict('w', stateful, scratchFile('stateful.pt'))
    expect(thrown(() => pytorchModule(stateful), 'UNSUPPORTED')).toContain("layer 'gru' has stateful true")
    const center = dataOf([layerNormalization({ scale: false })], 3, false)
    expect(thrown(() => pytorchModule(center), 'UNSUPPORTED')).toContain('center without scale')
  })

  test('other extensions and places', async () => {
    const data = dataOf(layers, 7)
    expect(await rejected(exportStateDict('w', data, scratchFile('model.bin')))).toContain("named .safetensors, .pt or .pth, got '.bin'")
    expect(await rejected(exportStateDict('w', data, scratchFile('no/where.pt')))).toContain('ENOENT')
    expect(await rejected(exportStateDict('w', data, '')), 'INVALID_ARGUMENT').toContain("a file's path")
  })
})

test('the source of a module reads as one would write it', () => {
  const source = pytorchModule(dataOf([gru({ units: 4 }), dense({ units: 2, activation: 'tanh' })], 3))
  expect(source).toContain(`class Model(nn.Module):
    """[B, T, 3] -> [B, 2]"""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.dense = nn.Linear(4, 2)

    def forward(self, x, lengths=None):
`)
  expect(source).toContain(`        x = run(self.gru, x, mask)[1][0]
        mask = None
        x = self.dense(x)
        x = torch.tanh(x)
        return x
`)
})
