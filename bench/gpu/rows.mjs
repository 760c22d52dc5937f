// What is measured, the most important first: the run may end before the last. Kinds:
//   call     one GRU, everything on the device: forward, or with training forward and backward
//   latency  inference through the public class, from values on the host to values on the host
//   step     a training step: embedding, GRU, dense layer, Adam

const precisions = ['float32', 'bfloat16', 'float16', 'tf32']

const sizes = ({ steps, batch, hidden }) => `T${steps} B${batch} H${hidden}`
const withId = (row) => ({ id: `${row.group}: ${row.what} ${sizes(row)} ${row.precision}`, ...row })
const call = (group, training, steps, batch, hidden, precision) =>
  withId({ group, kind: 'call', what: training ? 'forward+backward' : 'forward', training, steps, batch, input: hidden, hidden, precision })

// H, B and the numbers of steps of DeepBench's trainings; one more of its rows is the fixed cost of a call
const everySteps = [1500, 750, 375, 187]
const deepbenchTraining = [
  [2816, 32, everySteps],
  [2560, 32, everySteps],
  [2048, 32, everySteps],
  [1536, 32, everySteps],
  [1024, 32, [1500]],
  [1024, 64, [1500]],
  [512, 32, [1]],
].flatMap(([hidden, batch, all]) => all.map((steps) => ({ steps, batch, hidden })))
const deepbenchServer = [1536, 2048, 2560, 2816]
  .flatMap((hidden) => everySteps.map((steps) => ({ hidden, steps })))
  .concat({ hidden: 1024, steps: 1500 }, { hidden: 512, steps: 1 })
  .flatMap((row) => [1, 2, 4].map((batch) => ({ ...row, batch })))

const shapes = { float32: 0, float16: 0.5, bfloat16: 1, tf32: 2 }
const headlines = [1024, 1536, 2816]
const isHeadline = ({ steps, hidden }) => steps === 1500 && headlines.includes(hidden) // long runs say most

const step = ({ steps, batch, hidden }, precision, sizes) =>
  withId({ group: 'step', kind: 'step', what: 'training step', training: true, steps, batch, input: hidden, hidden, precision, ...sizes })

function training() {
  const layers = [
    { steps: 50, batch: 32, hidden: 128 },
    { steps: 100, batch: 64, hidden: 256 },
    { steps: 100, batch: 64, hidden: 512 },
  ]
  const sizes = { vocabulary: 1000, classes: 57, fitSteps: 100 }
  return precisions.flatMap((precision, order) => layers.map((layer) => ({ rank: order * 2, ...step(layer, precision, sizes) })))
}

function latency() {
  const all = ['float32', 'float16'].flatMap((precision, order) =>
    [1, 4].flatMap((batch) =>
      [50, 1].flatMap((steps) => [64, 128, 256, 512, 1024].map((hidden) => ({ precision, order, batch, steps, hidden }))),
    ),
  )
  return all.map(({ order, ...row }) => ({
    rank: (row.batch === 1 ? 1 : 7) + order * 4 + (row.hidden % 256 === 0 || row.hidden === 64 ? 0 : 0.5),
    ...withId({ group: 'latency', kind: 'latency', what: 'inference', training: false, ...row, input: row.hidden }),
  }))
}

function layers() {
  return precisions.flatMap((precision, order) =>
    [true, false].flatMap((training) =>
      [32, 64].flatMap((batch) =>
        [128, 256, 512].flatMap((hidden) =>
          [50, 100].map((steps) => ({
            rank: 1.5 + order * 3 + (training ? 0 : 1) + (batch === 64 || steps === 50 ? 0 : 0.5),
            ...call('layer', training, steps, batch, hidden, precision),
          })),
        ),
      ),
    ),
  )
}

function deepbench() {
  const train = (row, precision, training) => ({
    // that of one step is the fixed cost of a call; short times first
    rank: (row.steps === 1 ? 1 : isHeadline(row) ? 3 + row.hidden / 1e5 : 8) + shapes[precision],
    ...call('deepbench training', training, row.steps, row.batch, row.hidden, precision),
  })
  const serve = (row, precision) => ({
    rank: (isHeadline(row) && row.batch === 1 ? 6 : 10) + shapes[precision],
    ...call('deepbench server', false, row.steps, row.batch, row.hidden, precision),
  })
  return Object.keys(shapes).flatMap((precision) => [
    ...deepbenchTraining.flatMap((row) => [train(row, precision, true), train(row, precision, false)]),
    ...deepbenchServer.map((row) => serve(row, precision)),
  ])
}

/** For the simulation: each kind, in sizes that say nothing about speed. */
function tiny() {
  return [
    ...['float32', 'float16'].map((precision) =>
      step({ steps: 4, batch: 2, hidden: 8 }, precision, { vocabulary: 11, classes: 3, fitSteps: 4 }),
    ),
    withId({
      group: 'latency',
      kind: 'latency',
      what: 'inference',
      training: false,
      steps: 3,
      batch: 1,
      input: 8,
      hidden: 8,
      precision: 'float32',
    }),
    call('layer', true, 4, 2, 8, 'float32'),
    call('layer', true, 4, 2, 8, 'bfloat16'),
    call('deepbench training', false, 1, 2, 16, 'float16'),
    call('deepbench server', false, 3, 1, 16, 'tf32'),
  ].map((row) => ({ rank: 0, ...row }))
}

/** @returns rows whose id holds `only`, in the order in which they are to be measured */
export function rowsOf({ tiny: isTiny, only }) {
  const all = isTiny ? tiny() : [...training(), ...latency(), ...layers(), ...deepbench()]
  return all.filter(({ id }) => id.includes(only)).sort((a, b) => a.rank - b.rank)
}

// Where the heuristic's limits by batch and hidden size lie (native/cuda/gru/algorithms.cc).
const atTheLimits = [64, 96, 128].flatMap((hidden) =>
  [32, 48, 64, 128, 256].flatMap((batch) => [50, 100].map((steps) => ({ steps, batch, hidden }))),
)

/** Shapes for the sweep over cuDNN's algorithms: first those that decide the heuristic's limits, then those that trainings have. */
export function sweepOf({ tiny: isTiny }) {
  const grid = (all) =>
    all.map(([steps, batch, hidden, training, precision]) => ({ steps, batch, input: hidden, hidden, training, precision }))
  if (isTiny)
    return grid([
      [3, 2, 8, true, 'float32'],
      [3, 2, 8, false, 'float16'],
    ])
  const usual = (b, t) => (b === 32 || b === 64 ? 0 : 2) + (t === 50 ? 0 : 4)
  const sizes = [1, 8, 16, 32, 64, 128].flatMap((batch) =>
    [50, 500].flatMap((steps) =>
      [64, 128, 160, 192, 256, 512, 768, 1024, 1536, 2048].map((hidden) => ({ rank: usual(batch, steps), steps, batch, hidden })),
    ),
  )
  const isAtTheLimits = (size) => atTheLimits.some((other) => ['steps', 'batch', 'hidden'].every((name) => size[name] === other[name]))
  const all = ['float32', 'bfloat16', 'float16', 'tf32'].flatMap((precision, order) =>
    [true, false].flatMap((training) => {
      // bfloat16 has one algorithm: nothing depends on its limits
      const deciding = precision === 'bfloat16' ? [] : atTheLimits.map((size) => ({ rank: order === 0 ? -1 : 0, ...size }))
      const others = sizes.filter((size) => deciding.length === 0 || !isAtTheLimits(size))
      return [...deciding, ...others].map(({ rank, steps, batch, hidden }) => ({
        rank: rank + order + (training ? 0 : 1.5),
        row: [steps, batch, hidden, training, precision],
      }))
    }),
  )
  return grid(all.sort((a, b) => a.rank - b.rank).map(({ row }) => row))
}
