// What a record of a GPU is held against, in the one place where the figures stand: judge.mjs judges by them, the table of docs/gpu.md is
// made of them, and test/gpu/parity.test.ts takes its tolerances from here.

/**
 * The largest difference from the CPU engine that a precision may have, as a part of 1 + the magnitude of the value. float32: sums of up to
 * 512 products in another order, and other exponentials; 16 bits: 8 or 11 bits of mantissa through the steps. Gradients are sums over all
 * steps and rows, and are measured in units of the largest of their tensor.
 */
export const parityTolerances = {
  float32: { forward: 1e-5, gradients: 1e-4 },
  tf32: { forward: 5e-3, gradients: 2e-2 },
  bfloat16: { forward: 5e-2, gradients: 1.5e-1 },
  float16: { forward: 1e-2, gradients: 4e-2 },
}

/**
 * A trial of an algorithm counts where it gives standard's results, as a part of each tensor's largest value, and the same bits again; it
 * is worth a rule from this many times standard's speed on.
 */
export const worthIt = 1.05
export { tolerances as trialTolerances } from '../../bench/gpu/agreement.mjs'

/** The rule of native/cuda/gru/algorithms.cc: up to this many units and rows cuDNN's persistent kernel for small sizes is taken. */
export const smallHLimits = [
  { hidden: 64, batch: 64 },
  { hidden: 128, batch: 48 },
  { hidden: 192, batch: 8, inference: true },
]

const part = (name, says) => ({ id: name, kind: 'part', part: name, goal: says })
const long = { from: 50 } // steps: what a call costs beside its steps has a goal of its own

/**
 * `rows` says which rows of bench:gpu a goal is about: their kind, precisions, training, numbers of steps and units. A ratio is the other's
 * median time over that of grus: above 1, grus is faster. It must be reached on every row.
 */
export const goals = [
  part('programs', 'the C++ programs of test/cuda pass'),
  part('suites', 'the suites of every device pass'),
  part('gpu', 'test/gpu passes at full size'),
  part('leak', '10,000 training steps leave memory as it was'),
  part('sanitizer', 'compute-sanitizer finds no wrong access'),
  ...Object.entries(parityTolerances).map(([precision, most]) => ({
    id: `parity, ${precision}`,
    kind: 'parity',
    precision,
    most,
    goal: `random GRUs in ${precision} are those of the CPU engine`,
  })),
  { id: 'answers', kind: 'answers', goal: "every open point of cuDNN's documentation is answered" },
  { id: 'assumptions', kind: 'assumptions', goal: 'no answer is other than the engine assumes' },
  { id: 'agreement', kind: 'agreement', goal: 'whatever is timed computes the same as its peers' },
  { id: 'graphs', kind: 'graphs', goal: 'what is to be replayed is captured and replayed' },
  {
    id: 'cuDNN, float32 and tf32',
    kind: 'ratio',
    rows: { kind: 'call', precisions: ['float32', 'tf32'], steps: long },
    ours: 'grus standard',
    theirs: "cuDNN's calls",
    atLeast: 0.95,
    goal: "a GRU takes hardly more than cuDNN's own calls with the same algorithm",
  },
  {
    id: 'cuDNN, 16 bits',
    kind: 'ratio',
    rows: { kind: 'call', precisions: ['bfloat16', 'float16'], steps: long },
    ours: 'grus standard',
    theirs: "cuDNN's calls",
    atLeast: 0.9,
    goal: 'the same, with the conversions from and to float32',
  },
  {
    id: 'PyTorch graphed',
    kind: 'ratio',
    rows: { kind: 'step' },
    ours: 'grus heuristic',
    theirs: 'torch graph',
    atLeast: 0.95,
    goal: 'a training step is on a par with that of PyTorch replayed from a CUDA graph',
  },
  {
    id: 'PyTorch eager',
    kind: 'ratio',
    rows: { kind: 'step', except: { precision: 'float32', above: 256 } },
    ours: 'grus heuristic',
    theirs: 'torch eager',
    atLeast: 1.3,
    goal: 'a training step is ahead of that of PyTorch as it is usually written',
  },
  {
    id: 'PyTorch eager, large float32',
    kind: 'ratio',
    rows: { kind: 'step', precisions: ['float32'], hidden: { above: 256 } },
    ours: 'grus heuristic',
    theirs: 'torch eager',
    atLeast: 1,
    goal: 'the same, where the products in float32 alone fill the GPU',
  },
  {
    id: 'latency beside PyTorch graphed',
    kind: 'ratio',
    rows: { kind: 'latency' },
    ours: 'grus heuristic',
    theirs: 'torch graph',
    atLeast: 0.95,
    goal: 'inference from host to host is on a par with a graph of PyTorch',
  },
  {
    id: 'latency beside PyTorch eager',
    kind: 'ratio',
    rows: { kind: 'latency' },
    ours: 'grus heuristic',
    theirs: 'torch eager',
    atLeast: 1.3,
    goal: 'and ahead of PyTorch as it is usually written',
  },
  {
    id: 'latency of one step',
    kind: 'time',
    rows: { kind: 'latency', steps: { upTo: 1 }, batch: { upTo: 1 }, hidden: { upTo: 256 } },
    ours: 'grus heuristic',
    series: 'latency',
    atMost: 100,
    goal: 'one step of one row, from host to host',
  },
  {
    id: 'host time of a pass',
    kind: 'time',
    rows: { kind: 'call', training: true },
    ours: 'grus heuristic',
    series: 'host',
    atMost: 20,
    goal: 'enqueuing a replayed forward and backward pass',
  },
  {
    id: 'host time of a step',
    kind: 'time',
    rows: { kind: 'step' },
    ours: 'grus heuristic',
    series: 'cpu',
    atMost: 100,
    goal: 'processor time of a replayed training step, of all threads',
  },
]

const between = (value, { from = 0, above = Number.NEGATIVE_INFINITY, upTo = Number.POSITIVE_INFINITY } = {}) =>
  value >= from && value > above && value <= upTo

/** Whether a goal is about a row of bench:gpu. */
export function isAbout({ kind, precisions, training, steps, batch, hidden, except }, row) {
  const kept =
    row.kind === kind &&
    (!precisions || precisions.includes(row.precision)) &&
    (training === undefined || row.training === training) &&
    between(row.steps, steps) &&
    between(row.batch, batch) &&
    between(row.hidden, hidden)
  return kept && !(except && row.precision === except.precision && row.hidden > except.above)
}

/** The figure of a goal, as the tables have it. */
export function figureOf({ kind, most, ours, theirs, atLeast, atMost }) {
  if (kind === 'parity') return `within ${most.forward}, gradients ${most.gradients}`
  if (kind === 'ratio') return `${theirs} / ${ours} ≥ ${atLeast}`
  if (kind === 'time') return `≤ ${atMost} µs`
  return 'all'
}
