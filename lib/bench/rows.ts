// What is measured: rows of a shape, a mode and how the engine computes them.
import type { GruAlgorithm, Precision } from '../engine-options.js'
import { check } from '../errors.js'

export const modes = ['forward', 'training', 'step', 'call'] as const
/** `training` is forward and backward, `step` a whole training step of a small model, `call` inference from and to the host's values. */
export type Mode = (typeof modes)[number]

/** H, I, B, T, L, D. */
export interface Shape {
  hidden: number
  input: number
  batch: number
  steps: number
  layers: number
  directions: number
}

export interface Row {
  mode: Mode
  shape: Shape
  precision: Precision
  algorithm: GruAlgorithm
  graphs: boolean
}

export const lists = ['short', 'deepbench', 'deepbench-training', 'deepbench-server'] as const
export type List = (typeof lists)[number]

/** What the command's options ask for; absent: the defaults. */
export interface Selection {
  list?: List | undefined
  hidden?: readonly number[] | undefined
  input?: readonly number[] | undefined
  batch?: readonly number[] | undefined
  steps?: readonly number[] | undefined
  layers?: readonly number[] | undefined
  directions?: readonly number[] | undefined
  modes?: readonly Mode[] | undefined
  precisions: readonly Precision[]
  algorithms: readonly GruAlgorithm[]
  graphs: boolean
}

const mostRows = 10_000
const layerModes: readonly Mode[] = ['forward', 'training']
const usualModes: readonly Mode[] = [...layerModes, 'step']

/** Shapes that share their modes: all that they can be measured in, and the usual ones. */
interface Group {
  shapes: readonly Shape[]
  possible: readonly Mode[]
  usual: readonly Mode[]
}

/** One layer, one direction, as many inputs as units. */
const plain = (steps: number, batch: number, hidden: number): Shape => ({ hidden, input: hidden, batch, steps, layers: 1, directions: 1 })

const deepbenchSteps = [1500, 750, 375, 187]
const trainingShapes = [
  ...[2816, 2560, 2048, 1536].flatMap((hidden) => deepbenchSteps.map((steps) => plain(steps, 32, hidden))),
  plain(1500, 32, 1024),
  plain(1500, 64, 1024),
  plain(1, 32, 512),
]
const serverShapes = [
  ...[1536, 2048, 2560, 2816].flatMap((hidden) => deepbenchSteps.map((steps) => [steps, hidden] as const)),
  [1500, 1024] as const,
  [1, 512] as const,
].flatMap(([steps, hidden]) => [1, 2, 4].map((batch) => plain(steps, batch, hidden)))

const training: Group = { shapes: trainingShapes, possible: modes, usual: layerModes }
const server: Group = { shapes: serverShapes, possible: ['forward', 'call'], usual: ['forward'] }
const deepbenchHeads = trainingShapes.filter(
  ({ steps, batch, hidden }) => steps === 1 || (steps === 1500 && batch === 32 && hidden !== 2560),
)
const shortOf = {
  cpu: [{ shapes: [plain(50, 1, 128), plain(50, 32, 64), plain(50, 64, 128), plain(25, 32, 256)], possible: modes, usual: usualModes }],
  cuda: [
    { shapes: [plain(50, 32, 128), plain(100, 64, 256), plain(100, 64, 512)], possible: modes, usual: usualModes },
    { shapes: deepbenchHeads, possible: modes, usual: layerModes },
  ],
}

/**
 * The rows in the order they are measured in.
 *
 * @param device - whose short list is meant where nothing else is asked for
 * @throws GrusError INVALID_ARGUMENT for a list together with sizes, for no rows and for too many
 */
export function rowsOf(where: string, selection: Selection, device: 'cpu' | 'cuda'): Row[] {
  const groups = groupsOf(where, selection, device)
  const count = groups.reduce((sum, { shapes }) => sum + shapes.length, 0) * selection.precisions.length * selection.algorithms.length
  check(count <= mostRows, where, `these lists make more than ${mostRows} rows: give fewer values`)
  const { graphs } = selection
  const rows = selection.precisions.flatMap((precision) =>
    selection.algorithms.flatMap((algorithm) =>
      groups.flatMap(({ shapes, possible, usual }) => {
        const some = selection.modes?.filter((mode) => possible.includes(mode)) ?? usual
        return shapes.flatMap((shape) => some.map((mode): Row => ({ mode, shape, precision, algorithm, graphs })))
      }),
    ),
  )
  check(rows.length > 0, where, `the list '${selection.list}' has no rows of mode ${selection.modes?.join(', ')}`)
  return rows
}

function groupsOf(where: string, { list, ...selection }: Selection, device: 'cpu' | 'cuda'): readonly Group[] {
  const given = (['hidden', 'input', 'batch', 'steps', 'layers', 'directions'] as const).filter((size) => selection[size] !== undefined)
  if (given.length === 0) {
    return { short: shortOf[device], deepbench: [training, server], 'deepbench-training': [training], 'deepbench-server': [server] }[
      list ?? 'short'
    ]
  }
  check(list === undefined, where, `--list has sizes of its own: leave out --${given[0]} or --list`)
  const { hidden = [256], input, batch = [32], steps = [50], layers = [1], directions = [1] } = selection
  const sizes = [hidden, input ?? [0], batch, steps, layers, directions].reduce((product, { length }) => product * length, 1)
  check(sizes <= mostRows, where, `these lists make more than ${mostRows} rows: give fewer values`)
  const shapes = hidden.flatMap((H) =>
    (input ?? [H]).flatMap((I) =>
      batch.flatMap((B) =>
        steps.flatMap((T) =>
          layers.flatMap((L) => directions.map((D): Shape => ({ hidden: H, input: I, batch: B, steps: T, layers: L, directions: D }))),
        ),
      ),
    ),
  )
  return [{ shapes, possible: modes, usual: usualModes }]
}

/** `training T50 B32 H128 float32`; what is as usual goes without saying. */
export function nameOf({ mode, shape, precision, algorithm, graphs }: Row): string {
  return [mode, sizesOf(shape), precision, ...(algorithm === 'heuristic' ? [] : [algorithm]), ...(graphs ? [] : ['no graphs'])].join(' ')
}

export function sizesOf({ hidden, input, batch, steps, layers, directions }: Shape): string {
  const inputs = input === hidden ? '' : ` I${input}`
  return `T${steps} B${batch}${inputs} H${hidden}${layers === 1 ? '' : ` L${layers}`}${directions === 1 ? '' : ` D${directions}`}`
}
