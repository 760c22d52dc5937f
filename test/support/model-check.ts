// One model on a device against the float64 reference: output, gradient of the input, gradient of every weight, regularisers included.
import { expect } from 'vitest'
import { type LayerSpec, type Model, sequential, type Tensor, tensor } from '../../lib/index.js'
import { modelInternals } from '../../lib/model-internals.js'
import { close, type Tolerance } from './compare.js'
import { type Device, maskTensor } from './devices.js'
import { numericalSlope } from './gradcheck.js'
import { source, uniform } from './random.js'
import { nameOf, penalty, type ReferenceContext, runModel } from './reference/model.js'
import { add, backwardAll, dot, gradientsOf, type Scalar, scalars, valuesOf } from './reference/scalar.js'
import { nest } from './reference-engine.js'

export interface ModelCheck {
  layers: LayerSpec[]
  /** B, T, I; T = 0: vectors [B, I]; with an embedding first, I is not used */
  shape?: [number, number, number]
  /** [B][T] */
  mask?: number[][]
  /** [B][T]: 0 where all features of x have the value, for a layer `masking`. Finite differences must not reach x, then: see spots */
  filled?: { value: number; steps: number[][] }
  /** dropout is active */
  training?: boolean
  /** batches through a stateful model; the last one is compared */
  batches?: number
  seed?: number
  /** finite differences of the reference. Default 8; each costs four evaluations */
  spots?: number
}

interface Input {
  values: Float64Array
  x: Tensor
  ids?: number[][]
  mask?: boolean[][] | undefined
}

/** Compares, and checks the reference's own gradients by finite differences at a few places. */
export async function checkModel(device: Device, check: ModelCheck, tolerance: Tolerance): Promise<void> {
  const random = source(check.seed ?? 5)
  const { shape = [3, 4, 3], mask, training = false, batches = 1, spots = 8 } = check
  using model = sequential(check.layers, { device: device.device, seed: 1234567 })
  const inputs = Array.from({ length: batches }, () => makeInput(check, shape, random))
  modelInternals(model).ensureBuilt('test', inputs[0]!.x)
  await randomize(model, random)

  const options = { training, ...(mask && { mask: maskTensor(mask) }) }
  const weights = new Map([...(await model.getWeights())].map(([name, { data }]) => [name, Float64Array.from(data)]))
  let y: Tensor | undefined
  for (const { x } of inputs) y = await model.forward(x, options)
  const dy = Float64Array.from(uniform(random, y!.data.length))
  const { dx, gradients } = await model.backward(tensor(Float32Array.from(dy), y!.shape))

  const run = (step: number): Evaluation => evaluateBatch({ model, shape, weights, dy, training, states, step }, inputs[step]!)
  let states: States = new Map()
  for (let step = 0; step < batches - 1; ++step) states = run(step).states
  const { out, leaves, objective } = run(batches - 1)
  const compare = (actual: ArrayLike<number>, expected: readonly number[], what: string): void => {
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
    close(actual, expected, { atol: tolerance.atol * largest, rtol: tolerance.rtol }, what)
  }
  compare(y!.data, valuesOf(out), 'y')
  backwardAll([objective], [1])
  const last = inputs.at(-1)!
  if (last.ids) expect(dx).toBeNull()
  else compare(dx!.data, gradientsOf(leaves.x), 'dx')
  expect([...gradients.keys()]).toEqual([...weights.keys()])
  for (const [name, { data }] of gradients) compare(data, gradientsOf(leaves.weights.get(name)!), `gradient of ${name}`)

  const all: [string, Float64Array, Scalar[]][] = [...leaves.weights].map(([name, list]) => [name, weights.get(name)!, list])
  if (!last.ids) all.push(['x', last.values, leaves.x])
  for (let spot = 0; spot < spots; ++spot) {
    const [name, numbers, list] = all[spot % all.length]!
    const i = Math.floor(random() * numbers.length)
    const slope = numericalSlope(() => run(batches - 1).objective.value, numbers, i)
    close([list[i]!.gradient], [slope], { atol: 1e-9, rtol: 1e-7 }, `finite difference of ${name}[${i}]`)
  }
}

function makeInput({ layers, mask, filled }: ModelCheck, [batch, steps, size]: [number, number, number], random: () => number): Input {
  const valid = mask?.map((row) => row.map(Boolean))
  const [first] = layers
  if (first?.type === 'embedding') {
    const ids = Array.from({ length: batch }, () => Array.from({ length: steps }, () => Math.floor(random() * first.inputDim)))
    return { values: new Float64Array(), x: tensor(ids, undefined, { dtype: 'int32' }), ids, mask: valid }
  }
  const values = Float64Array.from(uniform(random, batch * Math.max(steps, 1) * size))
  filled?.steps.flat().forEach((is, step) => {
    if (is === 0) values.fill(Math.fround(filled.value), step * size, (step + 1) * size)
  })
  return { values, x: tensor(Float32Array.from(values), steps ? [batch, steps, size] : [batch, size]), mask: valid }
}

/** Every weight between -1 and 1, biases too, so that no gradient hides behind a zero. */
async function randomize(model: Model, random: () => number): Promise<void> {
  const values = [...(await model.getWeights())].map(([name, { shape, data }]): [string, Tensor] => [
    name,
    tensor(Float32Array.from(uniform(random, data.length)), shape),
  ])
  await model.setWeights(new Map(values))
}

const cellOf = (spec: LayerSpec): LayerSpec => (spec.type === 'bidirectional' ? spec.layer : spec)

type States = Map<number, Scalar[][][]>

interface Setting {
  model: Model
  shape: readonly number[]
  weights: ReadonlyMap<string, Float64Array>
  dy: Float64Array
  training: boolean
  /** of the stateful layers, before this batch */
  states: States
  /** batches before this one */
  step: number
}

interface Evaluation {
  out: Scalar[]
  /** sum(dy * y) + penalties */
  objective: Scalar
  leaves: { x: Scalar[]; weights: Map<string, Scalar[]> }
  /** after the batch; no gradient flows back into it */
  states: States
}

function evaluateBatch({ model: { layers, seed }, shape, weights, dy, training, states, step }: Setting, input: Input): Evaluation {
  const [batch, steps, size] = shape as [number, number, number]
  const leaves = { x: scalars(input.values), weights: new Map([...weights].map(([name, data]) => [name, scalars(data)])) }
  const key = (layer: number): number => dropoutKey(layers, layer)
  const after: States = new Map(states)
  const context: ReferenceContext = { weights: leaves.weights, states: after, ...(training && { dropout: { seed, step, key } }) }
  const mask = input.mask && { mask: input.mask }
  const features = { rows: nest(leaves.x, [batch, Math.max(steps, 1), size]), sequence: steps > 0, ...mask }
  const out = runModel(layers, input.ids ? { ids: input.ids, ...mask } : features, context).rows.flat(2)
  const objective = add(dot(out, scalars(dy)), ...penalties(layers, leaves.weights))
  const constants = (rows: Scalar[][][]): Scalar[][][] => rows.map((row) => row.map((state) => scalars(valuesOf(state))))
  return { out, objective, leaves, states: new Map([...after].map(([layer, rows]) => [layer, constants(rows)])) }
}

/** A dense layer's activation is a layer of its own to the engine, and a masking none; it numbers them all. */
export function dropoutKey(layers: readonly LayerSpec[], layer: number): number {
  const before = layers.slice(0, layer)
  const activated = before.filter((spec) => spec.type === 'dense' && spec.activation !== 'linear')
  return layer + activated.length - before.filter(({ type }) => type === 'masking').length
}

/** What the regularisers of all layers add to the loss. */
export function penalties(layers: readonly LayerSpec[], weights: ReadonlyMap<string, Scalar[]>): Scalar[] {
  return layers.flatMap((spec, i) => {
    const cell = cellOf(spec)
    const rules: [RegExp, { l1?: number; l2?: number } | undefined][] =
      cell.type === 'gru'
        ? [
            [/weight_ih/, cell.kernelRegularizer],
            [/weight_hh/, cell.recurrentRegularizer],
            [/bias/, cell.biasRegularizer],
          ]
        : cell.type === 'dense'
          ? [
              [/weight/, cell.kernelRegularizer],
              [/bias/, cell.biasRegularizer],
            ]
          : cell.type === 'embedding'
            ? [[/weight/, cell.embeddingsRegularizer]]
            : []
    const own = [...weights].filter(([name]) => name.startsWith(`${nameOf(layers, i)}.`))
    return rules.flatMap(([pattern, rule]) =>
      rule ? own.filter(([name]) => pattern.test(name)).map(([, list]) => penalty(rule, list)) : [],
    )
  })
}
