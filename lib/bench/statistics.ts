/** Of several rounds. */
export interface Statistics {
  median: number
  best: number
  /** of each round, in their order */
  samples: number[]
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function statisticsOf(values: readonly number[]): Statistics {
  const samples = values.map(rounded)
  return { median: rounded(median(values)), best: Math.min(...samples), samples }
}

/** No clock is better than this. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6))
}
