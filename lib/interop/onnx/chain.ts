// From the value that a graph puts out back to its input: the layers in their order.
import { OnnxUnsupported } from './faults.js'
import { known } from './sizes.js'
import { beforeActivations, featuresOf, type GruNode, type Source } from './sources.js'
import type { Atom, View } from './values.js'
import { canonical } from './views.js'

export interface GruLink {
  kind: 'gru'
  gru: GruNode
  sequences: boolean
  /** One of two directions alone, or how both are joined. */
  use: 'concat' | 'sum' | 'mul' | 'ave' | 'forward' | 'backward'
  /** The only direction runs backwards. */
  goBackwards: boolean
  /** Its returned sequence lies as x does. */
  aligned: boolean
}

export type Link = GruLink | Extract<Source, { kind: 'embedding' | 'dense' | 'layerNormalization' | 'softmax' | 'activation' }>

export interface Chain {
  input: Extract<Source, { kind: 'input' }>
  /** What the first layer takes. */
  view: View
  links: Link[]
}

/** More are no model, but a file made to keep its reader busy. */
const mostLayers = 1000

/** @throws OnnxUnsupported for what no chain of layers says */
export function chainOf(view: View): Chain {
  const links: Link[] = []
  let at = canonical(view)
  for (;;) {
    if (links.length > mostLayers) throw new OnnxUnsupported(`more than ${mostLayers} layers, one after the other`)
    const { source } = at
    if (source.kind === 'input') {
      checkWhole(at, source.place, [])
      return { input: source, view: at, links: links.reverse() }
    }
    if (source.kind === 'moment') {
      throw new OnnxUnsupported(`${source.place}: a ${source.step} of features by itself; a whole layer normalization can be read`)
    }
    if (source.kind === 'part') throw new OnnxUnsupported(`${source.place}: a part of an input is no model's input`)
    if (source.kind === 'activation') {
      links.push(source)
      at = canonical({ ...at, source: source.of })
    } else if (source.kind === 'sequences' || source.kind === 'state' || source.kind === 'merged') {
      const link = gruLink(at, source)
      links.push(link)
      const { reversed: _, ...straight } = source.kind === 'merged' ? source.of.gru.x.view : source.gru.x.view
      at = takesReversed(link.gru) ? straight : link.gru.x.view
    } else {
      checkFeatures(at, source.features, source.place)
      links.push(source)
      at = pushed(source.x.view, at)
    }
  }
}

/** The places and the order that were taken of what a layer puts out, taken of what goes into it. */
function pushed(into: View, out: View): View {
  const gone = new Set(out.fixed.keys())
  const axes = into.axes.map((axis) => axis.filter((atom) => !gone.has(atom)))
  const turned = into.reversed && out.reversed ? undefined : (into.reversed ?? out.reversed)
  const { reversed: _, ...rest } = into
  return canonical({ ...rest, axes, fixed: new Map([...into.fixed, ...out.fixed]), ...(turned && { reversed: turned }) })
}

/** Single features, or single rows, are no layer's output. */
function checkFeatures(view: View, features: readonly Atom[], place: string): void {
  const taken = features.find((atom) => view.fixed.has(atom) && known(atom.size) !== 1)
  if (taken) throw new OnnxUnsupported(`one of ${taken.name} is taken of ${place}; a layer gives all its features`)
}

function checkWhole(view: View, place: string, allowed: readonly Atom[]): void {
  for (const [atom, at] of view.fixed) {
    if (!allowed.includes(atom) && known(atom.size) !== 1) {
      throw new OnnxUnsupported(`place ${at} of ${atom.name} is taken of ${place}; only the last step of a GRU can be taken`)
    }
  }
  if (view.reversed) throw new OnnxUnsupported(`${place} is turned around; a GRU with direction reverse takes it as it is`)
}

function gruLink(view: View, source: Extract<Source, { kind: 'sequences' | 'state' | 'merged' }>): GruLink {
  const of = source.kind === 'merged' ? source.of : source
  const { gru } = of
  const sequences = of.kind === 'sequences'
  if (view.reversed && view.reversed !== gru.time)
    throw new OnnxUnsupported(`${gru.place}: rows or directions of what it puts out are turned around`)
  const step = view.fixed.get(gru.time)
  if (sequences && step !== undefined && known(gru.time.size) !== 1) {
    const reason = gru.lengths
      ? 'with sequence_lens the last step is 0 in shorter rows'
      : 'this step is not the last one that its direction computes'
    throw new OnnxUnsupported(`${gru.place}: step ${step} of its Y is taken: ${reason}; take Y_h`)
  }
  checkFeatures(view, [gru.hidden], gru.place)
  if (known(gru.batch.size) !== 1 && view.fixed.has(gru.batch)) throw new OnnxUnsupported(`${gru.place}: one row of the batch is taken`)
  const side = gru.directionAtom && view.fixed.get(gru.directionAtom)
  const backward = gru.direction === 'reverse' || side === 1
  const use =
    source.kind === 'merged'
      ? source.mode
      : !gru.directionAtom
        ? backward
          ? 'backward'
          : 'forward'
        : side === undefined
          ? 'concat'
          : backward
            ? 'backward'
            : 'forward'
  const single = use === 'forward' || use === 'backward'
  const fromEnd = takesReversed(gru)
  if (fromEnd && (!single || gru.lengths)) {
    throw new OnnxUnsupported(`${gru.place}: X is turned around; give it as it is, with direction reverse`)
  }
  const goBackwards = backward !== fromEnd
  const aligned = fromEnd === (view.reversed !== undefined)
  if (sequences && !aligned && !goBackwards)
    throw new OnnxUnsupported(`${gru.place}: its Y is turned around, which only a GRU that runs backwards may be`)
  return { kind: 'gru', gru, sequences, use, goBackwards, aligned }
}

/** Whether a turned X is this GRU's to mend: not where a GRU before it runs backwards and leaves its steps in that order. */
function takesReversed(gru: GruNode): boolean {
  const { view } = gru.x
  if (!view.reversed) return false
  let source = beforeActivations(view.source)
  while ('x' in source) source = beforeActivations(source.x.view.source)
  if (source.kind !== 'sequences') return true
  const side = source.gru.directionAtom && view.fixed.get(source.gru.directionAtom)
  return !(source.gru.direction === 'reverse' || side === 1)
}

/** The order of what comes out, told as batch, time and features; undefined where it is nothing a model gives. */
export function outputAxes(view: View): { leading: Atom[]; features: Atom[] } | undefined {
  const atoms = view.axes.flat()
  const wanted = featuresOf(view.source)?.filter((atom) => !view.fixed.has(atom))
  const features = atoms.filter((atom) => wanted?.includes(atom))
  if (!wanted || features.length < wanted.length || features.some((atom, i) => atom !== wanted[i])) return undefined
  return { leading: atoms.filter((atom) => !features.includes(atom)), features }
}
