// What PyTorch's two exporters write (scripts/fixtures/onnx-models.py), imported and computed here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { FloatTensor, Tensor } from '../../lib/index.js'
import { importOnnx } from '../../lib/interop/onnx/import.js'
import { gruOf } from '../../lib/spec/network.js'
import { close } from '../support/compare.js'
import { exchange } from '../support/conventions.js'
import { modelOf } from '../support/onnx-run.js'
import type { CaseTensor } from '../support/shared.js'

interface ExporterCase {
  file: string
  inputs: { x: CaseTensor; h?: CaseTensor; lengths?: CaseTensor }
  outputs: CaseTensor[]
}

const folder = fileURLToPath(new URL('../fixtures/interop/onnx/', import.meta.url))
const cases: ExporterCase[] = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))

const tensorOf = ({ data, shape }: CaseTensor): FloatTensor => ({ data: Float32Array.from(data), shape })

/** [L D, B, H] in parts of D. */
function partsOf({ data, shape }: CaseTensor, directions: number): FloatTensor[] {
  const [all, ...rest] = shape as [number, number, number]
  const size = data.length / (all / directions)
  return Array.from({ length: all / directions }, (_, i) =>
    tensorOf({ data: data.slice(i * size, (i + 1) * size), shape: [directions, ...rest] }),
  )
}

describe("models of PyTorch's exporters", () => {
  it.each(cases)('$file', async ({ file, inputs, outputs }) => {
    const imported = await importOnnx('importModel', join(folder, file))
    using model = modelOf(imported)
    const timeMajor = file.startsWith('steps')
    const outer = (x: CaseTensor) => (timeMajor ? exchange(x) : x)
    const ids = imported.layers[0]!.type === 'embedding'
    const x: Tensor = ids ? { data: Int32Array.from(inputs.x.data), shape: inputs.x.shape } : tensorOf(outer(inputs.x))
    const lengths = inputs.lengths ? { lengths: inputs.lengths.data } : {}
    const [first, ...others] = outputs as [CaseTensor, ...CaseTensor[]]
    const directions = imported.layers.some(({ type }) => type === 'bidirectional') ? 2 : 1
    const stateful = imported.layers.some((layer) => gruOf(layer)?.returnState)
    expect(stateful).toBe(others.length > 0)
    const { y, states } = stateful
      ? await model.predictWithStates(x, { initialStates: partsOf(inputs.h!, directions) })
      : { y: await model.predict(x, lengths), states: [] }
    const tolerance = { atol: 1e-6, rtol: 1e-5 }
    // [B, 1] where the file lets the last axis go
    close({ data: y.data, shape: outer(first).shape }, outer(first), tolerance, 'y')
    if (others[0]) partsOf(others[0], directions).forEach((state, i) => void close(states[i]!, state, tolerance, `state ${i}`))
  })
})
