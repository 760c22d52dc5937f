// Operators that move numbers about, on whatever stands for a tensor.
import { type Budget, checkRank, concatConstants, expandConstant, reshapeConstant, takeConstant, transposeConstant } from './constants.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { known, type Size, same, showSize, size } from './sizes.js'
import { dimsOf, isConstant, rankOf, type Stack, type Value, type View } from './values.js'
import { concatViews, stacked, unstacked } from './view-joins.js'
import { pickView, sliceView, squeezeView } from './view-places.js'
import { reshapeView, targetDims } from './view-shapes.js'
import { unitAt } from './views.js'

/** An axis as ONNX counts it, from the end where negative. */
export function axisOf(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis
  if (Number.isInteger(at) && at >= 0 && at < rank) return at
  throw new OnnxCorrupt(`axis ${axis} of a tensor of ${rank} axes`)
}

export function transpose(value: Value, perm: readonly number[], budget: Budget): Value {
  const rank = rankOf(value)
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => axis < 0 || axis >= rank)) {
    throw new OnnxCorrupt(`perm [${perm.join(', ')}] is no order of ${rank} axes`)
  }
  if (isConstant(value)) return transposeConstant(value, perm, budget)
  if (value.kind === 'view') return { ...value, axes: perm.map((axis) => value.axes[axis]!) }
  const { axis } = value
  const inner = perm.filter((a) => a !== axis).map((a) => (a > axis ? a - 1 : a))
  return { ...value, axis: perm.indexOf(axis), items: value.items.map((item) => ({ ...item, axes: inner.map((a) => item.axes[a]!) })) }
}

export function reshape(value: Value, target: readonly Size[], allowZero: boolean): Value {
  const from = dimsOf(value)
  checkRank(target.length)
  const dims = targetDims(from, target, allowZero)
  if (isConstant(value)) return reshapeConstant(value, dims)
  if (value.kind === 'view') return reshapeView(value, dims)
  return reshapeStack(value, from, dims)
}

/** [L D, B, H] -> [L, D, B, H], as PyTorch's users part the states of layers. */
function reshapeStack(stack: Stack, from: readonly Size[], dims: readonly Size[]): Value {
  if (dims.length === from.length && dims.every((dim, i) => same(dim, from[i]!))) return stack
  const [layers, directions] = [known(dims[0]!), known(dims[1]!)]
  const rest = dims.slice(2)
  if (
    stack.axis === 0 &&
    layers &&
    directions &&
    layers * directions === stack.items.length &&
    rest.every((dim, i) => same(dim, from[i + 1]!))
  ) {
    const items = Array.from({ length: layers }, (_, i) => stacked(0, stack.items.slice(i * directions, (i + 1) * directions)))
    if (items.every((item) => item.kind === 'view') && rest.length === from.length - 1) return stacked(0, items)
  }
  throw new OnnxUnsupported(`gives states of several layers the shape [${dims.map(showSize).join(', ')}]`)
}

export function squeeze(value: Value, axes: readonly number[] | undefined): Value {
  const dims = dimsOf(value)
  const gone = axes?.map((axis) => axisOf(axis, dims.length)) ?? dims.flatMap((dim, i) => (known(dim) === 1 ? [i] : []))
  if (value.kind === 'view') return squeezeView(value, gone)
  const wrong = gone.find((axis) => known(dims[axis]!) !== 1)
  if (wrong !== undefined) throw new OnnxCorrupt(`lets axis ${wrong} go, whose size is ${showSize(dims[wrong]!)}, not 1`)
  if (isConstant(value))
    return reshapeConstant(
      value,
      dims.filter((_, i) => !gone.includes(i)),
    )
  const inner = gone.map((axis) => (axis > value.axis ? axis - 1 : axis))
  const before = gone.filter((axis) => axis < value.axis).length
  return { ...value, axis: value.axis - before, items: value.items.map((item) => squeezeView(item, inner)) }
}

export function unsqueeze(value: Value, axes: readonly number[]): Value {
  const rank = rankOf(value) + axes.length
  checkRank(rank)
  const places = axes.map((axis) => axisOf(axis, rank)).sort((a, b) => a - b)
  if (new Set(places).size !== places.length) throw new OnnxCorrupt(`axes [${axes.join(', ')}] come twice`)
  let result = value
  for (const place of places) result = unitAxis(result, place)
  return result
}

function unitAxis(value: Value, axis: number): Value {
  if (isConstant(value)) return reshapeConstant(value, dimsOf(value).toSpliced(axis, 0, size(1)))
  if (value.kind === 'view') return unitAt(value, axis)
  const after = axis <= value.axis
  const items = value.items.map((item) => unitAt(item, after ? axis : axis - 1))
  return { ...value, axis: after ? value.axis + 1 : value.axis, items }
}

/** One place of an axis, which goes. */
export function pick(value: Value, axis: number, index: Size, budget: Budget): Value {
  if (value.kind === 'view') return pickView(value, axis, index)
  if (value.kind === 'stack' && axis !== value.axis) {
    const inner = axis > value.axis ? axis - 1 : axis
    const items = value.items.map((item) => pickView(item, inner, index))
    return { ...value, axis: axis < value.axis ? value.axis - 1 : value.axis, items }
  }
  const dims = dimsOf(value)
  const [length, at] = [known(dims[axis]!), known(index)]
  if (at === undefined) throw new OnnxUnsupported(`takes place ${showSize(index)} of axis ${axis}`)
  const place = at < 0 && length !== undefined ? at + length : at
  if (length !== undefined && (place < 0 || place >= length)) throw new OnnxCorrupt(`takes place ${at} of ${length}`)
  if (value.kind === 'stack') return value.items[place]!
  return reshapeConstant(takeConstant(value, axis, [place], budget), dims.toSpliced(axis, 1))
}

export function slice(value: Value, axis: number, start: Size, end: Size, step: number, budget: Budget): Value {
  if (value.kind === 'view') return sliceView(value, axis, start, end, step)
  if (value.kind === 'stack' && axis !== value.axis) throw new OnnxUnsupported('takes a part of the states of several layers')
  const length = known(dimsOf(value)[axis]!)
  const [from, to] = [known(start), known(end)]
  if (length === undefined || from === undefined || to === undefined) {
    throw new OnnxUnsupported(`takes places ${showSize(start)} to ${showSize(end)} of ${showSize(dimsOf(value)[axis]!)}`)
  }
  const places = sliced(length, from, to, step, budget)
  if (value.kind !== 'stack') return takeConstant(value, axis, places, budget)
  if (places.length === 0) throw new OnnxUnsupported('takes no state at all')
  return stacked(
    axis,
    places.map((place) => value.items[place]!),
  )
}

/** As numpy slices. */
function sliced(length: number, start: number, end: number, step: number, budget: Budget): number[] {
  if (step === 0) throw new OnnxCorrupt('steps of 0')
  const inside = (at: number, low: number, high: number): number => Math.max(low, Math.min(high, at < 0 ? at + length : at))
  const [from, to] =
    step > 0 ? [inside(start, 0, length), inside(end, 0, length)] : [inside(start, -1, length - 1), inside(end, -1, length - 1)]
  const count = Math.max(0, Math.ceil((to - from) / step))
  budget.take(count)
  return Array.from({ length: count }, (_, i) => from + i * step)
}

export function concat(values: readonly Value[], axis: number, budget: Budget): Value {
  const [first] = values
  if (values.length === 1) return first!
  if (values.every(isConstant)) return concatConstants(values, axis, budget)
  if (values.every((value) => value.kind === 'view')) return concatViews(values, axis)
  const parts = values.map((value) =>
    value.kind === 'stack' && value.axis === axis ? value.items : value.kind === 'view' ? unstacked(value, axis) : undefined,
  )
  if (!parts.every((part): part is View[] => part !== undefined)) {
    throw new OnnxUnsupported('joins what layers put out with constants; grus has no layer that does')
  }
  return stacked(axis, parts.flat())
}

export function expand(value: Value, target: readonly Size[], budget: Budget): Value {
  if (isConstant(value)) return expandConstant(value, target, budget)
  const dims = dimsOf(value)
  const kept =
    target.length <= dims.length && target.every((dim, i) => known(dim) === 1 || same(dim, dims[dims.length - target.length + i]!))
  if (!kept) throw new OnnxUnsupported(`repeats what a layer puts out to [${target.map(showSize).join(', ')}]; constants can be repeated`)
  return value
}
