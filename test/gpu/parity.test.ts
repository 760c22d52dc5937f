// Random GRUs on the GPU and on the CPU: outputs, states and every gradient.
import { describe, expect, it } from 'vitest'
import { Gru, type GruClassOptions, type Precision, type Tensor, tensor } from '../../lib/index.js'
import { close, type Tolerance } from '../support/compare.js'
import { source, uniform } from '../support/random.js'
import { fullSizes, missing } from './available.js'

// Of values near 1. float32: sums of up to 512 products in another order, and other exponentials; 16 bits: 8 or 11 bits of mantissa through
// the steps. Gradients are compared with the largest of their tensor as the unit, since they are sums over all steps and rows.
const tolerances: Record<Precision, { forward: Tolerance; gradients: Tolerance }> = {
  float32: { forward: { atol: 1e-5, rtol: 1e-5 }, gradients: { atol: 1e-4, rtol: 1e-4 } },
  tf32: { forward: { atol: 5e-3, rtol: 5e-3 }, gradients: { atol: 2e-2, rtol: 2e-2 } },
  bfloat16: { forward: { atol: 5e-2, rtol: 5e-2 }, gradients: { atol: 1.5e-1, rtol: 1.5e-1 } },
  float16: { forward: { atol: 1e-2, rtol: 1e-2 }, gradients: { atol: 4e-2, rtol: 4e-2 } },
}

type Spec = Omit<GruClassOptions, 'device' | 'precision'>

function specOf(random: () => number): { spec: Spec; batch: number; steps: number; ragged: boolean; hx: boolean } {
  const pick = <T>(...values: T[]): T => values[Math.floor(random() * values.length)]!
  const odd = pick(true, true, false) // cuDNN computes two of three
  return {
    spec: {
      inputSize: fullSizes ? pick(1, 7, 64, 128, 300) : pick(1, 3, 8, 17),
      hiddenSize: fullSizes ? pick(1, 5, 33, 64, 128, 192, 256, 512) : pick(1, 4, 5, 16, 33),
      numLayers: pick(1, 1, 2, 3),
      direction: pick('forward', 'backward', 'both'),
      bias: pick(true, true, false),
      resetAfter: odd || pick(true, false),
      ...(!odd && { activation: pick('relu', 'softsign', 'tanh'), clip: 3 }),
    },
    batch: fullSizes ? pick(1, 3, 16, 64) : pick(1, 2, 5),
    steps: fullSizes ? pick(1, 10, 100, 256) : pick(1, 4, 9),
    ragged: pick(true, false),
    hx: pick(true, false),
  }
}

/** In units of the largest element, if that is more than 1. */
function scaled({ data, shape }: Tensor, by: Tensor): Tensor {
  const unit = (by.data as Float32Array).reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  return tensor(
    Float32Array.from(data, (value) => value / unit),
    [...shape],
  )
}

async function answers(options: GruClassOptions, parameters: Record<string, Tensor> | undefined, call: Call): Promise<Answers> {
  using cell = new Gru(options)
  if (parameters) cell.setParameters(parameters)
  const { y, hy } = await cell.forward(call.x, { training: true, ...call.options })
  const { dx, dhx, gradients } = await cell.backward({ dy: call.dy, dhy: call.dhy })
  return { forward: { y, hy }, gradients: { dx, dhx, ...Object.fromEntries(gradients) }, parameters: Object.fromEntries(cell.parameters) }
}

interface Call {
  x: Tensor
  dy: Tensor
  dhy: Tensor
  options: { lengths?: number[]; hx?: Tensor }
}

interface Answers {
  forward: Record<string, Tensor>
  gradients: Record<string, Tensor>
  parameters: Record<string, Tensor>
}

describe.skipIf(missing)('random GRUs on the GPU as on the CPU', () => {
  const seeds = Array.from({ length: fullSizes ? 60 : 24 }, (_, i) => 100 + i)

  it.each(seeds)('seed %i', async (seed) => {
    const random = source(seed)
    const { spec, batch, steps, ragged, hx } = specOf(random)
    const directions = spec.direction === 'both' ? 2 : 1
    const values = (...shape: number[]): Tensor =>
      tensor(
        Float32Array.from(
          uniform(
            random,
            shape.reduce((n, m) => n * m, 1),
          ),
        ),
        shape,
      )
    const states = [spec.numLayers! * directions, batch, spec.hiddenSize]
    const call: Call = {
      x: values(batch, steps, spec.inputSize),
      dy: values(batch, steps, directions * spec.hiddenSize),
      dhy: values(...states),
      options: {
        ...(ragged && { lengths: Array.from({ length: batch }, () => Math.floor(random() * (steps + 1))) }),
        ...(hx && { hx: values(...states) }),
      },
    }
    const expected = await answers({ ...spec, device: 'cpu', seed }, undefined, call)
    for (const precision of Object.keys(tolerances) as Precision[]) {
      const what = `${precision} ${JSON.stringify({ ...spec, batch, steps, ...(call.options.lengths && { lengths: call.options.lengths }) })}`
      const came = await answers({ ...spec, device: 'cuda', precision }, expected.parameters, call)
      for (const [name, value] of Object.entries(expected.forward))
        close(came.forward[name]!, value, tolerances[precision].forward, `${name}, ${what}`)
      for (const [name, value] of Object.entries(expected.gradients)) {
        close(scaled(came.gradients[name]!, value), scaled(value, value), tolerances[precision].gradients, `${name}, ${what}`)
      }
    }
    expect(Object.keys(expected.gradients).length).toBeGreaterThan(3)
  })
})
