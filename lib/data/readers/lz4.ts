// Frames of LZ4, the codec that pyarrow takes for Feather files by default. Checksums are skipped: Arrow's writers leave them out.

/** @throws RangeError for anything that is no whole frame, and for more than `most` bytes */
export function inflateLz4Frame(bytes: Uint8Array, most: number): Uint8Array {
  const wrong = (text: string) => new RangeError(`LZ4: ${text}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== 0x184d2204) throw wrong('no frame')
  const flags = view.getUint8(4)
  if (flags >> 6 !== 1) throw wrong('a frame of another version')
  if (flags & 1) throw wrong('a frame with a dictionary')
  const [blockSums, size, sum] = [flags & 16, flags & 8, flags & 4]
  let at = 7 + (size ? 8 : 0)
  const out: Output = { bytes: new Uint8Array(4 * bytes.length + 64), used: 0, most }
  for (;;) {
    const head = view.getUint32(at, true)
    at += 4
    if (head === 0) break
    const length = head & 0x7fffffff
    if (length > bytes.length - at) throw wrong('a block ends too early')
    const block = bytes.subarray(at, at + length)
    if (head >>> 31) append(out, block)
    else inflateBlock(block, out)
    at += length + (blockSums ? 4 : 0)
  }
  if (at + (sum ? 4 : 0) !== bytes.length) throw wrong('bytes behind the frame')
  return out.bytes.subarray(0, out.used)
}

interface Output {
  bytes: Uint8Array
  used: number
  most: number
}

function reserve(out: Output, more: number): void {
  if (out.used + more <= out.bytes.length) return
  if (out.used + more > out.most) throw new RangeError(`LZ4: more than ${out.most} bytes`)
  const larger = new Uint8Array(Math.min(out.most, 2 * (out.used + more)))
  larger.set(out.bytes.subarray(0, out.used))
  out.bytes = larger
}

function append(out: Output, bytes: Uint8Array): void {
  reserve(out, bytes.length)
  out.bytes.set(bytes, out.used)
  out.used += bytes.length
}

/** Sequences of literals and a copy of what came before; the last one has literals alone. */
function inflateBlock(block: Uint8Array, out: Output): void {
  let at = 0
  const byte = (): number => {
    const value = block[at++]
    if (value === undefined) throw new RangeError('LZ4: a block ends too early')
    return value
  }
  const length = (start: number): number => {
    let total = start
    for (let more = start === 15 ? 255 : 0; more === 255; ) total += more = byte()
    return total
  }
  while (at < block.length) {
    const token = byte()
    const literals = length(token >> 4)
    if (literals > block.length - at) throw new RangeError('LZ4: literals end too early')
    append(out, block.subarray(at, at + literals))
    at += literals
    if (at === block.length) return
    const distance = byte() | (byte() << 8)
    const copied = 4 + length(token & 15)
    if (distance === 0 || distance > out.used) throw new RangeError('LZ4: a copy from before the beginning')
    reserve(out, copied)
    // the copy may run into what it writes
    for (let i = 0; i < copied; i++) out.bytes[out.used + i] = out.bytes[out.used + i - distance]!
    out.used += copied
  }
}
