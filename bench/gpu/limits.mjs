// What a row computes at least, and how near its time is to what the GPU can do.

const bytesOf = { float32: 4, tf32: 4, bfloat16: 2, float16: 2 }
const round = (value) => Number(value.toPrecision(4))

/** Of one GRU layer: each value moves once; W_hh stays on the chip. T steps, B rows, I inputs, H units. */
export function work({ steps: T, batch: B, input: I, hidden: H, training, precision }) {
  const product = 6 * T * B * H * (I + H)
  const [x, y, weights] = [T * B * I, T * B * H, 3 * H * (I + H)]
  const forward = x + y + weights
  // forward leaves r, z, n and the recurrent product; backward reads them and puts the gates' gradients there, which the weights' and
  // the input's products read
  const backward = 4 * y + (4 * y + 4 * y + 2 * 3 * y) + 2 * (x + y) + 2 * weights
  return { flop: training ? 3 * product : product, bytes: bytesOf[precision] * (training ? forward + backward : forward) }
}

// dense products, memory; by datasheet
const datasheets = { 'NVIDIA H200': { float32: 67e12, tf32: 495e12, bfloat16: 989e12, float16: 989e12, copy: 4.8e12 } }

/** Measured in the same run where there was something to measure with; else by datasheet; else unknown. */
export function ceilings(gpu, measured) {
  if (measured) return { source: 'measured', ...measured }
  return datasheets[gpu] ? { source: 'datasheet', ...datasheets[gpu] } : { source: 'unknown' }
}

/** Of a time in ms: FLOP/s, the percentages of both limits, microseconds of one dependent step (T of them, and T more backward). */
export function judge(row, ms, limits) {
  if (!(ms > 0)) return {} // the clock of a simulated GPU stands still between calls
  const { flop, bytes } = work(row)
  const seconds = ms / 1000
  return {
    flops: round(flop / seconds),
    ...(limits[row.precision] && { flopPercent: round((100 * flop) / limits[row.precision] / seconds) }),
    ...(limits.copy && { bandwidthPercent: round((100 * bytes) / limits.copy / seconds) }),
    stepUs: round((1000 * ms) / (row.steps * (row.training ? 2 : 1))),
  }
}
