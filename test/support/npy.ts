/** A .npy file of version 1.0 with this text as its header. */
export function npyBytes(header: string, data: Uint8Array): Buffer {
  const text = Buffer.from(`${header}\n`, 'latin1')
  const prefix = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1')
  prefix.writeUInt16LE(text.length, 8)
  return Buffer.concat([prefix, text, data])
}
