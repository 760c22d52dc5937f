// Places of an axis of a view: one of them, a stretch, or all of them backwards.
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { known, product, type Size, same, showSize, size } from './sizes.js'
import type { Source } from './sources.js'
import { dimsOf, type View } from './values.js'
import { canonical, showAxes, unitAt } from './views.js'

/** One place of an axis, which goes. */
export function pickView(view: View, axis: number, index: Size): View {
  const atoms = view.axes[axis]!.filter((atom, _, all) => known(atom.size) !== 1 || all.length === 1)
  const rest = view.axes.toSpliced(axis, 1)
  const [atom] = atoms
  if (!atom) return { ...view, axes: rest }
  if (atoms.length > 1) throw new OnnxUnsupported(`takes one place out of ${showAxes(view)}, axis ${axis}, which joins several`)
  const length = known(atom.size)
  const place = known(index) ?? (same(index, sizeMinusOne(atom.size)) ? -1 : undefined)
  if (place === undefined) throw new OnnxUnsupported(`takes place ${showSize(index)} of axis ${axis}; 0 or -1 can be followed`)
  if (length !== undefined && (place >= length || place < -length)) throw new OnnxCorrupt(`takes place ${place} of ${length}`)
  let at = length !== undefined && place < 0 ? place + length : place
  if (view.reversed === atom) at = length === undefined ? -1 - at : length - 1 - at
  const { reversed, ...kept } = view
  const order = reversed && reversed !== atom ? { reversed } : {}
  return canonical({ ...kept, ...order, axes: rest, fixed: new Map([...view.fixed, [atom, at]]) })
}

/** Places start .. end - 1, by steps of 1 or all of them backwards. */
export function sliceView(view: View, axis: number, start: Size, end: Size, step: number): View {
  const whole = dimsOf(view)[axis]!
  const length = known(whole)
  if (step === -1) return turned(view, axis, start, end, whole)
  if (step !== 1) throw new OnnxUnsupported(`takes every ${step}th place of axis ${axis}; steps of 1 can be followed`)
  const from = place(start, whole)
  const to = place(end, whole)
  if (from === 0 && (to === Number.POSITIVE_INFINITY || (length !== undefined && to >= length))) return view
  if (length === undefined ? to - from === 1 || (from === -1 && to === Number.POSITIVE_INFINITY) : Math.min(to, length) - from === 1) {
    const atoms = view.axes[axis]!
    if (atoms.length < 2) return { ...unitAt(pickView(view, axis, size(from)), axis) }
  }
  if (length === undefined) throw new OnnxUnsupported(`takes a part of ${showAxes(view)}, axis ${axis}, whose size is left open`)
  return sliceNumbers(view, axis, from, Math.min(to, length))
}

/** A start or end as an index: from 0 on where the size is known; 0, -1 or infinity where it is open. */
function place(at: Size, whole: Size): number {
  const [number, length] = [known(at), known(whole)]
  if (length !== undefined) {
    if (number === undefined) throw new OnnxUnsupported(`takes places up to ${showSize(at)} of ${length}`)
    return Math.max(0, Math.min(length, number < 0 ? number + length : number))
  }
  if (same(at, whole)) return Number.POSITIVE_INFINITY
  if (number === undefined) {
    if (same(at, sizeMinusOne(whole))) return -1
    throw new OnnxUnsupported(`takes places up to ${showSize(at)} of ${showSize(whole)}`)
  }
  return number > 2 ** 30 ? Number.POSITIVE_INFINITY : number
}

function sliceNumbers(view: View, axis: number, from: number, to: number): View {
  const atoms = view.axes[axis]!
  const { source } = view
  if (atoms.length === 1 && source.kind === 'input' && from < to) {
    const old = atoms[0]!
    const atom = { name: `${old.name}[${from}:${to}]`, size: size(to - from) }
    const part: Source = { ...source, kind: 'part', of: source, from, atoms: source.atoms.map((a) => (a === old ? atom : a)) }
    return { ...view, source: part, axes: view.axes.with(axis, [atom]) }
  }
  // [directions x units]: one direction's units
  const [outer, ...inner] = atoms
  const block = known(product(inner.map((atom) => atom.size)))
  if (outer && inner.length > 0 && block !== undefined && from % block === 0 && to - from === block) {
    const split: View = { ...view, axes: view.axes.toSpliced(axis, 1, [outer], inner) }
    return pickView(split, axis, size(from / block))
  }
  throw new OnnxUnsupported(
    `takes places ${from} to ${to} of ${showAxes(view)}, axis ${axis}; whole axes, steps and directions can be taken`,
  )
}

/** All of an axis, last first. */
function turned(view: View, axis: number, start: Size, end: Size, whole: Size): View {
  const [from, to, length] = [known(start), known(end), known(whole)]
  const fromLast = from === -1 || same(start, sizeMinusOne(whole)) || (from !== undefined && from >= (length ?? 2 ** 30))
  const toFirst = to !== undefined && to < -(length ?? 2 ** 30)
  const [atom, ...more] = view.axes[axis]!
  if (!fromLast || !toFirst || !atom || more.length > 0) {
    throw new OnnxUnsupported(`takes places backwards from ${showSize(start)} to ${showSize(end)}; a whole axis can be turned around`)
  }
  const { reversed, ...rest } = view
  if (reversed === atom) return rest
  if (reversed) throw new OnnxUnsupported('turns two axes around; time alone can be')
  return { ...view, reversed: atom }
}

/** Axes of size 1 are let go; a label of size 1 stays known as its only place. */
export function squeezeView(view: View, axes: readonly number[] | undefined): View {
  const dims = dimsOf(view)
  const gone = axes ?? dims.flatMap((dim, i) => (known(dim) === 1 ? [i] : []))
  const open = gone.find((axis) => known(dims[axis]!) !== 1)
  if (open !== undefined) throw new OnnxCorrupt(`lets axis ${open} of ${showAxes(view)} go, whose size is ${showSize(dims[open]!)}, not 1`)
  let result = view
  for (const axis of [...gone].sort((a, b) => b - a)) result = pickView(splitOnes(result, axis), axis, size(0))
  return result
}

/** An axis of several labels of size 1: all but the first are fixed. */
function splitOnes(view: View, axis: number): View {
  const [first, ...more] = view.axes[axis]!
  if (more.length === 0) return view
  return { ...view, axes: view.axes.with(axis, [first!]), fixed: new Map([...view.fixed, ...more.map((atom) => [atom, 0] as const)]) }
}

function sizeMinusOne(a: Size): Size {
  const less = new Map(a)
  const ones = (less.get('') ?? 0) - 1
  if (ones === 0) less.delete('')
  else less.set('', ones)
  return less
}
