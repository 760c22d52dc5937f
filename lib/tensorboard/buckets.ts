/** As tf.summary.histogram has it. */
export const bucketCount = 30

/**
 * Values counted in 30 buckets of one width from the least to the largest, as tf.summary.histogram counts them.
 *
 * @param values - finite ones
 * @returns rows of left edge, right edge and count [30, 3]; all 0 if there are no values, all in the last row if they are equal
 */
export function bucketsOf(values: Iterable<number> & ArrayLike<number>): Float64Array {
  const rows = new Float64Array(3 * bucketCount)
  if (values.length === 0) return rows
  let [least, largest] = [values[0]!, values[0]!]
  for (const value of values) {
    if (value < least) least = value
    if (value > largest) largest = value
  }
  const width = (largest - least) / bucketCount
  const edge = (i: number): number => (i === bucketCount ? largest : least + i * width)
  for (let i = 0; i < bucketCount; ++i) rows.set([edge(i), edge(i + 1)], 3 * i)
  for (const value of values) {
    const bucket = width > 0 ? Math.min(Math.floor((value - least) / width), bucketCount - 1) : bucketCount - 1
    rows[3 * bucket + 2]! += 1
  }
  return rows
}
