// The worked example of docs/interop.md.
import { expect, test } from 'vitest'
import { gru, sequential, tensor } from '../../lib/index.js'

const s = (a: number) => 1 / (1 + Math.exp(-a))

test.each([
  ['keep', 1],
  ['write', -1],
] as const)("the page's weights give 0.5147 with updateGate '%s'", async (updateGate, sign) => {
  using model = sequential([gru({ units: 1, updateGate, returnState: true, inputSize: 1 })], { device: 'cpu' })
  await model.setWeights({
    'gru.weight_ih_l0': tensor([[2], [sign * 1], [3]]),
    'gru.weight_hh_l0': tensor([[5], [sign * 4], [6]]),
    'gru.bias_ih_l0': tensor([0.2, sign * 0.1, 0.3]),
    'gru.bias_hh_l0': tensor([0.5, sign * 0.4, 0.6]),
  })
  const { y } = await model.predictWithStates([[[1]]], { initialStates: [tensor([[[0.5]]])] })
  const [r, z] = [s(2 + 0.2 + 5 * 0.5 + 0.5), s(1 + 0.1 + 4 * 0.5 + 0.4)]
  const n = Math.tanh(3 + 0.3 + r * (6 * 0.5 + 0.6))
  expect(y.data[0]).toBeCloseTo((1 - z) * n + z * 0.5, 6)
  expect(y.data[0]).toBeCloseTo(0.5147, 4)
})
