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

export function subjectsOf({ kind, precision }, torchModes) {
  const ours = kind === 'call' ? [plan] : [grus]
  const all = ours.flatMap((make) => [make('heuristic', true), make('standard', true), make('autotune', true)])
  if (kind === 'call') all.push(plan('standard', false), raw(true), raw(false))
  else all.push(grus('heuristic', false))
  const compiles = kind === 'step' && (precision === 'float32' || precision === 'bfloat16')
  const modes = torchModes.filter((mode) => !mode.startsWith('compile') || compiles)
  return [...all, ...modes.map(torch)]
}
