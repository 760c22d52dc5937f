// What is measured, as plain data, which every peer gets. T steps, B rows, H units; I inputs are as many unless said.

const layer = (kind, group, [steps, batch, hidden], more = {}) => ({
  id: `${kind} T${steps} B${batch} H${hidden}`,
  kind,
  group,
  steps,
  batch,
  hidden,
  input: hidden,
  ...more,
})
// rows for the README and the chart
const headlines = new Set([
  'forward T1 B1 H512',
  'forward T50 B1 H128',
  'forward T50 B4 H512',
  'forward T50 B64 H128',
  'forward T50 B64 H256',
  'forward+backward T50 B1 H128',
  'forward+backward T50 B32 H64',
  'forward+backward T50 B64 H256',
  'training step T50 B32 H128',
  'training step T50 B32 H256',
  'forward T3 B5 I12 H20', // of the tiny ones
  'forward+backward T3 B5 I12 H20',
])
const both = (group, shape, more) => ['forward', 'forward+backward'].map((kind) => layer(kind, group, shape, more))

// One or a few rows, as when answering a request
const inference = [
  ...[1, 4].flatMap((batch) => [64, 128, 256, 512, 1024].map((hidden) => [50, batch, hidden])),
  [1, 1, 64],
  [1, 1, 256],
  [1, 1, 512],
  [1, 4, 512],
]
const throughput = [
  [50, 64, 64],
  [50, 64, 128],
  [50, 64, 256],
  [25, 64, 512],
  [25, 32, 512],
  [10, 64, 1024],
]
// DeepBench's server set has 187 to 1500 steps: fewer here, so that one pass takes less than about a second
const deepbench = [
  ...[100, 50, 10].flatMap((steps, i) => [1, 2, 4].map((batch) => [steps, batch, [1024, 1536, 2816][i]])),
  [1, 2, 512], // 1 and 4 rows: above
]
const training = [
  [50, 1, 128],
  ...[32, 64].flatMap((batch) => [64, 128, 256, 512].map((hidden) => [hidden === 512 ? 25 : 50, batch, hidden])),
  [10, 64, 1024],
]
const isSlow = ([steps, batch, hidden]) => steps === 50 && ((batch === 1 && hidden === 128) || (batch === 64 && hidden === 64))

// A whole training step: fitSteps of them are one call to fit. Every row has `steps` steps, or shortest to longest.
const classifier = (units, batch, { steps = 50, fitSteps = 8 } = {}) => ({
  id: `training step T${steps} B${batch} H${units}`,
  kind: 'training',
  group: 'training step',
  model: 'classifier',
  vocabulary: 1000,
  embedding: units,
  units,
  classes: 32,
  batch,
  steps,
  fitSteps,
})
const trainingSteps = [
  classifier(64, 32),
  classifier(128, 32),
  classifier(128, 64),
  classifier(256, 32, { fitSteps: 4 }),
  classifier(512, 32, { fitSteps: 2 }),
  {
    id: 'training step: embedding, bidirectional GRU 64, softmax 57, Adam, rows of 3 to 30 steps, B64',
    kind: 'training',
    group: 'training step',
    model: 'classifier',
    bidirectional: true,
    vocabulary: 1000,
    embedding: 32,
    units: 64,
    classes: 57,
    batch: 64,
    shortest: 3,
    longest: 30,
    fitSteps: 16,
  },
  {
    id: 'training step: GRU, dense 1, Adam T50 B32 I10 H64',
    kind: 'training',
    group: 'training step',
    model: 'regression',
    units: 64,
    batch: 32,
    steps: 50,
    inputs: 10,
    fitSteps: 16,
  },
]

const everything = {
  rows: [
    ...inference.map((shape) => layer('forward', 'inference', shape, { slow: isSlow(shape) })),
    // for the peers whose list of weights in peers.mjs has it
    ...[512, 1024].map((hidden) =>
      layer('forward', 'bfloat16 weights', [50, 1, hidden], { id: `forward T50 B1 H${hidden} bfloat16 weights`, weights: 'bfloat16' }),
    ),
    ...throughput.map((shape) => layer('forward', 'throughput', shape, { slow: isSlow(shape) })),
    ...deepbench.map((shape) => layer('forward', 'DeepBench', shape, { id: `DeepBench: forward T${shape[0]} B${shape[1]} H${shape[2]}` })),
    ...training.map((shape) => layer('forward+backward', 'forward+backward', shape)),
    ...trainingSteps,
  ],
  growth: {
    hidden: 128,
    T: { values: [10, 20, 50, 100, 200, 500, 1000], batch: 32 },
    B: { values: [8, 16, 32, 64, 128, 256, 512], steps: 50 },
  },
}

// every kind of row, at sizes that say nothing about speed
const tiny = {
  rows: [
    ...both('inference', [4, 1, 8], { slow: true }),
    ...both('throughput', [3, 5, 20], { input: 12, id: undefined }).map((row) => ({ ...row, id: `${row.kind} T3 B5 I12 H20` })),
    ...both('inference', [1, 2, 16]),
    classifier(8, 4, { steps: 3, fitSteps: 2 }),
    { ...trainingSteps.at(-2), id: 'training step: rows of 1 to 5 steps', batch: 4, units: 8, longest: 5, shortest: 1, fitSteps: 2 },
    { ...trainingSteps.at(-1), id: 'training step: GRU, dense 1', batch: 4, steps: 3, units: 8, fitSteps: 2 },
  ],
  growth: { hidden: 8, T: { values: [2, 4], batch: 2 }, B: { values: [1, 3], steps: 2 } },
}

const named = ({ rows, growth }) => ({ rows: rows.map((row) => ({ ...row, headline: headlines.has(row.id) })), growth })

export const workloads = { everything: named(everything), tiny: named(tiny) }
