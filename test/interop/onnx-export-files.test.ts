// Files that exports are written to: one, or two that belong together.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { dense, gru } from '../../lib/index.js'
import type { ModelData } from '../../lib/interop/model-data.js'
import { encodeModel, type TensorInParts } from '../../lib/interop/onnx/encode.js'
import { exportOnnx, type OnnxExportOptions, onnxModel } from '../../lib/interop/onnx/export.js'
import { moveOut } from '../../lib/interop/onnx/external-data.js'
import { drawing } from '../support/architectures.js'
import { close } from '../support/compare.js'
import { rejected } from '../support/errors.js'
import { drawBatch, drawWeights, modelOf, openSession, runOnnx, runOurs } from '../support/onnx-run.js'

const folder = mkdtempSync(join(tmpdir(), 'grus-onnx-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const layers = [gru({ units: 24, returnSequences: true, updateGate: 'write' }), gru({ units: 20 }), dense({ units: 2 })]
const data = drawWeights({ layers, inputSize: 5, sequence: true }, drawing(1))

async function checkFile(path: string, model: ModelData): Promise<void> {
  const session = await openSession(path)
  const ours = modelOf(model)
  const batch = drawBatch(model, drawing(2), 3, 6, false)
  const [[expected], [actual]] = [await runOurs(ours, batch), await runOnnx(session, model, batch)]
  close(actual!, expected!, { atol: 1e-5, rtol: 1e-5 })
  ours.dispose()
  await session.release()
}

describe('one file', () => {
  it('holds what the encoder makes, and runs', async () => {
    const path = join(folder, 'one.onnx')
    await exportOnnx('test', data, path)
    expect(readFileSync(path).equals(encodeModel(onnxModel('test', data, { lengths: false })).finish())).toBe(true)
    expect(existsSync(`${path}.data`)).toBe(false)
    await checkFile(path, data)
  })

  it('is refused where it cannot hold the model', async () => {
    const path = join(folder, 'small.onnx')
    writeFileSync(path, 'old')
    const message = await rejected(exportOnnx('test', data, path, { externalData: false }, 1000))
    expect(message).toMatch(/^\[test\] externalData must not be false: the model takes \d{5} bytes, and one file holds 1000 at most$/)
    expect(readFileSync(path, 'utf8')).toBe('old')
  })
})

describe('weights in a second file', () => {
  it.each([
    ['when asked for', { externalData: true }, undefined],
    ['when one file is too small', {}, 5000],
  ] as const)('%s', async (title, options, limit) => {
    const path = join(folder, `${title}.onnx`)
    // an older, larger pair goes as a whole
    writeFileSync(path, 'old')
    writeFileSync(`${path}.data`, Buffer.alloc(100_000))
    await exportOnnx('test', data, path, options, limit)
    expect(readdirSync(folder).filter((name) => name.startsWith(title))).toEqual([`${title}.onnx`, `${title}.onnx.data`])
    const [inside, outside] = [statSync(path).size, statSync(`${path}.data`).size]
    expect(inside).toBeLessThan(4000)
    // W, R of the first gru, R and W of the second; biases and the dense layer are small
    expect(outside).toBeGreaterThan(4 * 3 * (24 * 24 + 20 * 24 + 20 * 20))
    await checkFile(path, data)
  })

  it('is not made where there is nothing large', async () => {
    const path = join(folder, 'tiny.onnx')
    const tiny = drawWeights({ layers: [gru({ units: 2 })], inputSize: 3, sequence: true }, drawing(1))
    await exportOnnx('test', tiny, path, { externalData: true })
    expect(existsSync(`${path}.data`)).toBe(false)
    await checkFile(path, tiny)
  })

  it('begins each tensor at a multiple of 4096, beyond 4 GB too', () => {
    // tensors of 2.5 GB each that take 16 MB of memory: one block, many times
    const block = new Uint8Array(2 ** 24)
    const large = (name: string): TensorInParts => ({
      name,
      type: 'FLOAT',
      dims: [160, 2 ** 22],
      data: [...Array(160).fill(block), block.subarray(0, 4)],
    })
    const small: TensorInParts = { name: 'small', type: 'FLOAT', dims: [1], data: new Uint8Array(4) }
    const graph = { name: 'g', nodes: [], inputs: [], outputs: [], initializers: [large('a'), small, large('b'), large('c')] }
    const model = { irVersion: 8, opsets: [], graph }
    expect(encodeModel(model).length).toBeGreaterThan(3 * 160 * 2 ** 24)

    const { graph: moved, parts } = moveOut(graph, 'w.data')
    const size = 160 * 2 ** 24 + 4
    const offsets = [0, 1, 2].map((i) => i * (size - 4 + 4096))
    expect(moved.initializers.map(({ data: where }) => where)).toEqual([
      { location: 'w.data', offset: offsets[0], length: size },
      small.data,
      { location: 'w.data', offset: offsets[1], length: size },
      { location: 'w.data', offset: offsets[2], length: size },
    ])
    expect(parts.reduce((sum, { length }) => sum + length, 0)).toBe(offsets[2]! + size)
    const bytes = encodeModel({ ...model, graph: moved }).finish()
    expect(bytes.length).toBeLessThan(500)
    expect(bytes.toString('latin1')).toContain(String(offsets[2]))
  })
})

describe('what is wrong', () => {
  const path = join(folder, 'wrong.onnx')

  it.each<[unknown, string]>([
    [{ opset: 13 }, '[test] opset must be an integer from 14 to 22, got 13'],
    [{ opset: 23 }, '[test] opset must be an integer from 14 to 22, got 23'],
    [{ lengths: 'yes' }, "[test] lengths must be true or false, got 'yes'"],
    [{ length: true }, "[test] unknown option 'length'; did you mean 'lengths'?"],
  ])('%o', async (options, message) => {
    expect(await rejected(exportOnnx('test', data, path, options as OnnxExportOptions))).toBe(message)
  })

  it('lengths that no layer looks at', async () => {
    const vectors = drawWeights({ layers: [dense({ units: 2 })], inputSize: 3, sequence: true }, drawing(1))
    expect(await rejected(exportOnnx('test', vectors, path, { lengths: true }))).toBe(
      '[test] lengths must be false: the model has no gru, and no other layer looks at lengths',
    )
  })

  it('weights that do not fit the layers', async () => {
    const weights = new Map(data.weights)
    weights.delete('dense.bias')
    expect(await rejected(exportOnnx('test', { ...data, weights }, path))).toBe("[test] 'dense.bias' is missing: float32 of shape [2]")
  })

  it('a path that cannot be written', async () => {
    const missing = join(folder, 'no', 'such', 'folder.onnx')
    expect(await rejected(exportOnnx('test', data, missing))).toContain(`[test] cannot write '${missing}': ENOENT`)
    expect(await rejected(exportOnnx('test', data, ''))).toContain("[test] path must be a file's path")
    expect(existsSync(path)).toBe(false)
  })
})
