// Whole numbers that may hang on sizes a graph leaves open: 3, B, B T, T - 1. What exporters compute shapes with.

/** A sum: each product of names (sorted, joined by `*`; '' for 1) with its factor. No factor is 0. */
export type Size = ReadonlyMap<string, number>

export function size(value: number): Size {
  return new Map(value === 0 ? [] : [['', value]])
}

export function named(name: string): Size {
  return new Map([[name, 1]])
}

/** The number, if nothing is left open. */
export function known(a: Size): number | undefined {
  if (a.size === 0) return 0
  return a.size === 1 ? a.get('') : undefined
}

export function plus(a: Size, b: Size, factor = 1): Size {
  const sum = new Map(a)
  for (const [product, n] of b) {
    const value = (sum.get(product) ?? 0) + factor * n
    if (value === 0) sum.delete(product)
    else sum.set(product, value)
  }
  return sum
}

/** Undefined where it grows beyond what any shape needs. */
export function times(a: Size, b: Size): Size | undefined {
  if (a.size * b.size > 16) return undefined
  let sum: Size = size(0)
  for (const [p, n] of a) {
    for (const [q, m] of b) {
      const names = [...names_(p), ...names_(q)]
      if (names.length > 8) return undefined
      sum = plus(sum, new Map([[names.sort().join('*'), n * m]]))
    }
  }
  return sum
}

/** a / b where it comes out even, b a single product; else undefined. */
export function over(a: Size, b: Size): Size | undefined {
  if (b.size !== 1) return undefined
  const [[divisor, m]] = b as unknown as [[string, number]]
  const quotient = new Map<string, number>()
  for (const [product, n] of a) {
    const rest = names_(product)
    for (const name of names_(divisor)) {
      const at = rest.indexOf(name)
      if (at < 0) return undefined
      rest.splice(at, 1)
    }
    if (n % m !== 0) return undefined
    quotient.set(rest.join('*'), n / m)
  }
  return quotient
}

export function same(a: Size, b: Size): boolean {
  return a.size === b.size && [...a].every(([product, n]) => b.get(product) === n)
}

export function product(sizes: readonly Size[]): Size {
  return sizes.reduce((all, one) => times(all, one) ?? named('?'), size(1))
}

/** For messages. */
export function showSize(a: Size): string {
  if (a.size === 0) return '0'
  return [...a].map(([product, n]) => (product === '' ? `${n}` : n === 1 ? product : `${n} ${product}`)).join(' + ')
}

function names_(product: string): string[] {
  return product === '' ? [] : product.split('*')
}
