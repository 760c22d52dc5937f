// Exported models in onnxruntime, against our own engine.
import { describe, expect, it } from 'vitest'
import { encodeModel } from '../../lib/interop/onnx/encode.js'
import { onnxModel } from '../../lib/interop/onnx/export.js'
import { gruOf } from '../../lib/spec/network.js'
import { drawArchitecture, drawing } from '../support/architectures.js'
import { close } from '../support/compare.js'
import { drawBatch, drawWeights, modelOf, openSession, runOnnx, runOurs } from '../support/onnx-run.js'

const tolerance = { atol: 1e-5, rtol: 1e-5 }

/** Batch and time of the runs of one session. */
const sizes = [
  [3, 7],
  [1, 1],
  [5, 4],
  [2, 12],
] as const

const drawn = Array.from({ length: Number(process.env.N ?? 64) }, (_, seed) => {
  const draw = drawing(seed)
  const architecture = drawArchitecture(draw, process.env.NORM !== '0')
  const lengths = architecture.layers.some((layer) => gruOf(layer)) && draw.chance(0.5)
  const title = `${seed}: ${lengths ? 'lengths, ' : ''}${JSON.stringify(architecture.layers)}`
  return { title, architecture, lengths, draw }
})

describe('drawn architectures compute the same in onnxruntime', () => {
  it.each(drawn)('$title', async ({ architecture, lengths, draw }) => {
    const data = drawWeights(architecture, draw)
    const bytes = encodeModel(onnxModel('test', data, { lengths })).finish()
    const session = await openSession(bytes)
    const model = modelOf(data)
    try {
      for (const [rows, steps] of sizes) {
        const batch = drawBatch(data, draw, rows, steps, lengths)
        const [ours, theirs] = [await runOurs(model, batch), await runOnnx(session, data, batch)]
        expect(theirs.length).toBe(ours.length)
        ours.forEach((expected, i) => void close(theirs[i]!, expected, tolerance, `${i === 0 ? 'y' : `state ${i}`} of ${rows} x ${steps}`))
      }
    } finally {
      model.dispose()
      await session.release()
    }
  })
})
