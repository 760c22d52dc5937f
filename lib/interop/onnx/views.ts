// Operators on what layers put out: axes are moved, joined and parted, nothing is computed.
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { known, over, product, type Size, same, showSize, size, times } from './sizes.js'
import type { Source } from './sources.js'
import { type Atom, dimsOf, type Stack, type View } from './values.js'

export function viewOf(source: Source, axes: Atom[][]): View {
  return { kind: 'view', source, axes, fixed: new Map() }
}

/** `[batch, time, 16]`, for messages. */
export function showAxes(view: View): string {
  return `[${view.axes.map((axis) => axis.map(({ name }) => name).join(' x ') || '1').join(', ')}]`
}

/**
 * Each new axis takes the next labels until its size is reached. A label of size 1 goes with the axis before it, unless an axis of size 1 comes next.
 */
export function reshapeView(view: View, dims: readonly Size[]): View {
  const atoms = view.axes.flat()
  let next = 0
  const one = (i: number): boolean => known(atoms[i]!.size) === 1
  const axes = dims.map((dim, i) => {
    const axis: Atom[] = []
    if (known(dim) === 1) {
      if (next < atoms.length && one(next)) axis.push(atoms[next++]!)
      return axis
    }
    let have: Size = size(1)
    while (next < atoms.length && !same(have, dim)) {
      have = times(have, atoms[next]!.size) ?? size(0)
      axis.push(atoms[next++]!)
    }
    const follower = dims[i + 1]
    while (same(have, dim) && next < atoms.length && one(next) && (follower === undefined || known(follower) !== 1))
      axis.push(atoms[next++]!)
    if (!same(have, dim)) {
      throw new OnnxUnsupported(
        `gives ${showAxes(view)} the shape [${dims.map(showSize).join(', ')}], which cuts through an axis; whole axes can be joined and parted`,
      )
    }
    return axis
  })
  if (next < atoms.length) throw new OnnxCorrupt(`cannot give ${showAxes(view)} the shape [${dims.map(showSize).join(', ')}]`)
  return { ...view, axes }
}

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

export function reversedView(view: View, axis: number): View {
  return turned(view, axis, size(-1), size(-(2 ** 40)), dimsOf(view)[axis]!)
}

export function unitAt(view: View, axis: number): View {
  return { ...view, axes: view.axes.toSpliced(axis, 0, []) }
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
  if (a === b) return true
  if ((a.kind === 'state' || a.kind === 'sequences') && a.kind === b.kind) return a.gru === (b as typeof a).gru
  return a.kind === 'activation' && b.kind === 'activation' && a.place === b.place && sameSource(a.of, b.of)
}

/** The directions of one GRU in their order become its axis again. */
export function stacked(axis: number, items: View[]): View | Stack {
  const [first] = items
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

function showFixed(fixed: ReadonlyMap<Atom, number>): string {
  return [...fixed]
    .map(([atom, at]) => `${atom.name}@${at}`)
    .sort()
    .join()
}

function sizeMinusOne(a: Size): Size {
  const less = new Map(a)
  const ones = (less.get('') ?? 0) - 1
  if (ones === 0) less.delete('')
  else less.set('', ones)
  return less
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

/** PyTorch may write a size that it had in an example where the file says that it varies: axis by axis they are then the same. */
function fittedDims(from: readonly Size[], target: readonly Size[]): Size[] | undefined {
  const long = from.filter((dim) => known(dim) !== 1)
  const fits =
    long.length === target.length && target.every((dim, i) => known(dim) === -1 || known(long[i]!) === undefined || same(dim, long[i]!))
  return fits ? long : undefined
}

/** Reshape's target: 0 keeps a size, -1 is what is left. */
export function targetDims(from: readonly Size[], target: readonly Size[], allowZero: boolean): Size[] {
  const kept = target.map((dim, i) => {
    if (known(dim) !== 0 || allowZero) return dim
    if (!from[i]) throw new OnnxCorrupt(`keeps the size of axis ${i} of ${from.length}`)
    return from[i]!
  })
  const open = kept.findIndex((dim) => known(dim) === -1)
  if (open < 0) return kept
  const rest = over(product(from), product(kept.toSpliced(open, 1)))
  if (rest) return kept.with(open, rest)
  const fitted = fittedDims(from, kept)
  if (fitted) return fitted
  throw new OnnxUnsupported(`cannot follow the shape [${kept.map(showSize).join(', ')}] of [${from.map(showSize).join(', ')}]`)
}
