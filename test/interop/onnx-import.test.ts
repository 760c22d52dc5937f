// What is read of single graphs, and what is refused in which words.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Tensor as OrtTensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FloatTensor } from '../../lib/index.js'
import { encodeModel } from '../../lib/interop/onnx/encode.js'
import { importOnnx, type OnnxImportOptions, readOnnx } from '../../lib/interop/onnx/import.js'
import type { OnnxNode, OnnxTensor } from '../../lib/interop/onnx/proto.js'
import { close } from '../support/compare.js'
import { exchange } from '../support/conventions.js'
import { rejected, thrown } from '../support/errors.js'
import { floats, type GraphParts, gruWeights, info, integers, modelBytes, node } from '../support/onnx-graph.js'
import { modelOf, openSession } from '../support/onnx-run.js'
import { source, uniform } from '../support/random.js'

const x = info('x', ['time', 'batch', 2])
const weights = (directions = 1, prefix = '', inputSize = 2) => gruWeights(source(5), inputSize, 3, directions, prefix)
const gruNode = (attributes = {}, inputs = ['x', 'W', 'R', 'B'], outputs = ['Y', 'Y_h']) =>
  node('GRU', inputs, outputs, { hidden_size: 3, ...attributes }, 'the-gru')

function read(parts: Partial<GraphParts> & { nodes: OnnxNode[] }, options?: OnnxImportOptions) {
  return readOnnx('importModel', 'm.onnx', modelBytes({ initializers: weights(), inputs: [x], outputs: ['Y_h'], ...parts }), options)
}

/** A graph after one GRU, whose states are Y [T, 1, B, 3] and Y_h [1, B, 3]. */
const after = (nodes: OnnxNode[], outputs: string[], initializers: OnnxTensor[] = []) => ({
  nodes: [gruNode(), ...nodes],
  outputs,
  initializers: [...weights(), ...initializers],
})

describe('one GRU node', () => {
  it('is a layer with notes of what was changed', () => {
    const model = read({ nodes: [gruNode({ direction: 'reverse', clip: { float: 2 } })], outputs: ['Y'] })
    expect(model.layers).toMatchObject([
      {
        type: 'gru',
        units: 3,
        resetAfter: false,
        goBackwards: true,
        alignOutput: true,
        returnSequences: true,
        zeroOutputForMask: true,
        clip: 2,
      },
    ])
    expect(model.notes).toEqual([
      'ONNX opset 17',
      "the input 'x' is [T, B, I] in the file, [B, T, I] here",
      "gru: node 'the-gru' (GRU); gates z, r, h -> r, z, n; linear_before_reset is 0: its two biases are added up",
      "the output 'Y' is [T, 1, B, F] in the file, [B, T, F] here",
    ])
  })

  it('turned around is a GRU that goes backwards and leaves its steps so', () => {
    const turn = (from: string, to: string) => [node('Slice', [from, 'last', 'first', 'zero', 'last'], [to])]
    const constants = [integers('last', [-1]), integers('first', [-(2 ** 40)]), integers('zero', [0])]
    const initializers = [...weights(), ...constants]
    const reverse = read({ nodes: [gruNode({ direction: 'reverse' }), ...turn('Y', 'y')], outputs: ['y'], initializers })
    expect(reverse.layers).toMatchObject([{ goBackwards: true, alignOutput: false }])
    const turned = read({ nodes: [...turn('x', 'r'), gruNode({}, ['r', 'W', 'R', 'B'])], outputs: ['Y'], initializers })
    expect(turned.layers).toMatchObject([{ goBackwards: true, alignOutput: false }])
    const twice = read({ nodes: [...turn('x', 'r'), gruNode({}, ['r', 'W', 'R', 'B']), ...turn('Y', 'y')], outputs: ['y'], initializers })
    expect(twice.layers).toMatchObject([{ goBackwards: true, alignOutput: true }])
    expect(thrown(() => read({ nodes: [gruNode(), ...turn('Y', 'y')], outputs: ['y'], initializers }), 'UNSUPPORTED')).toMatch(
      /node 'the-gru' \(GRU\): its Y is turned around/,
    )
  })

  it('takes sequence_lens of full length, or of an input', () => {
    const inputs = ['x', 'W', 'R', 'B', 'n']
    const full = [
      node('Shape', ['x'], ['s']),
      node('Slice', ['s', 'zero', 'one'], ['t']),
      node('Slice', ['s', 'one', 'two'], ['b']),
      node('Expand', ['t', 'b'], ['n']),
    ]
    const constants = [integers('zero', [0]), integers('one', [1]), integers('two', [2])]
    const model = read({ nodes: [...full, gruNode({}, inputs)], initializers: [...weights(), ...constants] })
    expect(model.notes.join()).not.toMatch(/lengths/)
    const given = read({ nodes: [gruNode({}, inputs)], inputs: [x, info('n', ['batch'], 'INT32')] })
    expect(given.notes).toContain("the input 'n' is the option lengths of predict")
    const fixed = () => read({ nodes: [gruNode({}, inputs)], initializers: [...weights(), integers('n', [1, 2])] })
    expect(thrown(fixed, 'UNSUPPORTED')).toMatch(/sequence_lens must be an input of the graph, or as long as the sequence/)
    const step = () =>
      read({
        nodes: [gruNode({}, inputs), node('Gather', ['Y', 'last'], ['y'])],
        outputs: ['y'],
        inputs: [x, info('n', ['batch'], 'INT32')],
        initializers: [...weights(), integers('last', -1)],
      })
    expect(thrown(step, 'UNSUPPORTED')).toMatch(/with sequence_lens the last step is 0 in shorter rows; take Y_h/)
  })

  it.each<[string, Parameters<typeof read>[0], RegExp]>([
    [
      'activation',
      { nodes: [gruNode({ activations: ['Sigmoid', 'Swish'] })] },
      /node 'the-gru' \(GRU\): attribute activations has 'Swish'; known are relu/,
    ],
    ['attribute', { nodes: [gruNode({ output_sequence: 1 })] }, /attribute output_sequence is not known here/],
    ['scaledTanh without constants', { nodes: [gruNode({ activations: ['Sigmoid', 'ScaledTanh'] })] }, /scaledTanh needs alpha and beta/],
    [
      'first state',
      { nodes: [gruNode({}, ['x', 'W', 'R', 'B', '', 'h'])], initializers: [...weights(), floats('h', [1, 1, 3], [1, 2, 3])] },
      /initial_h must be 0, or an input of the graph .*, got a constant; make it an input/,
    ],
    [
      'weights that are inputs',
      { nodes: [gruNode({}, ['x', 'w', 'R', 'B'])], inputs: [x, info('w', [1, 9, 2])] },
      /W must be a constant, got what comes from the input 'w'; .* option weights/,
    ],
    [
      'one middle step',
      after([node('Gather', ['Y', 'i'], ['y'])], ['y'], [integers('i', 2)]),
      /step 2 of its Y is taken: this step is not the last one/,
    ],
    [
      'control flow',
      after([node('Loop', ['Y'], ['y'])], ['y']),
      /node 1 \(Loop\): no layer of grus is this operator; export a graph without control flow/,
    ],
    ['another recurrence', after([node('LSTM', ['Y'], ['y'])], ['y']), /only GRU layers can be read/],
    [
      'a sum of layers',
      after([node('Add', ['Y', 'x'], ['y'])], ['y']),
      /computes with two values that layers put out; grus adds, multiplies or averages the two directions of one GRU/,
    ],
    [
      'scales of features',
      after([node('Mul', ['Y_h', 's'], ['y'])], ['y'], [floats('s', [3], [1, 2, 3])]),
      /multiplies numbers of its own for each feature/,
    ],
    ['whole numbers', after([node('Cast', ['Y'], ['y'], { to: 7 })], ['y']), /makes whole numbers of what a layer puts out/],
    [
      'softmax of another axis',
      after([node('Softmax', ['Y'], ['y'], { axis: 0 })], ['y']),
      /attribute axis must be the last one, 3, got 0/,
    ],
    [
      'rows turned around',
      after(
        [node('Slice', ['Y_h', 'm', 'e', 'o', 'm'], ['y'])],
        ['y'],
        [integers('m', [-1]), integers('e', [-(2 ** 40)]), integers('o', [1])],
      ),
      /rows or directions .* turned around/,
    ],
    ['another version', { nodes: [gruNode()], opset: 99 }, /opset 99: versions 7 to 28 are known/],
  ])('refuses: %s', (_, parts, message) => {
    expect(thrown(() => read(parts), 'UNSUPPORTED')).toMatch(message)
  })

  it('refuses another domain, functions and training information by name', () => {
    const foreign = { ...node('FusedGRU', ['x'], ['Y_h']), domain: 'com.microsoft' }
    expect(thrown(() => read({ nodes: [foreign] }), 'UNSUPPORTED')).toMatch(/the domain 'com.microsoft' is not known/)
    const bytes = modelBytes({ nodes: [gruNode()], initializers: weights(), inputs: [x], outputs: ['Y_h'] })
    const withField = (number: number) => Buffer.concat([bytes, Buffer.from([...varint((number << 3) | 2), 0])])
    expect(thrown(() => readOnnx('importModel', 'm.onnx', withField(20)), 'UNSUPPORTED')).toMatch(/training_info/)
    expect(thrown(() => readOnnx('importModel', 'm.onnx', withField(25)), 'UNSUPPORTED')).toMatch(/functions of its own/)
  })

  it.each<[string, Parameters<typeof read>[0], RegExp]>([
    [
      'shape of R',
      { nodes: [gruNode()], initializers: [weights()[0]!, floats('R', [1, 9, 2], new Float32Array(18)), weights()[2]!] },
      /R must have the shape \[1, 9, 3\], got \[1, 9, 2\]/,
    ],
    ['a value from nowhere', { nodes: [gruNode({}, ['y', 'W', 'R', 'B'])] }, /its input 'y' is made by nothing that comes before it/],
    [
      'an order that is none',
      after([node('Transpose', ['Y_h'], ['y'], { perm: [0, 0, 1] })], ['y']),
      /perm \[0, 0, 1\] is no order of 3 axes/,
    ],
    ['a value made twice', { nodes: [gruNode(), gruNode()] }, /'Y' is made by two nodes/],
  ])('is corrupt: %s', (_, parts, message) => {
    expect(thrown(() => read(parts), 'CORRUPT_FILE')).toMatch(message)
  })
})

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]
}

describe('outputs', () => {
  const two = after(
    [node('Squeeze', ['Y_h', 'zero'], ['h']), node('Tanh', ['h'], ['a']), node('Relu', ['h'], ['b'])],
    ['a', 'b'],
    [integers('zero', [0])],
  )

  it('that do not belong together are refused by name, and one can be chosen', () => {
    expect(thrown(() => read(two), 'UNSUPPORTED')).toMatch(
      /the outputs 'a', 'b' are not one and the last states .* choose one with the option output/,
    )
    expect(read(two, { output: 'b' }).layers).toMatchObject([{ type: 'gru' }, { type: 'activation', activation: 'relu' }])
    expect(thrown(() => read(two, { output: 'c' }))).toMatch(/output: the graph has no output 'c'; there are a, b/)
  })

  it('options are checked', () => {
    expect(thrown(() => read(two, { ouput: 'a' } as never))).toMatch(/unknown option 'ouput'; did you mean 'output'\?/)
    expect(thrown(() => read(two, { weights: { y: { data: new Float32Array(1), shape: [1] } } }))).toMatch(/the graph has no input 'y'/)
  })

  it('a branch that leads nowhere may hold anything', () => {
    const dead = after([node('Mystery', ['Y'], ['m'])], ['Y_h'])
    expect(read(dead).layers).toMatchObject([{ type: 'gru', returnSequences: false, returnState: false }])
  })
})

describe('graphs as other exporters write them', () => {
  /** The file in onnxruntime and here, on the same input. */
  async function compare(parts: GraphParts, shape: number[], timeMajor = false): Promise<ReturnType<typeof readOnnx>> {
    const bytes = modelBytes(parts)
    const given: FloatTensor = {
      data: Float32Array.from(
        uniform(
          source(9),
          shape.reduce((a, b) => a * b, 1),
        ),
      ),
      shape,
    }
    const session = await openSession(bytes)
    const result = Object.values(await session.run({ x: new OrtTensor('float32', given.data, shape) }))[0]!
    await session.release()
    const model = readOnnx('importModel', 'm.onnx', bytes)
    using ours = modelOf(model)
    const turned = exchange({ data: [...given.data], shape: [...shape] })
    const own = timeMajor ? { data: Float32Array.from(turned.data), shape: turned.shape } : given
    close((await ours.predict(own)).data, result.data as Float32Array, { atol: 1e-5, rtol: 1e-5 })
    return model
  }

  it('weights that the graph builds, as a scripted module without folding has them', async () => {
    const [w, r] = gruWeights(source(6), 3, 2)
    const names = ['wr', 'wz', 'wn']
    const rows = names.map((name) => floats(name, [3, 2], uniform(source(name.length), 6)))
    const nodes = [
      ...names.map((name) => node('Transpose', [name], [`${name}t`], { perm: [1, 0] })),
      node('Concat', ['wzt', 'wrt', 'wnt'], ['wt'], { axis: 0 }),
      node('Unsqueeze', ['wt', 'zero'], ['w']),
      node('Transpose', ['x'], ['xt'], { perm: [1, 0, 2] }),
      node('GRU', ['xt', 'w', 'R'], ['', 'Y_h'], { hidden_size: 2 }),
      node('Squeeze', ['Y_h', 'zero'], ['y']),
    ]
    expect(w!.dims).toEqual([1, 6, 3])
    const initializers = [...rows, r!, integers('zero', [0])]
    const model = await compare({ nodes, initializers, inputs: [info('x', ['b', 't', 3])], outputs: ['y'] }, [2, 4, 3])
    expect(model.layers).toMatchObject([{ type: 'gru', useBias: false }])
  })

  it('TensorFlow: casts of shapes around zeros of the batch, the last step by a slice', async () => {
    const nodes = [
      node('Transpose', ['x'], ['xt'], { perm: [1, 0, 2] }),
      node('Shape', ['x'], ['s64']),
      node('Cast', ['s64'], ['s'], { to: 6 }),
      node('Cast', ['s'], ['sback'], { to: 7 }),
      node('Slice', ['sback', 'zero', 'one', 'zero'], ['b1']),
      node('Squeeze', ['b1', 'zero'], ['b']),
      node('Unsqueeze', ['b', 'zero'], ['bu']),
      node('Concat', ['bu', 'units'], ['shape'], { axis: 0 }),
      node('Expand', ['nought', 'shape'], ['h']),
      node('Unsqueeze', ['h', 'zero'], ['h0']),
      node('GRU', ['xt', 'W', 'R', 'B', '', 'h0'], ['Y'], { hidden_size: 3, linear_before_reset: 1 }),
      node('Squeeze', ['Y', 'one'], ['y']),
      node('Transpose', ['y'], ['yt'], { perm: [1, 0, 2] }),
      node('Slice', ['yt', 'minus', 'end', 'one'], ['last']),
      node('Squeeze', ['last', 'one'], ['v']),
      node('MatMul', ['v', 'k'], ['p']),
      node('Add', ['p', 'bias'], ['q']),
      node('Sigmoid', ['q'], ['out']),
    ]
    const initializers = [
      ...weights(),
      integers('zero', [0]),
      integers('one', [1]),
      integers('minus', [-1]),
      integers('end', [2 ** 31 - 1]),
      integers('units', [3]),
      floats('nought', [1, 1], [0]),
      floats('k', [3, 1], [0.3, -0.2, 0.5]),
      floats('bias', [1], [0.1]),
    ]
    const model = await compare({ nodes, initializers, inputs: [info('x', [undefined, undefined, 2])], outputs: ['out'] }, [3, 4, 2])
    expect(model.layers).toMatchObject([
      { type: 'gru', returnSequences: false },
      { type: 'dense', units: 1, activation: 'sigmoid' },
    ])
  })

  it('a Dense at every step by way of a flat batch', async () => {
    const nodes = [
      node('GRU', ['x', 'W', 'R', 'B'], ['Y'], { hidden_size: 3, direction: 'bidirectional' }),
      node('Transpose', ['Y'], ['t'], { perm: [2, 0, 1, 3] }),
      node('Reshape', ['t', 'flat'], ['f']),
      node('Gemm', ['f', 'k', 'b'], ['g'], { transB: 1 }),
      node('Shape', ['x'], ['s']),
      node('Gather', ['s', 'bt'], ['bts']),
      node('Concat', ['bts', 'four'], ['shape'], { axis: 0 }),
      node('Reshape', ['g', 'shape'], ['out']),
    ]
    const initializers = [
      ...weights(2),
      integers('flat', [-1, 6]),
      integers('bt', [1, 0]),
      integers('four', [4]),
      floats('k', [4, 6], uniform(source(8), 24)),
      floats('b', [4], [1, 2, 3, 4]),
    ]
    // steps come in first, and rows come out first
    const model = await compare({ nodes, initializers, inputs: [info('x', ['t', 'b', 2])], outputs: ['out'] }, [4, 3, 2], true)
    expect(model.layers).toMatchObject([
      { type: 'bidirectional', mergeMode: 'concat' },
      { type: 'dense', units: 4 },
    ])
    expect(model.notes).toContain("the input 'x' is [T, B, I] in the file, [B, T, I] here")
  })

  it('a model of vectors without a GRU', async () => {
    const nodes = [
      node('Gemm', ['x', 'k'], ['g']),
      node('Tanh', ['g'], ['t']),
      node('Gemm', ['t', 'l'], ['m']),
      node('Softmax', ['m'], ['y'], { axis: 1 }),
    ]
    const initializers = [floats('k', [2, 3], uniform(source(1), 6)), floats('l', [3, 2], uniform(source(2), 6))]
    const model = await compare({ nodes, initializers, inputs: [info('x', ['n', 2])], outputs: ['y'] }, [4, 2])
    expect(model.sequence).toBe(false)
    expect(model.layers).toMatchObject([
      { type: 'dense', activation: 'tanh', useBias: false },
      { type: 'dense', activation: 'softmax' },
    ])
  })
})

describe('numbers in other forms', () => {
  const graph = (k: OnnxTensor): Buffer =>
    modelBytes({ nodes: [node('MatMul', ['x', 'k'], ['y'])], initializers: [k], inputs: [info('x', ['n', 2])], outputs: ['y'] })

  it('of float16, bfloat16 and float64 become float32, with a note', () => {
    const half = { name: 'k', type: 'FLOAT16' as const, dims: [2, 1], data: new Uint8Array(Uint16Array.of(0x3c00, 0xc000).buffer) }
    const brain = { name: 'k', type: 'BFLOAT16' as const, dims: [2, 1], data: new Uint8Array(Uint16Array.of(0x3f80, 0xc000).buffer) }
    const double = { name: 'k', type: 'DOUBLE' as const, dims: [2, 1], data: new Uint8Array(Float64Array.of(1, -2).buffer) }
    for (const tensor of [half, brain, double]) {
      const model = readOnnx('importModel', 'm.onnx', graph(tensor))
      expect([...model.weights.get('dense.weight')!.data]).toEqual([1, -2])
      expect(model.notes).toContain(`weights of ${tensor.type.toLowerCase()} -> float32`)
    }
  })

  it('must not be beyond float32', () => {
    const double = (...values: number[]): OnnxTensor => ({
      name: 'k',
      type: 'DOUBLE',
      dims: [2, 1],
      data: new Uint8Array(Float64Array.from(values).buffer),
    })
    const infinite = readOnnx('importModel', 'm.onnx', graph(double(Number.POSITIVE_INFINITY, 3.4e38)))
    expect([...infinite.weights.get('dense.weight')!.data]).toEqual([Number.POSITIVE_INFINITY, Math.fround(3.4e38)])
    expect(thrown(() => readOnnx('importModel', 'm.onnx', graph(double(1, -1e39))), 'UNSUPPORTED')).toMatch(
      /the tensor 'k' holds -1e\+39, which is beyond float32/,
    )
  })

  it('must be as many as the shape says', () => {
    const short = { ...floats('k', [2, 1], [1]), dims: [2, 1] }
    expect(thrown(() => readOnnx('importModel', 'm.onnx', graph(short)), 'CORRUPT_FILE')).toMatch(
      /the tensor 'k' of FLOAT \[2, 1\] must have 8 bytes of numbers, 4 came/,
    )
  })
})

describe('weights in a file of their own', () => {
  let outside: string
  let folder: string
  beforeAll(async () => {
    outside = await mkdtemp(join(tmpdir(), 'grus-onnx-'))
    await writeFile(join(outside, 'w.bin'), new Uint8Array(8))
    folder = await mkdtemp(join(tmpdir(), 'grus-onnx-'))
    await writeFile(join(folder, 'w.bin'), new Uint8Array(Float32Array.of(9, 1, -2, 9).buffer))
    await mkdir(join(folder, 'sub.bin'))
    await symlink(join(outside, 'w.bin'), join(folder, 'link.bin'))
  })
  afterAll(() => Promise.all([outside, folder].map((path) => rm(path, { recursive: true }))))

  async function load(data: { location: string; offset?: number; length?: number }): Promise<Float32Array> {
    const path = join(folder, 'm.onnx')
    const graph = {
      name: 'outside',
      nodes: [node('MatMul', ['x', 'k'], ['y'])],
      initializers: [{ name: 'k', type: 'FLOAT' as const, dims: [2, 1], data }],
      inputs: [info('x', ['n', 2])],
      outputs: [info('y')],
    }
    await writeFile(path, encodeModel({ irVersion: 8, opsets: [{ domain: '', version: 17 }], graph }).finish())
    return (await importOnnx('importModel', path)).weights.get('dense.weight')!.data
  }

  it('are read from their place', async () => {
    expect([...(await load({ location: 'w.bin', offset: 4, length: 8 }))]).toEqual([1, -2])
  })

  it.each([
    [{ location: '../w.bin' }, /must be inside the model's folder/],
    [{ location: '/w.bin' }, /must be inside the model's folder/],
    [{ location: 'sub/../w.bin' }, /must be inside the model's folder/],
    [{ location: 'link.bin' }, /a link out of the model's folder/],
    [{ location: 'none.bin' }, /cannot be read: .*put the file beside the model/],
    [{ location: 'w.bin', offset: 12, length: 8 }, /lies at 12 to 20 in 'w.bin', which has 16 bytes/],
    [{ location: 'w.bin', length: 4 }, /must have 8 bytes of numbers, 4 came/],
    [{ location: 'sub.bin' }, /cannot be read: it is no regular file/],
    [{ location: '.' }, /a link out of the model's folder/],
  ])('are not read from %j', async (place, message) => {
    expect(await rejected(load(place), 'CORRUPT_FILE')).toMatch(message)
  })

  it('a path that is not there is an argument that is wrong', async () => {
    expect(await rejected(importOnnx('importModel', join(folder, 'none.onnx')))).toMatch(/cannot read/)
    expect(await rejected(importOnnx('importModel', folder))).toMatch(/cannot read/)
  })
})
