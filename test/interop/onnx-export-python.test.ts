// Exported models under ONNX' own checker and Python's onnxruntime, where a Python with both is at hand.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { gru } from '../../lib/index.js'
import { exportOnnx } from '../../lib/interop/onnx/export.js'
import { drawArchitecture, drawing } from '../support/architectures.js'
import { close } from '../support/compare.js'
import { drawBatch, drawWeights, modelOf, runOurs, statefulLayers } from '../support/onnx-run.js'
import { pythonMissing, runPython } from '../support/python.js'

const missing = pythonMissing('onnx', 'onnxruntime')
beforeEach(({ skip }) => skip(missing !== undefined, missing))

const folder = mkdtempSync(join(tmpdir(), 'grus-onnx-python-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = `
import json, sys
import numpy as np, onnx, onnxruntime
answers = []
for case in json.load(open(sys.argv[1])):
    onnx.checker.check_model(case["path"], full_check=True)
    session = onnxruntime.InferenceSession(case["path"], providers=["CPUExecutionProvider"])
    feeds = {name: np.array(f["data"], f["type"]).reshape(f["shape"]) for name, f in case["feeds"].items()}
    answers.append([{"shape": list(y.shape), "data": [float(v) for v in y.reshape(-1)]} for y in session.run(None, feeds)])
json.dump(answers, sys.stdout)
`

it('pass the checker, and compute the same there', async () => {
  const cases: { path: string; feeds: object }[] = []
  const expected: Awaited<ReturnType<typeof runOurs>>[] = []
  for (const seed of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
    const draw = drawing(1000 + seed)
    const architecture =
      seed === 0
        ? { layers: [gru({ units: 20, returnSequences: true }), gru({ units: 20, returnState: true })], inputSize: 3, sequence: true }
        : drawArchitecture(draw, true)
    const lengths = architecture.layers.some(({ type }) => type === 'gru' || type === 'bidirectional') && seed % 2 === 0
    const data = drawWeights(architecture, draw)
    const path = join(folder, `${seed}.onnx`)
    await exportOnnx('test', data, path, { lengths, externalData: seed === 0 })
    const batch = drawBatch(data, draw, 3, 5, lengths)
    const model = modelOf(data)
    expected.push(await runOurs(model, batch))
    model.dispose()
    const { x, states } = batch
    const feed = (type: string, shape: readonly number[], values: ArrayLike<number>) => ({ type, shape, data: Array.from(values) })
    const names = statefulLayers(data).map(({ name }) => `${name}.initial_h`)
    cases.push({
      path,
      feeds: {
        ...(x.data instanceof Int32Array ? { ids: feed('int64', x.shape, x.data) } : { x: feed('float32', x.shape, x.data) }),
        ...(batch.lengths && { lengths: feed('int32', [3], batch.lengths) }),
        ...Object.fromEntries(names.map((name, i) => [name, feed('float32', states[i]!.shape, states[i]!.data)])),
      },
    })
  }
  writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases))
  const answers = JSON.parse(runPython(program, [join(folder, 'cases.json')]))
  expect(answers.length).toBe(cases.length)
  expected.forEach((tensors, i) => {
    expect(answers[i].length).toBe(tensors.length)
    tensors.forEach((tensor, k) => void close(answers[i][k], tensor, { atol: 1e-5, rtol: 1e-5 }, `model ${i}, output ${k}`))
  })
})
