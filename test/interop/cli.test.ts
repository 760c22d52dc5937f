// grus import, export and inspect: the compiled command, from the outside.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bidirectional, dense, embedding, gru, loadModel, sequential, textVectorizer } from '../../lib/index.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const command = join(root, JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).bin.grus)
const folder = mkdtempSync(join(tmpdir(), 'grus-convert-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)

function grus(...args: string[]): Promise<{ status: unknown; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [command, ...args], (error, stdout, stderr) => {
      done({ status: error ? error.code : 0, stdout, stderr })
    })
  })
}

beforeAll(async () => {
  using model = sequential(
    [embedding({ inputDim: 12, outputDim: 3 }), bidirectional(gru({ units: 4 })), dense({ units: 2, activation: 'softmax' })],
    { seed: 5, name: 'moods', device: 'cpu' },
  )
  await model.save(at('model.safetensors'))
  const words = textVectorizer({ level: 'word' })
  words.adapt(['one two three'])
  model.tokenizer = words
  await model.save(at('words.safetensors'))
})

async function weightsOf(name: string): Promise<Map<string, number[]>> {
  using model = await loadModel(at(name), { device: 'cpu' })
  return new Map([...(await model.getWeights())].map(([key, { data }]) => [key, [...data]]))
}

describe.each([
  ['onnx', '.onnx'],
  ['pytorch', '.pt'],
  ['keras', '.keras'],
])('export --to %s, and import of what it wrote', (format, extension) => {
  test('give the model back, with the same bytes of weights', async () => {
    const file = at(`model${extension}`)
    expect(await grus('export', at('model.safetensors'), '--to', format)).toEqual({ status: 0, stdout: `written to ${file}\n`, stderr: '' })
    const { status, stdout, stderr } = await grus('import', file, '-o', at(`${format}.safetensors`))
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain(`written to ${at(`${format}.safetensors`)}\n`)
    const [before, after] = [await weightsOf('model.safetensors'), await weightsOf(`${format}.safetensors`)]
    expect([...after.values()]).toEqual([...before.values()])
  })

  test('inspect shows its layers and their parameters', async () => {
    const { status, stdout } = await grus('inspect', at(`model${extension}`))
    expect(status).toBe(0)
    expect(stdout).toContain(`format: ${format}\ninput: ids [B, T] below 12\n`)
    expect(stdout).toMatch(/\(bidirectional\) +\[B, 8\] +216/)
    expect(stdout).toContain('Total params: 270')
    const { stdout: json } = await grus('inspect', at(`model${extension}`), '--json')
    expect(JSON.parse(json)).toMatchObject({ format, model: { inputSize: 12, parameters: 270 } })
  })
})

test('export says what has no place in the other format', async () => {
  const { status, stderr } = await grus('export', at('words.safetensors'), '--to', 'onnx')
  expect({ status, stderr }).toEqual({ status: 0, stderr: `tokenizer: not part of this format, still in ${at('words.safetensors')}\n` })
})

test('export --to pytorch --module writes the module too', async () => {
  const { status, stdout } = await grus(
    'export',
    at('model.safetensors'),
    '--to',
    'pytorch',
    '-o',
    at('state.safetensors'),
    '--module',
    at('module.py'),
  )
  expect({ status, stdout }).toEqual({ status: 0, stdout: `written to ${at('state.safetensors')}\nwritten to ${at('module.py')}\n` })
  expect(readFileSync(at('module.py'), 'utf8')).toContain('nn.GRU(3, 4')
})

describe('inspect', () => {
  test('a model of our own', async () => {
    const { status, stdout } = await grus('inspect', at('model.safetensors'))
    expect(status).toBe(0)
    expect(stdout).toContain('format: grus\ninput: ids [B, T] below 12\nModel: moods\n')
    expect(stdout).toMatch(/bidirectional\.weight_hh_l0_reverse +\[12, 4\]/)
  })

  test('weights without layers', async () => {
    await grus('export', at('model.safetensors'), '--to', 'keras', '-o', at('only.weights.h5'))
    const { status, stdout } = await grus('inspect', at('only.weights.h5'))
    expect(status).toBe(0)
    expect(stdout).toMatch(
      /^format: hdf5\nfound:\n- no model follows [^\n]*call model\.loadWeights[^\n]*\narrays:\n[\s\S]*\[12, 3\]\n[\s\S]*numbers: 270\n$/,
    )
  })
})

describe('what goes wrong is one line and status 1', () => {
  test.each([
    ['a file that is not there', ['inspect', 'nowhere.onnx'], /^\[grus inspect\] cannot read 'nowhere.onnx': ENOENT.*\n$/],
    [
      'a file of something else',
      ['inspect', join(root, 'LICENSE')],
      /^\[grus inspect\] .*LICENSE: expected a model of grus, PyTorch, Keras, .*\n$/,
    ],
    ['a model of our own to import', ['import', at('model.safetensors'), '-o', at('x')], /loadModel reads it\n$/],
    [
      'a model of another framework to export',
      ['export', at('model.onnx'), '--to', 'keras'],
      /^\[grus export\] .*model\.onnx must be a model of grus, got one of format 'onnx': grus import makes one of it\n$/,
    ],
    [
      'a format that there is not',
      ['import', at('model.onnx'), '-o', at('x'), '--from', 'foo'],
      /^\[grus import\] format must be one of 'keras', .*got 'foo'\n$/,
    ],
    [
      'another format than it is',
      ['import', at('model.onnx'), '-o', at('x'), '--from', 'keras'],
      /^\[grus import\] format is 'keras', but .* 'onnx'\n$/,
    ],
    [
      'an export onto the model',
      ['export', at('model.safetensors'), '--to', 'pytorch', '-o', at('model.safetensors')],
      /is the name of two files/,
    ],
    ['an import onto the file', ['import', at('model.onnx'), '-o', at('model.onnx')], /is the name of two files/],
    [
      'an extension of another format',
      ['export', at('model.safetensors'), '--to', 'onnx', '-o', at('x.pt')],
      /^\[grus export\] path must end in \.onnx, got '.*x\.pt'\n$/,
    ],
    ['a format that there is not', ['export', at('model.safetensors'), '--to', 'caffe'], /Allowed choices are onnx, pytorch, keras/],
    ['no output', ['import', at('model.onnx')], /required option '-o, --output <file>' not specified\n$/],
    [
      'an option of another format',
      ['import', at('model.onnx'), '-o', at('x'), '--return-sequences'],
      /^\[grus import\] pytorch: these options do not belong to .*'onnx'\n$/,
    ],
  ])('%s', async (_, args, message) => {
    const { status, stdout, stderr } = await grus(...args)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(message)
  })

  test('a damaged file leaves nothing behind', async () => {
    writeFileSync(at('cut.onnx'), readFileSync(at('model.onnx')).subarray(0, 700))
    const { status, stderr } = await grus('import', at('cut.onnx'), '-o', at('cut.safetensors'))
    expect({ status, stderr: /^\[grus import\] .*cut\.onnx: .*\n$/.test(stderr) }).toEqual({ status: 1, stderr: true })
    expect(() => readFileSync(at('cut.safetensors'))).toThrow('ENOENT')
  })
})
