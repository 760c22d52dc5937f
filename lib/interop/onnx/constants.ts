// Operators on constants: exporters build weights of parts, and shapes of sizes.
import { sizeOf } from '../../tensor.js'
import { OnnxCorrupt, OnnxUnsupported } from './faults.js'
import { known, over, plus, product, type Size, same, showSize, size, times } from './sizes.js'
import { type Constant, dimsOf, type Fill, type Ints, type Numbers, uniform } from './values.js'

/** How many numbers folding may make in all: a file that makes more than it brings, again and again, is no model. */
export class Budget {
  #left: number

  constructor(numbers: number) {
    this.#left = numbers
  }

  take(count: number): void {
    this.#left -= count
    if (!(this.#left >= 0)) throw new OnnxUnsupported('the constants of the graph grow without end; fold them before (onnxsim does it)')
  }
}

/** A new shape whose numbers come from these places of the old one. */
function gathered<C extends Numbers | Ints>(value: C, dims: number[], budget: Budget, from: (i: number) => number): C {
  const count = sizeOf(dims)
  budget.take(count)
  if (value.kind === 'ints') return { ...value, dims, data: Array.from({ length: count }, (_, i) => value.data[from(i)]!) }
  const data = new Float32Array(count)
  for (let i = 0; i < count; ++i) data[i] = value.data[from(i)]!
  return { ...value, dims, data }
}

export function transposeConstant(value: Constant, perm: readonly number[], budget: Budget): Constant {
  if (value.kind === 'fill') return { ...value, dims: perm.map((axis) => value.dims[axis]!) }
  const dims = perm.map((axis) => value.dims[axis]!)
  const old = strides(value.dims)
  return gathered(value, dims, budget, (i) => {
    let [at, rest] = [0, i]
    for (let k = perm.length - 1; k >= 0; --k) {
      at += (rest % dims[k]!) * old[perm[k]!]!
      rest = Math.floor(rest / dims[k]!)
    }
    return at
  })
}

/** A shape of more axes is no model's. */
export function checkRank(rank: number): void {
  if (rank > 16) throw new OnnxUnsupported(`makes a tensor of ${rank} axes, 16 is the most`)
}

export function reshapeConstant(value: Constant, dims: readonly Size[]): Constant {
  const [old, now] = [product(dimsOf(value)), product(dims)]
  if (!same(old, now)) throw new OnnxCorrupt(`${showSize(old)} numbers cannot be given the shape [${dims.map(showSize).join(', ')}]`)
  return value.kind === 'fill' ? { ...value, dims: [...dims] } : { ...value, dims: dims.map((dim) => known(dim)!) }
}

/** Places of one axis, in this order. */
export function takeConstant(value: Constant, axis: number, places: readonly number[], budget: Budget): Constant {
  if (value.kind === 'fill') return { ...value, dims: value.dims.with(axis, size(places.length)) }
  const length = value.dims[axis]!
  const wrong = places.find((place) => place < 0 || place >= length)
  if (wrong !== undefined) throw new OnnxCorrupt(`place ${wrong} of an axis of ${length}`)
  const inner = sizeOf(value.dims.slice(axis + 1))
  return gathered(value, value.dims.with(axis, places.length), budget, (i) => {
    const [block, rest] = [Math.floor(i / inner), i % inner]
    return (Math.floor(block / places.length) * length + places[block % places.length]!) * inner + rest
  })
}

export function concatConstants(values: readonly Constant[], axis: number, budget: Budget): Constant {
  const [first] = values
  const sum = values.map((value) => dimsOf(value)[axis]!).reduce((a, b) => plus(a, b))
  if (values.every((value) => value.kind === 'fill')) {
    const number = uniform(first!)
    if (number === undefined || values.some((value) => uniform(value) !== number)) {
      throw new OnnxUnsupported('joins constants whose shapes are left open')
    }
    return { ...(first as Fill), dims: (first as Fill).dims.with(axis, sum) }
  }
  const full = values.map((value) => filled(value, budget))
  const kind = full[0]!.kind
  const outer = full[0]!.dims.slice(0, axis)
  for (const { kind: other, dims } of full) {
    if (other !== kind || dims.length !== full[0]!.dims.length || dims.some((dim, i) => i !== axis && dim !== full[0]!.dims[i])) {
      throw new OnnxCorrupt('joins tensors of different shapes or types')
    }
  }
  const dims = full[0]!.dims.with(axis, known(sum)!)
  const blocks = full.map((value) => sizeOf(value.dims.slice(axis)))
  const whole = blocks.reduce((a, b) => a + b, 0)
  const count = sizeOf(dims)
  budget.take(count)
  const joined: Size[] | Float32Array = kind === 'ints' ? new Array<Size>(count) : new Float32Array(count)
  let start = 0
  full.forEach((value, k) => {
    for (let o = 0; o < sizeOf(outer); ++o) {
      for (let i = 0; i < blocks[k]!; ++i) joined[o * whole + start + i] = value.data[o * blocks[k]! + i]! as never
    }
    start += blocks[k]!
  })
  return { kind, dims, data: joined } as Numbers | Ints
}

export function expandConstant(value: Constant, target: readonly Size[], budget: Budget): Constant {
  const dims = broadcast(dimsOf(value), target)
  const number = uniform(value)
  if (number !== undefined) return { kind: 'fill', dims, value: value.kind === 'numbers' ? number : size(number) }
  if (value.kind === 'fill') return { ...value, dims }
  const [first] = value.data
  if (value.kind === 'ints' && value.data.length > 0 && value.data.every((one) => same(one, first as Size))) {
    return { kind: 'fill', dims, value: first as Size }
  }
  const full = dims.map(known)
  if (full.some((dim) => dim === undefined)) throw new OnnxUnsupported('repeats a constant as often as a size that is left open')
  const [to, from] = [full as number[], [...Array<number>(full.length - value.dims.length).fill(1), ...value.dims]]
  const [steps, old] = [strides(to), strides(from)]
  return gathered(value, to, budget, (i) =>
    to.reduce((at, dim, k) => at + (from[k] === 1 ? 0 : (Math.floor(i / steps[k]!) % dim) * old[k]!), 0),
  )
}

/** The common shape of two that numpy would broadcast. */
export function broadcast(a: readonly Size[], b: readonly Size[]): Size[] {
  const rank = Math.max(a.length, b.length)
  checkRank(rank)
  const at = (dims: readonly Size[], i: number): Size => dims[i - (rank - dims.length)] ?? size(1)
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [at(a, i), at(b, i)]
    if (known(x) === 1) return y
    if (known(y) === 1 || same(x, y)) return x
    throw new OnnxCorrupt(`sizes ${showSize(x)} and ${showSize(y)} do not go together`)
  })
}

type Arithmetic = 'Add' | 'Sub' | 'Mul' | 'Div'

export function arithmetic(op: Arithmetic, a: Constant, b: Constant, budget: Budget): Constant {
  const dims = broadcast(dimsOf(a), dimsOf(b))
  const ints = [a, b].every((value) => value.kind === 'ints' || (value.kind === 'fill' && typeof value.value !== 'number'))
  const [x, y] = [uniform(a), uniform(b)]
  if (x !== undefined && y !== undefined && (a.kind === 'fill' || b.kind === 'fill')) {
    const value = computed(op, size(x), size(y), ints, [x, y])
    return { kind: 'fill', dims, value }
  }
  const full = dims.map(known)
  if (full.some((dim) => dim === undefined)) throw new OnnxUnsupported('computes with constants whose shapes are left open')
  const [p, q] = [expanded(a, dims, budget), expanded(b, dims, budget)]
  const values = Array.from({ length: sizeOf(full as number[]) }, (_, i) => {
    if (ints) return computed(op, p.data[i] as Size, q.data[i] as Size, true, [0, 0])
    return computed(op, size(0), size(0), false, [p.data[i] as number, q.data[i] as number])
  })
  if (ints) return { kind: 'ints', dims: full as number[], data: values as Size[] }
  return { kind: 'numbers', dims: full as number[], data: Float32Array.from(values as number[]) }
}

function computed(op: Arithmetic, a: Size, b: Size, ints: boolean, [x, y]: [number, number]): Size | number {
  if (!ints) return op === 'Add' ? x + y : op === 'Sub' ? x - y : op === 'Mul' ? x * y : x / y
  const [m, n] = [known(a), known(b)]
  const whole = op === 'Div' && m !== undefined && n !== undefined && n !== 0 ? size(Math.trunc(m / n)) : undefined
  const result = op === 'Add' ? plus(a, b) : op === 'Sub' ? plus(a, b, -1) : op === 'Mul' ? times(a, b) : (whole ?? over(a, b))
  if (!result) throw new OnnxUnsupported(`computes a size that cannot be followed: ${showSize(a)} ${op} ${showSize(b)}`)
  return result
}

function expanded(value: Constant, dims: Size[], budget: Budget): Numbers | Ints {
  return filled(expandConstant(value, dims, budget), budget)
}

/** A fill of known shape with its numbers written out. */
export function filled(value: Constant, budget: Budget): Numbers | Ints {
  if (value.kind !== 'fill') return value
  const dims = value.dims.map(known)
  if (dims.some((dim) => dim === undefined)) throw new OnnxUnsupported('needs a constant whose shape is left open')
  const count = sizeOf(dims as number[])
  budget.take(count)
  const { value: number } = value
  return typeof number === 'number'
    ? { kind: 'numbers', dims: dims as number[], data: new Float32Array(count).fill(number) }
    : { kind: 'ints', dims: dims as number[], data: new Array<Size>(count).fill(number) }
}

function strides(dims: readonly number[]): number[] {
  return dims.map((_, axis) => sizeOf(dims.slice(axis + 1)))
}
