const quantile = (values, q) => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = Math.floor(at)
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low])
}
export const median = (values) => quantile(values, 0.5)
export const round = (value) => Number(value.toPrecision(4))
export const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

/** Times of each round in ms -> median, best and number of all. */
export function summarize(rounds) {
  const all = rounds.flat()
  return { median: round(median(all)), best: round(all.reduce((a, b) => Math.min(a, b))), samples: all.length }
}

/** Of the medians, and the quartiles of the ratios that single rounds give, which say how steady it is. Above 1: the base is faster. */
export function ratioOf(rounds, base) {
  const perRound = rounds.map((times, i) => median(times) / median(base[i]))
  return {
    ratio: round(median(rounds.flat()) / median(base.flat())),
    quartiles: [round(quantile(perRound, 0.25)), round(quantile(perRound, 0.75))],
  }
}
