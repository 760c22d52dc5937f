// Float64 scalars that remember how they were made, so that a reference is written once, forward, and its gradient follows from the chain rule.
// Slow and small on purpose; finite differences check it (test/support/reference.test.ts).

let created = 0

/** A number, the scalars it was made from, and its partial derivative by each of them. */
export class Scalar {
  readonly value: number
  gradient = 0
  readonly #parents: readonly Scalar[]
  readonly #partials: readonly number[]
  readonly #order = created++

  constructor(value: number, parents: readonly Scalar[] = [], partials: readonly number[] = []) {
    this.value = value
    this.#parents = parents
    this.#partials = partials
  }

  /** Adds d(this)/d(leaf) * seed to the gradient of everything below; gradients start at 0 when scalars are made. */
  backward(seed = 1): void {
    backwardAll([this], [seed])
  }

  /** @internal */
  static sweep(roots: readonly Scalar[]): void {
    const seen = new Set<Scalar>(roots)
    for (const scalar of seen) for (const parent of scalar.#parents) seen.add(parent)
    for (const scalar of [...seen].sort((a, b) => b.#order - a.#order)) {
      scalar.#parents.forEach((parent, i) => {
        parent.gradient += scalar.gradient * scalar.#partials[i]!
      })
    }
  }
}

/** Several outputs at once: the gradient of sum(seeds[i] * roots[i]). */
export function backwardAll(roots: readonly Scalar[], seeds: ArrayLike<number>): void {
  roots.forEach((root, i) => {
    root.gradient += seeds[i]!
  })
  Scalar.sweep(roots)
}

export const constant = (value: number): Scalar => new Scalar(value)
export const scalars = (values: ArrayLike<number>): Scalar[] => Array.from(values, constant)
export const valuesOf = (list: readonly Scalar[]): number[] => list.map((s) => s.value)
export const gradientsOf = (list: readonly Scalar[]): number[] => list.map((s) => s.gradient)

export const add = (...terms: readonly Scalar[]): Scalar =>
  new Scalar(
    terms.reduce((sum, t) => sum + t.value, 0),
    terms,
    terms.map(() => 1),
  )
export const subtract = (a: Scalar, b: Scalar): Scalar => new Scalar(a.value - b.value, [a, b], [1, -1])
export const multiply = (a: Scalar, b: Scalar): Scalar => new Scalar(a.value * b.value, [a, b], [b.value, a.value])
export const scale = (a: Scalar, factor: number): Scalar => new Scalar(a.value * factor, [a], [factor])
export const divide = (a: Scalar, b: Scalar): Scalar => new Scalar(a.value / b.value, [a, b], [1 / b.value, -a.value / b.value ** 2])
export const dot = (a: readonly Scalar[], b: readonly Scalar[]): Scalar =>
  new Scalar(
    a.reduce((sum, x, i) => sum + x.value * b[i]!.value, 0),
    [...a, ...b],
    [...b.map((x) => x.value), ...a.map((x) => x.value)],
  )
export const exp = (a: Scalar): Scalar => {
  const y = Math.exp(a.value)
  return new Scalar(y, [a], [y])
}
export const log = (a: Scalar): Scalar => new Scalar(Math.log(a.value), [a], [1 / a.value])
export const squareRoot = (a: Scalar): Scalar => {
  const y = Math.sqrt(a.value)
  return new Scalar(y, [a], [0.5 / y])
}
export const tanh = (a: Scalar): Scalar => {
  const y = Math.tanh(a.value)
  return new Scalar(y, [a], [1 - y * y])
}
export const sigmoid = (a: Scalar): Scalar => {
  const y = a.value >= 0 ? 1 / (1 + Math.exp(-a.value)) : Math.exp(a.value) / (1 + Math.exp(a.value))
  return new Scalar(y, [a], [y * (1 - y)])
}
/** ln(1 + e^x) without overflow. */
export const softplus = (a: Scalar): Scalar => {
  const x = a.value
  return new Scalar(Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), [a], [sigmoid(a).value])
}
/** Clamped to [low, high]; the gradient passes inside and stops outside. */
export const clamp = (a: Scalar, low: number, high: number): Scalar =>
  new Scalar(Math.min(high, Math.max(low, a.value)), [a], [a.value < low || a.value > high ? 0 : 1])
export const absolute = (a: Scalar): Scalar => new Scalar(Math.abs(a.value), [a], [Math.sign(a.value)])
