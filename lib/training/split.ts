import type { CheckedInputs } from '../data/inputs.js'
import { check } from '../errors.js'

/** The first and the last rows of checked data, without copying: training, and the fraction at the end for validation. */
export function splitInputs(where: string, inputs: CheckedInputs, fraction: number): [CheckedInputs, CheckedInputs] {
  const at = Math.floor(inputs.rows * (1 - fraction))
  const empty = at === 0 ? 'training' : 'validation'
  check(
    at > 0 && at < inputs.rows,
    where,
    `validationSplit must leave rows in both parts: ${fraction} of ${inputs.rows} rows leaves the ${empty} part empty`,
  )
  return [rowsOf(inputs, 0, at), rowsOf(inputs, at, inputs.rows)]
}

function rowsOf(inputs: CheckedInputs, from: number, to: number): CheckedInputs {
  const { x, mask, masked, y, weights, xRow, yRow, weightRow, steps } = inputs
  return {
    ...inputs,
    rows: to - from,
    xShape: [to - from, ...inputs.xShape.slice(1)],
    x: x.subarray(from * xRow, to * xRow),
    ...(mask && { mask: mask.subarray(from * steps, to * steps) }),
    ...(masked && { masked: masked.subarray(from * steps, to * steps) }),
    ...(y && { y: y.subarray(from * yRow, to * yRow) }),
    ...(weights && { weights: weights.subarray(from * weightRow, to * weightRow) }),
  }
}
