// TensorFlow's record files: u64 length, its checksum, the bytes, their checksum.

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  // Castagnoli's polynomial, its bits reversed; node:zlib has another one
  for (let bit = 0; bit < 8; ++bit) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1
  return sum
})

export function crc32c(bytes: Uint8Array): number {
  let sum = 0xffffffff
  for (let i = 0; i < bytes.length; ++i) sum = (sum >>> 8) ^ table[(sum ^ bytes[i]!) & 255]!
  return ~sum >>> 0
}

/** As the files have it: turned and moved, so that the sum of bytes that hold sums of their own says something. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const sum = crc32c(bytes)
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0
}

/** The bytes as a record. */
export function recordOf(bytes: Uint8Array): Buffer {
  const record = Buffer.alloc(bytes.length + 16)
  record.writeBigUInt64LE(BigInt(bytes.length))
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8)
  record.set(bytes, 12)
  record.writeUInt32LE(maskedCrc32c(bytes), bytes.length + 12)
  return record
}
