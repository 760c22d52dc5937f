// grus itself as an engine of numeric cases: one for every device there is.
import { dense, Gru, type Model, sequential, type Tensor, Trainer, tensor } from '../../lib/index.js'
import { native } from '../../lib/native.js'
import type { Tolerance } from './compare.js'
import type { Engine, GruAnswer, GruCall, ModelAnswer, ModelCall } from './engine.js'
import type { Optimizer } from './public-types.js'
import type { CaseTensor } from './shared.js'

export interface Device {
  device: 'cpu' | 'cuda'
  precision: 'float32'
}

const only = process.env.GRUS_TEST_DEVICE as 'cpu' | 'cuda' | undefined

/** Of tests that need any one device: GRUS_TEST_DEVICE, else the CPU. */
export const testDevice: 'cpu' | 'cuda' = only ?? 'cpu'

/** Those that can compute here, or GRUS_TEST_DEVICE alone, which must. Each one left out is printed with its reason. */
export function devices(): Device[] {
  if (only) return [{ device: only, precision: 'float32' }]
  return native()
    .devices()
    .filter(({ device, available, detail }) => {
      if (!available) console.info(`device ${device} is left out: ${detail}`)
      return available
    })
    .map(({ device }) => ({ device, precision: 'float32' }))
}

/** What a single float32 computation of moderate size may differ from float64 by. */
export function toleranceOf({ device }: Device): Tolerance {
  return { cpu: { atol: 2e-6, rtol: 1e-5 }, cuda: { atol: 5e-6, rtol: 5e-5 } }[device]
}

export const toTensor = ({ shape, data }: CaseTensor): Tensor => tensor(Float32Array.from(data), shape)
export const toTensors = (all: Record<string, CaseTensor>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name, toTensor(value)]))
export const fromTensor = ({ shape, data }: Tensor): CaseTensor => ({ shape: [...shape], data: [...data] })

/** [B][T] of 1 and 0. */
export const maskTensor = (mask: readonly number[][]): Tensor => tensor(Int32Array.from(mask.flat()), [mask.length, mask[0]!.length])

async function gru(device: Device, { options, parameters, x, hx, lengths, mask, dy, dhy }: GruCall): Promise<GruAnswer> {
  using cell = new Gru({ ...options, layout: 'TBI', device: device.device })
  cell.setParameters(toTensors(parameters))
  const training = Boolean(dy ?? dhy)
  const { y, hy } = await cell.forward(toTensor(x), {
    training,
    ...(hx && { hx: toTensor(hx) }),
    ...(lengths && { lengths }),
    ...(mask && { mask: maskTensor(mask) }),
  })
  const answer: GruAnswer = { y: fromTensor(y), hy: fromTensor(hy) }
  if (!training) return answer
  const back = await cell.backward({ ...(dy && { dy: toTensor(dy) }), ...(dhy && { dhy: toTensor(dhy) }) })
  return {
    ...answer,
    dx: fromTensor(back.dx),
    dhx: fromTensor(back.dhx),
    gradients: new Map([...back.gradients].map(([name, value]) => [name, fromTensor(value)])),
  }
}

async function model(device: Device, { layers, weights, x, mask, initialState, calls = 1 }: ModelCall): Promise<ModelAnswer> {
  using built = sequential(layers, { device: device.device })
  built.build(x.shape[2]!)
  await built.setWeights(await firstLayerWeights(built, weights))
  const options = mask && { mask: maskTensor(mask) }
  const answer: ModelAnswer = { y: [] }
  for (let call = 0; call < calls; ++call) {
    const [spec] = layers
    if (spec?.type === 'gru' && spec.returnState) {
      const initialStates = initialState && [toTensor({ shape: [1, ...initialState.shape], data: initialState.data })]
      const { y, states } = await built.predictWithStates(toTensor(x), { ...options, ...(initialStates && { initialStates }) })
      answer.y.push(fromTensor(y))
      answer.state = { shape: states[0]!.shape.slice(1), data: [...states[0]!.data] }
    } else {
      answer.y.push(fromTensor(await built.predict(toTensor(x), options)))
    }
  }
  return answer
}

/** Under the first layer's name. A layer with the reset gate before the product has one bias, as in Keras: a second one must be all zeros. */
async function firstLayerWeights(built: Model, weights: Record<string, CaseTensor>): Promise<Record<string, Tensor>> {
  const names = [...(await built.getWeights()).keys()]
  const layer = names[0]!.split('.')[0]
  const out: Record<string, Tensor> = {}
  for (const [name, value] of Object.entries(weights)) {
    if (names.includes(`${layer}.${name}`) || value.data.some((v) => v !== 0)) out[`${layer}.${name}`] = toTensor(value)
  }
  return out
}

/** A dense layer of one input that is always 1: dL/dW is dy, so any gradient can be given through the backward door. */
async function optimizer(
  device: Device,
  spec: Optimizer,
  start: readonly number[],
  gradients: readonly (readonly number[])[],
): Promise<number[][]> {
  using built = sequential([dense({ units: start.length, useBias: false, inputSize: 1, name: 'w' })], { device: device.device })
  built.build(1)
  await built.setWeights({ 'w.weight': tensor(Float32Array.from(start), [start.length, 1]) })
  const trainer = new Trainer(built, { optimizer: spec, loss: 'mse' })
  const steps: number[][] = []
  for (const gradient of gradients) {
    await built.forward([[1]], { training: true })
    await built.backward(tensor(Float32Array.from(gradient), [1, gradient.length]))
    await trainer.update()
    steps.push([...(await built.getWeights()).get('w.weight')!.data])
  }
  return steps
}

export function deviceEngine(device: Device): Engine {
  return {
    name: `grus on ${device.device} in ${device.precision}`,
    precise: false,
    gru: (call) => gru(device, call),
    model: (call) => model(device, call),
    optimizer: (...call) => optimizer(device, ...call),
  }
}
