// The layers found in a graph, each a source of values; together the chain that becomes a sequential model.
import type { Activation } from '../../spec/types.js'
import { OnnxUnsupported } from './faults.js'
import type { Atom, Numbers, View } from './values.js'
import { showAxes } from './views.js'

/** Where a thing stands in the graph, for messages: `node 'n' (GRU)`. */
export type Place = string

/** One direction of a GRU node, in ONNX' gate order z, r, h. */
export interface GruDirection {
  /** [3H, I] */
  w: Numbers
  /** [3H, H] */
  r: Numbers
  /** [6H] */
  b: Numbers | undefined
  recurrentActivation: Activation
  activation: Activation
}

export interface GruNode {
  place: Place
  units: number
  resetAfter: boolean
  clip: number | undefined
  direction: 'forward' | 'reverse' | 'bidirectional'
  /** Forward first. */
  directions: GruDirection[]
  x: Taken
  batch: Atom
  time: Atom
  /** The graph's input with a length for each row. */
  lengths: string | undefined
  /** The graph's input that the first state is, from which of its layers on. */
  initial: { input: string; from: number } | undefined
  /** Atoms of what comes out; without `directionAtom` there is one direction. */
  directionAtom: Atom | undefined
  hidden: Atom
}

/** A value whose last features a layer takes, with its axes told apart. */
export interface Taken {
  view: View
  /** Batch and time in the order of the view's axes, several in one axis where they were merged; none of size 1 without a label. */
  leading: Atom[][]
  features: Atom[]
}

export interface Layer {
  place: Place
  /** What goes in. */
  x: Taken
  /** What comes out in place of x's features; the leading axes stay. */
  features: Atom[]
}

export type Source =
  | { kind: 'input'; place: Place; name: string; ids: boolean; atoms: Atom[] }
  /** Places begin .. end - 1 of an input's axis, in an atom of their own. */
  | { kind: 'part'; of: Extract<Source, { kind: 'input' }>; place: Place; from: number; atoms: Atom[] }
  | { kind: 'sequences'; place: Place; gru: GruNode }
  | { kind: 'state'; place: Place; gru: GruNode }
  /** Both directions of a GRU as one, feature by feature. */
  | { kind: 'merged'; place: Place; of: Extract<Source, { kind: 'sequences' | 'state' }>; mode: 'sum' | 'mul' | 'ave' }
  | ({ kind: 'embedding'; table: Numbers } & Layer)
  /** weight [O, I] */
  | ({ kind: 'dense'; weight: Numbers; bias: Numbers | undefined } & Layer)
  | ({ kind: 'layerNormalization'; epsilon: number; gamma: Numbers | undefined; beta: Numbers | undefined } & Layer)
  | ({ kind: 'softmax' } & Layer)
  /** What a layer normalization computes on its way. */
  | {
      kind: 'moment'
      place: Place
      x: Taken
      step: 'mean' | 'centred' | 'square' | 'variance' | 'guarded' | 'deviation'
      epsilon: number
    }
  /** Element by element: axes are those of what goes in. */
  | { kind: 'activation'; place: Place; of: Source; activation: Activation }

/** The features of what comes out, undefined for the graph's own inputs, any axis of which may be them. */
export function featuresOf(given: Source): Atom[] | undefined {
  const source = beforeActivations(given)
  switch (source.kind) {
    case 'input':
    case 'part':
      return undefined
    case 'sequences':
    case 'state':
      return source.gru.directionAtom ? [source.gru.directionAtom, source.gru.hidden] : [source.gru.hidden]
    case 'merged':
      return [source.of.gru.hidden]
    case 'moment':
      return source.x.features
    default:
      return source.features
  }
}

/** What activations are of: a graph may have any number of them in a row, so that nothing here calls itself. */
export function beforeActivations(source: Source): Exclude<Source, { kind: 'activation' }> {
  let at = source
  while (at.kind === 'activation') at = at.of
  return at
}

/**
 * What a layer that takes features along this axis finds there.
 *
 * @throws OnnxUnsupported unless all features, and nothing else, lie there
 */
export function takeFeatures(view: View, axis: number): Taken {
  const features = view.axes[axis]!
  const wanted = featuresOf(view.source)?.filter((atom) => !view.fixed.has(atom))
  const fits = wanted ? wanted.length === features.length && wanted.every((atom, i) => atom === features[i]) : features.length === 1
  if (!fits) {
    const expected = wanted ? wanted.map(({ name }) => name).join(' x ') || 'one number' : 'one axis of the input'
    throw new OnnxUnsupported(`takes features along axis ${axis} of ${showAxes(view)}, where ${expected} must lie`)
  }
  if (view.reversed && features.includes(view.reversed)) throw new OnnxUnsupported('takes features that were turned around')
  return { view, leading: view.axes.toSpliced(axis, 1).filter((atoms) => atoms.length > 0), features }
}
