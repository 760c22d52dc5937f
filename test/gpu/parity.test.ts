// Random GRUs on the GPU and on the CPU: outputs, states and every gradient.
import { describe, expect, it } from 'vitest'
import { Gru, type GruClassOptions, type Precision, type Tensor, tensor } from '../../lib/index.js'
import { close } from '../support/compare.js'
import { source, uniform } from '../support/random.js'
import { fullSizes, missing } from './available.js'

type Errors = { forward: number; gradients: number }

// of 1 + the magnitude of a value; gradients are compared with the largest of their tensor as the unit
const goals = new URL('../../scripts/gpu/goals.mjs', import.meta.url).href
const { parityTolerances: tolerances }: { parityTolerances: Record<Precision, Errors> } = await import(goals)

declare module 'vitest' {
  interface TaskMeta {
    /** The largest errors of each precision, for the record of test:gpu. */
    parity?: Partial<Record<Precision, Errors>>
  }
}

/** The largest difference, as a part of 1 + the magnitude of the value expected; what is not finite is as far off as can be. */
function error(came: Tensor, expected: Tensor): number {
  const parts = Array.from(expected.data as Float32Array, (value, i) => Math.abs(came.data[i]! - value) / (1 + Math.abs(value)))
  return parts.reduce((most, part) => Math.max(most, Number.isFinite(part) ? part : Number.MAX_VALUE), 0)
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

  it.for(seeds)('seed %i', async (seed, { task }) => {
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
    task.meta.parity = {}
    for (const precision of Object.keys(tolerances) as Precision[]) {
      const what = `${precision} ${JSON.stringify({ ...spec, batch, steps, ...(call.options.lengths && { lengths: call.options.lengths }) })}`
      const came = await answers({ ...spec, device: 'cuda', precision }, expected.parameters, call)
      const forward = Object.entries(expected.forward).map(([name, value]) => ({ name, came: came.forward[name]!, value }))
      const gradients = Object.entries(expected.gradients).map(([name, value]) => {
        return { name, came: scaled(came.gradients[name]!, value), value: scaled(value, value) }
      })
      const largest = (all: typeof forward) => Math.max(...all.map((one) => error(one.came, one.value)))
      task.meta.parity[precision] = { forward: largest(forward), gradients: largest(gradients) }
      for (const [all, tolerance] of [
        [forward, tolerances[precision].forward],
        [gradients, tolerances[precision].gradients],
      ] as const) {
        for (const { name, came, value } of all) close(came, value, { atol: tolerance, rtol: tolerance }, `${name}, ${what}`)
      }
    }
    expect(Object.keys(expected.gradients).length).toBeGreaterThan(3)
  })
})
