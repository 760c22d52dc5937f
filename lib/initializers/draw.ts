import type { RandomStream } from '../random.js'
import type { Initializer } from '../spec/types.js'
import { orthogonal } from './orthogonal.js'

/** How to draw one weight. */
export interface Draw {
  initializer: Initializer
  /** Rows and columns of the kernel as Keras shapes it, [in, out]. */
  fanIn: number
  fanOut: number
  /** The weight is stored as [out, in]. */
  transposed: boolean
  /** What 'torch' draws: U(±bound), N(0, stddev²), or always this value. */
  torch: { bound: number } | { stddev: number } | { value: number }
}

/**
 * Values of one weight of `count` numbers, in Keras' definitions. A kernel is one matrix: the fans of a GRU's are I and 3H, and its recurrent kernel
 * is orthogonal as a whole.
 *
 * @param stream - of its own for this weight
 */
export function drawWeight(draw: Draw, count: number, stream: RandomStream): Float32Array {
  const { initializer, fanIn, fanOut } = draw
  const values = new Float32Array(count)
  const uniform = (min: number, max: number) => fill(values, () => min + (max - min) * stream.uniform())
  const truncated = (variance: number) => fill(values, truncatedNormal(stream, Math.sqrt(variance)))
  const name = typeof initializer === 'string' ? initializer : initializer.name
  switch (name) {
    case 'zeros':
      return values
    case 'ones':
      return values.fill(1)
    case 'constant':
      return values.fill((initializer as { value: number }).value)
    case 'glorotUniform':
      return symmetric(values, stream, Math.sqrt(6 / (fanIn + fanOut)))
    case 'heUniform':
      return symmetric(values, stream, Math.sqrt(6 / fanIn))
    case 'lecunUniform':
      return symmetric(values, stream, Math.sqrt(3 / fanIn))
    case 'glorotNormal':
      return truncated(2 / (fanIn + fanOut))
    case 'heNormal':
      return truncated(2 / fanIn)
    case 'lecunNormal':
      return truncated(1 / fanIn)
    case 'uniform': {
      const { min, max } = typeof initializer === 'string' ? { min: -0.05, max: 0.05 } : (initializer as { min: number; max: number })
      return uniform(min, max)
    }
    case 'normal': {
      const { mean = 0, stddev = 0.05 } = initializer as { mean?: number; stddev?: number }
      return fill(values, () => mean + stddev * stream.normal())
    }
    case 'torch': {
      const { torch } = draw
      if ('value' in torch) return values.fill(torch.value)
      return 'bound' in torch ? symmetric(values, stream, torch.bound) : fill(values, () => torch.stddev * stream.normal())
    }
    case 'orthogonal': {
      const { gain = 1 } = typeof initializer === 'string' ? {} : (initializer as { gain?: number })
      const [rows, cols] = draw.transposed ? [fanOut, fanIn] : [fanIn, fanOut]
      return orthogonal(rows, cols, gain, stream)
    }
  }
}

function fill(values: Float32Array, next: () => number): Float32Array {
  for (let i = 0; i < values.length; ++i) values[i] = next()
  return values
}

function symmetric(values: Float32Array, stream: RandomStream, bound: number): Float32Array {
  return fill(values, () => bound * (2 * stream.uniform() - 1))
}

/** A normal cut off at two deviations, wide enough that what is left has this deviation (0.8796… is that of the unit one so cut). */
function truncatedNormal(stream: RandomStream, stddev: number): () => number {
  const scale = stddev / 0.87962566103423978
  return () => {
    for (;;) {
      const value = stream.normal()
      if (Math.abs(value) <= 2) return scale * value
    }
  }
}
