// Who computes a row, and how. `worker` names the process; the other fields are what it is told.

const plan = (algorithm, graphs) => ({
  worker: 'native',
  name: `grus ${algorithm}${graphs ? '' : ', no graphs'}`,
  subject: 'plan',
  algorithm,
  graphs: Number(graphs),
})
const raw = (graphs) => ({
  worker: 'native',
  name: `cuDNN's calls${graphs ? '' : ', no graphs'}`,
  subject: 'raw',
  algorithm: 'standard',
  graphs: Number(graphs),
})
const grus = (algorithm, graphs) => ({ worker: 'grus', name: `grus ${algorithm}${graphs ? '' : ', no graphs'}`, algorithm, graphs })
// torch.compile may take minutes or hang: it has a process of its own
const torch = (mode) => ({ worker: mode.startsWith('compile') ? 'torch-compile' : 'torch', name: `torch ${mode}`, mode })

/** What is timed where: the metric that rows are compared by. */
export const metrics = { call: 'device', latency: 'latency', step: 'step' }

/** What `--subjects` picks of, in their order, and what `--torch` does. */
export const algorithms = ['heuristic', 'standard', 'autotune']
export const modes = ['eager', 'graph', 'compile', 'compile-rnn']

/** `picked`: some of the algorithms; what has no graphs is there to show what they bring, and comes with its algorithm. */
export function subjectsOf({ kind, precision }, picked, torchModes) {
  const [make, plain] = kind === 'call' ? [plan, 'standard'] : [grus, 'heuristic']
  const all = algorithms.filter((name) => picked.includes(name)).map((name) => make(name, true))
  if (picked.includes(plain)) all.push(make(plain, false))
  if (kind === 'call') all.push(raw(true), raw(false))
  const compiles = kind === 'step' && (precision === 'float32' || precision === 'bfloat16')
  return [...all, ...torchModes.filter((mode) => !mode.startsWith('compile') || compiles).map(torch)]
}
