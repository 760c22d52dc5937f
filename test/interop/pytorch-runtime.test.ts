// Exported state dicts and generated modules, in PyTorch itself where it is at hand: GRUS_PYTHON, or .venv/bin/python.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { writeSafetensors } from '../../lib/files/safetensors.js'
import { exportStateDict } from '../../lib/interop/pytorch/export-state-dict.js'
import { pytorchModule } from '../../lib/interop/pytorch/pytorch-module.js'
import { activation, bidirectional, dense, dropout, embedding, gru, layerNormalization, masking } from '../../lib/layers.js'
import { RandomStream } from '../../lib/random.js'
import type { LayerSpec } from '../../lib/spec/types.js'
import type { Tensor } from '../../lib/tensor.js'
import { pythonMissing, pythonPath } from '../support/python.js'
import { type Case, dataOf, farthest, running, scratchFile } from './support.js'

interface Architecture {
  layers: LayerSpec[]
  /** [B, T, I], [B, I], or [B, T] of ids. */
  shape: number[]
  lengths?: number[]
  /** Ids that are 0, steps that are 1.5. */
  empty?: [row: number, step: number][]
}

const sequence = [3, 5, 4]
const lengths = [5, 2, 0]
const seq = { returnSequences: true }

const architectures: Record<string, Architecture> = {
  'a gru': { layers: [gru({ units: 3 })], shape: sequence },
  'a gru of every step, with lengths': { layers: [gru({ units: 3, ...seq }), dense({ units: 2 })], shape: sequence, lengths },
  'zeros at masked steps': { layers: [gru({ units: 3, ...seq, zeroOutputForMask: true })], shape: sequence, lengths },
  'updateGate write, no bias': { layers: [gru({ units: 3, updateGate: 'write', useBias: false })], shape: sequence },
  'stacked grus with dropout': {
    layers: [
      gru({ units: 3, ...seq, dropout: 0.2 }),
      dropout({ rate: 0.5 }),
      gru({ units: 2, updateGate: 'write' }),
      dense({ units: 2, activation: 'softmax' }),
    ],
    shape: sequence,
    lengths,
  },
  backwards: { layers: [gru({ units: 3, goBackwards: true })], shape: sequence, lengths },
  'backwards, every step': { layers: [gru({ units: 3, goBackwards: true, ...seq }), gru({ units: 2, ...seq })], shape: sequence, lengths },
  'backwards, aligned': { layers: [gru({ units: 3, goBackwards: true, alignOutput: true, ...seq })], shape: sequence, lengths },
  'both ways, concat, twice': {
    layers: [bidirectional(gru({ units: 2, ...seq })), bidirectional(gru({ units: 3 })), dense({ units: 1, activation: 'sigmoid' })],
    shape: sequence,
    lengths,
  },
  'both ways, sum': { layers: [bidirectional(gru({ units: 2, ...seq }), { mergeMode: 'sum' })], shape: sequence, lengths },
  'both ways, mul': { layers: [bidirectional(gru({ units: 2 }), { mergeMode: 'mul' })], shape: sequence },
  'both ways, ave': {
    layers: [bidirectional(gru({ units: 2, ...seq, zeroOutputForMask: true }), { mergeMode: 'ave' })],
    shape: sequence,
    lengths,
  },
  'ids with padding anywhere': {
    layers: [embedding({ inputDim: 9, outputDim: 3, maskZero: true }), bidirectional(gru({ units: 2, ...seq })), dense({ units: 2 })],
    shape: [3, 5],
    empty: [
      [0, 0],
      [0, 2],
      [1, 4],
      [2, 0],
      [2, 1],
      [2, 2],
      [2, 3],
      [2, 4],
    ],
  },
  'ids with padding and lengths': {
    layers: [embedding({ inputDim: 9, outputDim: 3, maskZero: true }), gru({ units: 2, ...seq })],
    shape: [3, 5],
    lengths: [4, 3, 5],
    empty: [
      [0, 1],
      [2, 4],
    ],
  },
  'ids without padding': { layers: [embedding({ inputDim: 9, outputDim: 3 }), gru({ units: 2 })], shape: [3, 5], lengths },
  'masked steps': {
    layers: [masking({ maskValue: 1.5 }), gru({ units: 3, ...seq }), gru({ units: 2 })],
    shape: sequence,
    empty: [
      [0, 1],
      [1, 0],
      [1, 4],
    ],
    lengths: [5, 4, 3],
  },
  'layer normalizations': {
    layers: [
      gru({ units: 3, ...seq }),
      layerNormalization(),
      gru({ units: 4 }),
      layerNormalization({ center: false, epsilon: 1e-5 }),
      layerNormalization({ center: false, scale: false }),
    ],
    shape: sequence,
  },
  'vectors, and every activation': {
    layers: [
      dense({ units: 4, activation: 'relu' }),
      dense({ units: 4, activation: 'tanh', name: 'half' }),
      dense({ units: 4, activation: 'softsign', name: '0-th' }),
      dense({ units: 4, activation: 'softplus' }),
      dense({ units: 4, activation: { name: 'affine', alpha: 0.5, beta: -0.25 } }),
      dense({ units: 4, activation: { name: 'leakyRelu', alpha: 0.3 } }),
      dense({ units: 4, activation: { name: 'thresholdedRelu', alpha: 0.1 } }),
      activation({ activation: { name: 'scaledTanh', alpha: 1.5, beta: 0.5 } }),
      dense({ units: 4, useBias: false, activation: 'hardSigmoid' }),
      activation({ activation: { name: 'elu', alpha: 0.7 } }),
      activation({ activation: 'softmax' }),
    ],
    shape: [3, 4],
  },
}

function inputFor({ layers, shape, empty = [] }: Architecture): Tensor {
  const random = new RandomStream(3, 'x')
  const ids = layers[0]!.type === 'embedding'
  const count = shape.reduce((n, m) => n * m, 1)
  const data = ids
    ? Int32Array.from({ length: count }, () => 1 + Math.floor(8 * random.uniform()))
    : Float32Array.from({ length: count }, () => 4 * random.uniform() - 2)
  const [, steps = 1, features = 1] = shape
  for (const [row, step] of empty) data.fill(ids ? 0 : 1.5, (row * steps + step) * features, (row * steps + step + 1) * features)
  return { data, shape }
}

test('PyTorch computes what the models compute', async ({ skip }) => {
  const missing = pythonMissing('torch', 'safetensors')
  if (missing !== undefined) skip(missing)
  const jobs: object[] = []
  const expected: Tensor[] = []
  for (const [name, architecture] of Object.entries(architectures)) {
    const { layers, shape } = architecture
    const ids = layers[0]!.type === 'embedding'
    const data = dataOf(layers, ids ? 9 : shape.at(-1)!, shape.length === 3)
    const files = { pt: scratchFile(`${jobs.length}.pt`), safetensors: scratchFile(`${jobs.length}.safetensors`) }
    for (const file of Object.values(files)) await exportStateDict(name, data, file)
    const x = inputFor(architecture)
    using model = await running(data)
    expected.push(await model.predict(x, architecture.lengths ? { lengths: architecture.lengths } : {}))
    jobs.push({
      ...files,
      source: pytorchModule(data),
      x: { shape: x.shape, data: [...x.data] },
      ids,
      lengths: architecture.lengths ?? null,
    })
  }
  const odd = new Map<string, Tensor>([
    ['scalar', { data: Float32Array.of(0.5), shape: [] }],
    ['empty', { data: new Float32Array(0), shape: [2, 0] }],
    ['ids', { data: Int32Array.of(-1, 2 ** 31 - 1), shape: [2] }],
    ['ü"\\', { data: Float32Array.of(1, 2), shape: [2, 1] }],
  ])
  await writeSafetensors(scratchFile('odd.safetensors'), odd, { 'a\n': 'ü' })
  const { models, files } = await runPython({ models: jobs, files: [scratchFile('odd.safetensors')] })
  const distances = Object.keys(architectures).map((name, i) => {
    for (const kind of ['pt', 'mmap', 'safetensors'] as const) {
      expect(models[i]![kind].shape, name).toEqual(expected[i]!.shape)
      // two float32 engines with sums in different orders
      expect(farthest(expected[i]!.data, models[i]![kind].data), name).toBeLessThan(2e-6)
    }
    return farthest(expected[i]!.data, models[i]!.pt.data)
  })
  console.log(`PyTorch: ${distances.length} architectures, at most ${Math.max(...distances).toExponential(1)} apart`)
  expect(files[0]).toEqual({
    tensors: {
      scalar: { dtype: 'torch.float32', shape: [], data: [0.5] },
      empty: { dtype: 'torch.float32', shape: [2, 0], data: [] },
      ids: { dtype: 'torch.int32', shape: [2], data: [-1, 2 ** 31 - 1] },
      'ü"\\': { dtype: 'torch.float32', shape: [2, 1], data: [1, 2] },
    },
    metadata: { 'a\n': 'ü' },
  })
})

interface Answer {
  models: Record<'pt' | 'mmap' | 'safetensors', Case['y']>[]
  files: object[]
}

function runPython(request: object): Promise<Answer> {
  const script = fileURLToPath(new URL('pytorch_runtime.py', import.meta.url))
  return new Promise((resolve, reject) => {
    const child = execFile(pythonPath, [script], { maxBuffer: 2 ** 28 }, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout)),
    )
    child.stdin!.end(JSON.stringify(request))
  })
}
