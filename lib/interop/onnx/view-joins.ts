// Views side by side: the directions of one GRU become an axis again, states of several layers a stack.
import { OnnxUnsupported } from './faults.js'
import { known, product, size } from './sizes.js'
import type { Atom, Stack, View } from './values.js'
import { pickView, squeezeView } from './view-places.js'
import { sameAxes, sameSource, unitAt, without } from './views.js'

/** The directions of one GRU in their order become its axis again. */
export function stacked(axis: number, items: View[]): View | Stack {
  const [first] = items
  if (items.length > 4096) throw new OnnxUnsupported(`puts ${items.length} states side by side`)
  if (items.length === 1) return unitAt(first!, axis)
  const atom = directionOf(items)
  if (!atom) return { kind: 'stack', axis, items }
  return { ...first!, fixed: without(first!.fixed, atom), axes: first!.axes.toSpliced(axis, 0, [atom]) }
}

/** The atom that these views fix at 0, 1, …, all else being the same. */
export function directionOf(items: readonly View[]): Atom | undefined {
  const [first] = items
  for (const [atom] of first!.fixed) {
    if (known(atom.size) !== items.length) continue
    const rest = showFixed(without(first!.fixed, atom))
    const fits = items.every(
      (item, i) =>
        sameSource(item.source, first!.source) &&
        item.reversed === first!.reversed &&
        item.fixed.get(atom) === i &&
        showFixed(without(item.fixed, atom)) === rest &&
        sameAxes(item, first!),
    )
    if (fits) return atom
  }
  return undefined
}

function showFixed(fixed: ReadonlyMap<Atom, number>): string {
  return [...fixed]
    .map(([atom, at]) => `${atom.name}@${at}`)
    .sort()
    .join()
}

/** Joined along an axis: directions become an axis again, or one inside the features. */
export function concatViews(views: readonly View[], axis: number): View | Stack {
  const [first] = views
  const atom = directionOf(views)
  if (atom) return { ...first!, fixed: without(first!.fixed, atom), axes: first!.axes.with(axis, [atom, ...first!.axes[axis]!]) }
  const parts = views.map((view) => unstacked(view, axis))
  if (parts.every((part) => part !== undefined)) return stacked(axis, parts.flat())
  const from = views.map((view) => view.source.place).join(' and ')
  throw new OnnxUnsupported(`joins what comes from ${from}; grus joins the two directions of one GRU (bidirectional), nothing else`)
}

/** Its places along an axis of directions or of size 1, else undefined. */
export function unstacked(view: View, axis: number): View[] | undefined {
  const atoms = view.axes[axis]!
  const { source } = view
  const count = known(product(atoms.map((atom) => atom.size)))
  if (count === 1) return [squeezeView(view, [axis])]
  const gru = source.kind === 'state' || source.kind === 'sequences' ? source.gru : undefined
  if (atoms.length === 1 && gru && atoms[0] === gru.directionAtom) return [0, 1].map((i) => pickView(view, axis, size(i)))
  return undefined
}
