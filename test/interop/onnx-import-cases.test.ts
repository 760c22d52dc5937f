// The GRU cases of ONNX' and onnxruntime's own suites, each as a model of one node that is imported and computed here.
import { describe, expect, it } from 'vitest'
import type { FloatTensor, Tensor } from '../../lib/index.js'
import { type OnnxImportOptions, readOnnx } from '../../lib/interop/onnx/import.js'
import { close } from '../support/compare.js'
import { exchange, part, reshape, splitDirections, stack, swapGates } from '../support/conventions.js'
import { floats, info, modelBytes, node } from '../support/onnx-graph.js'
import { modelOf } from '../support/onnx-run.js'
import { type CaseTensor, type NumericCase, readCase, readIndex, shared } from '../support/shared.js'

const folder = shared('cases')
const tensorOf = ({ data, shape }: CaseTensor): FloatTensor => ({ data: Float32Array.from(data), shape })
const caseOf = ({ data, shape }: Tensor): CaseTensor => ({ data: [...data], shape: [...shape] })
const states = ['Y', 'Y_h']

/** The names that the node has for them; suites write them in lower case. */
const onnxNames: Record<string, string> = { sigmoid: 'Sigmoid', tanh: 'Tanh' }

/** @param weightsAs - where W, R and B stand: in the file, or among the inputs */
function bytesOf({ attrs, inputs }: NumericCase, outputs: string[], weightsAs: 'initializers' | 'inputs'): Buffer {
  const weights = ['W', 'R', 'B'].filter((name) => inputs[name])
  const given = (name: string) => (inputs[name] ? name : '')
  const { activations, hidden_size, linear_before_reset, direction, layout, clip } = attrs
  const gru = node('GRU', ['X', 'W', 'R', given('B'), given('sequence_lens'), given('initial_h')], ['Y', 'Y_h'], {
    direction,
    hidden_size,
    linear_before_reset,
    layout,
    activations: activations.map((name: string) => onnxNames[name] ?? name),
    ...(clip && { clip: { float: clip } }),
  })
  return modelBytes({
    nodes: [gru],
    initializers: weightsAs === 'initializers' ? weights.map((name) => floats(name, inputs[name]!.shape, inputs[name]!.data)) : [],
    inputs: [
      info('X', inputs.X!.shape),
      ...(weightsAs === 'inputs' ? weights.map((name) => info(name, inputs[name]!.shape)) : []),
      ...(inputs.sequence_lens ? [info('sequence_lens', [inputs.X!.shape[1 - layout]!], 'INT32')] : []),
      ...(inputs.initial_h ? [info('initial_h', inputs.initial_h.shape)] : []),
    ],
    outputs,
    opset: 14,
  })
}

describe.skipIf(!folder)('GRU cases of ONNX and onnxruntime', () => {
  const index = folder ? readIndex(folder).cases.filter(({ id }) => /^(onnx|ort)\//.test(id)) : []

  it('are all there', () => void expect(index.length).toBe(33))

  for (const { id, file } of index) {
    const given = readCase(folder!, file)
    const { inputs, attrs, expected } = given
    const outer = (x: CaseTensor): CaseTensor => (attrs.layout === 1 ? exchange(x) : x)
    const x = tensorOf(exchange(outer(inputs.X!)))
    const lengths = inputs.sequence_lens as unknown as number[] | undefined
    const tolerance = given.tolerance.float32 ?? given.tolerance

    const run = async (bytes: Buffer, options: OnnxImportOptions = {}): Promise<Record<string, CaseTensor>> => {
      const imported = readOnnx('importModel', id, bytes, options)
      using model = modelOf(imported)
      const first = inputs.initial_h && [tensorOf(outer(inputs.initial_h))]
      const { y, states } = await model.predictWithStates(x, { ...(lengths && { lengths }), ...(first && { initialStates: first }) })
      const steps = splitDirections(exchange(caseOf(y)), inputs.W!.shape[0]!)
      const batchOutside = () => exchange(stack(Array.from({ length: steps.shape[0]! }, (_, t) => exchange(part(steps, t)))))
      return { Y: attrs.layout === 1 ? batchOutside() : steps, Y_h: outer(caseOf(states[0]!)) }
    }
    const compare = (results: Record<string, CaseTensor>) => {
      for (const name of states) if (expected[name]) close(results[name]!, expected[name], tolerance, `${id} ${name}`)
    }

    if (given.kind === 'gru_backward') {
      it(`${id}, its gradients`, async () => {
        using model = modelOf(readOnnx('importModel', id, bytesOf(given, ['Y'], 'initializers')))
        await model.forward(x, { training: true })
        const [steps, , rows, units] = inputs.grad_Y!.shape as [number, number, number, number]
        const { dx, gradients } = await model.backward(tensorOf(exchange(reshape(inputs.grad_Y!, steps, rows, units))))
        const get = (name: string) => swapGates(caseOf(gradients.get(`gru.${name}_l0`)!))
        const bias = get('bias_ih').data
        close(exchange(caseOf(dx!)), expected.dX!, tolerance, 'dX')
        close(stack([get('weight_ih')]), expected.dW!, tolerance, 'dW')
        close(stack([get('weight_hh')]), expected.dR!, tolerance, 'dR')
        close({ data: [...bias, ...bias], shape: [1, 2 * bias.length] }, expected.dB!, tolerance, 'dB')
      })
      continue
    }
    it(id, async () => void compare(await run(bytesOf(given, states, 'initializers'))))
    it(`${id}, weights given by name`, async () => {
      const weights = Object.fromEntries(['W', 'R', 'B'].flatMap((name) => (inputs[name] ? [[name, tensorOf(inputs[name])]] : [])))
      compare(await run(bytesOf(given, states, 'inputs'), { weights }))
    })
    if (inputs.initial_h || !expected.Y_h) continue
    it(`${id}, the last state alone`, async () => {
      using model = modelOf(readOnnx('importModel', id, bytesOf(given, ['Y_h'], 'initializers')))
      const y = caseOf(await model.predict(x, lengths ? { lengths } : {}))
      const [rows, width] = y.shape as [number, number]
      const directions = inputs.W!.shape[0]!
      const state = outer(exchange(reshape(y, rows, directions, width / directions)))
      close(state, expected.Y_h!, tolerance, `${id} Y_h`)
    })
  }
})
