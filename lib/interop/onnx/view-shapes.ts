// New shapes of views: axes are joined and parted where labels end.
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { known, over, product, type Size, same, showSize, size, times } from './sizes.js'
import type { Atom, View } from './values.js'
import { showAxes } from './views.js'

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
