// Files with something wrong in them, drawn from a seed.
import { RandomStream } from '../../lib/random.js'

/** `count` damaged copies of a file: cut off, bits turned, bytes set to extremes, stretches removed, doubled, moved or zeroed. */
export function* mutations(bytes: Uint8Array, count: number, seed: number): Generator<Buffer> {
  const random = new RandomStream(seed, 'mutations')
  const below = (n: number) => Math.min(n - 1, Math.floor(random.uniform() * n))
  for (let i = 0; i < count; ++i) {
    let copy: Buffer = Buffer.from(bytes)
    for (let edits = 1 + below(3); edits > 0; --edits) copy = damage(copy, below)
    yield copy
  }
}

function damage(bytes: Buffer, below: (n: number) => number): Buffer {
  if (bytes.length === 0) return bytes
  const at = below(bytes.length)
  const length = 1 + below(Math.min(64, bytes.length - at))
  switch (below(8)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      bytes[at]! ^= 1 << below(8)
      return bytes
    case 2:
      bytes[at] = [0, 1, 127, 128, 255][below(5)]!
      return bytes
    case 3:
      bytes.fill(below(2) === 0 ? 0 : 255, at, at + length)
      return bytes
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 5:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
    case 6: {
      const to = below(bytes.length)
      bytes.copy(bytes, to, at, at + length)
      return bytes
    }
    default:
      // numbers in text: another digit
      bytes[at] = 0x30 + below(10)
      return bytes
  }
}
