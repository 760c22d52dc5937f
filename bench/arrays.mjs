// The arrays of a workload, drawn here once and handed over as files, so that all compute the same numbers.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Draws the arrays into files of a folder. Returns what a peer needs to read them: { name: { file, shape, dtype } }. */
export function writeArrays(workload, folder) {
  const random = generator(12345)
  const arrays = workload.kind === 'training' ? modelArrays(workload, random) : layerArrays(workload, random)
  return Object.fromEntries(
    Object.entries(arrays).map(([name, { shape, data }]) => {
      const file = join(folder, `${name}.bin`)
      writeFileSync(file, data)
      return [name, { file, shape, dtype: data instanceof Int32Array ? 'int32' : 'float32' }]
    }),
  )
}

function layerArrays({ kind, steps, batch, input, hidden }, random) {
  const x = normal(random, [steps, batch, input])
  const backward = kind === 'forward' ? {} : { dy: normal(random, [steps, batch, hidden]) }
  return { x, ...backward, ...gruWeights(random, '', ['l0'], input, hidden) }
}

function modelArrays(workload, random) {
  const { model, batch, units, fitSteps } = workload
  const rows = batch * fitSteps
  if (model === 'regression') {
    const { steps, inputs } = workload
    return {
      x: normal(random, [rows, steps, inputs]),
      y: normal(random, [rows, 1]),
      ...gruWeights(random, 'weights.gru.', ['l0'], inputs, units),
      ...denseWeights(random, units, 1),
    }
  }
  const { vocabulary, embedding, classes, bidirectional, steps, shortest, longest } = workload
  const x = integers(random, [rows, steps ?? longest], 1, vocabulary - 1)
  const lengths = steps ? undefined : integers(random, [rows], shortest, longest)
  if (lengths) for (let at = 0; at < x.data.length; at++) if (at % longest >= lengths.data[Math.floor(at / longest)]) x.data[at] = 0
  return {
    x,
    ...(lengths && { lengths }),
    y: integers(random, [rows], 0, classes - 1),
    'weights.embedding.weight': normal(random, [vocabulary, embedding]),
    ...gruWeights(random, 'weights.gru.', bidirectional ? ['l0', 'l0_reverse'] : ['l0'], embedding, units),
    ...denseWeights(random, (bidirectional ? 2 : 1) * units, classes),
  }
}

function gruWeights(random, prefix, suffixes, inputs, units) {
  const bound = 1 / Math.sqrt(units)
  const shapes = { weight_ih: [3 * units, inputs], weight_hh: [3 * units, units], bias_ih: [3 * units], bias_hh: [3 * units] }
  const named = suffixes.flatMap((suffix) =>
    Object.entries(shapes).map(([name, shape]) => [`${prefix || 'weights.'}${name}_${suffix}`, uniform(random, shape, bound)]),
  )
  return Object.fromEntries(named)
}

function denseWeights(random, inputs, outputs) {
  const bound = 1 / Math.sqrt(inputs)
  return { 'weights.dense.weight': uniform(random, [outputs, inputs], bound), 'weights.dense.bias': uniform(random, [outputs], bound) }
}

function filled(Type, shape, draw) {
  const data = new Type(shape.reduce((product, size) => product * size, 1))
  for (let i = 0; i < data.length; i++) data[i] = draw()
  return { shape, data }
}
const uniform = (random, shape, bound) => filled(Float32Array, shape, () => (2 * random() - 1) * bound)
const normal = (random, shape) =>
  filled(Float32Array, shape, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
const integers = (random, shape, low, high) => filled(Int32Array, shape, () => low + Math.floor(random() * (high - low + 1)))

/** Numbers from 0 to below 1: mulberry32. */
function generator(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
