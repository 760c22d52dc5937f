// What layers put out, as views: axes are moved, joined and parted, nothing is computed.
import { known } from './sizes.js'
import type { Source } from './sources.js'
import type { Atom, View } from './values.js'

export function viewOf(source: Source, axes: Atom[][]): View {
  return { kind: 'view', source, axes, fixed: new Map() }
}

/** `[batch, time, 16]`, for messages. */
export function showAxes(view: View): string {
  return `[${view.axes.map((axis) => axis.map(({ name }) => name).join(' x ') || '1').join(', ')}]`
}

export function unitAt(view: View, axis: number): View {
  return { ...view, axes: view.axes.toSpliced(axis, 0, []) }
}

/**
 * The last step of a sequence is the state, where no lengths tell otherwise: h_n and y[-1] are then one value.
 */
export function canonical(view: View): View {
  const { source } = view
  if (source.kind !== 'sequences' || source.gru.lengths !== undefined) return view
  const { gru } = source
  const at = view.fixed.get(gru.time)
  if (at === undefined) return view
  const index = gru.directionAtom ? view.fixed.get(gru.directionAtom) : gru.direction === 'reverse' ? 1 : 0
  if (index === undefined) return view
  const length = known(gru.time.size)
  const last = at === -1 || (length !== undefined && at === length - 1)
  if (index === 0 ? !last : at !== 0) return view
  const fixed = new Map(view.fixed)
  fixed.delete(gru.time)
  return { ...view, source: stateOf(source), fixed }
}

export function stateOf(source: Extract<Source, { kind: 'sequences' }>): Source {
  const { gru, place } = source
  return { kind: 'state', place, gru }
}

/** Sources are compared by what they are of: the state of a GRU may have come two ways. */
export function sameSource(a: Source, b: Source): boolean {
  let [x, y] = [a, b]
  while (x.kind === 'activation' && y.kind === 'activation' && x !== y && x.place === y.place) [x, y] = [x.of, y.of]
  return x === y || ((x.kind === 'state' || x.kind === 'sequences') && x.kind === y.kind && x.gru === (y as typeof x).gru)
}

export function sameAxes(a: View, b: View): boolean {
  return (
    a.axes.length === b.axes.length &&
    a.axes.every((axis, i) => axis.length === b.axes[i]!.length && axis.every((x, k) => x === b.axes[i]![k]))
  )
}

export function without<K, V>(map: ReadonlyMap<K, V>, key: K): Map<K, V> {
  const copy = new Map(map)
  copy.delete(key)
  return copy
}
