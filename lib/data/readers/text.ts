// Bytes of a text file as text.
import { GrusError } from '../../errors.js'
import type { ByteSource } from './byte-source.js'
import type { Reading } from './types.js'

/** What is read at a time. */
const chunkSize = 2 ** 16

/** A cell, or a line of JSON, of more bytes is taken for damage: a quote that nobody closed, a file that is no text. */
export const longest: number = 2 ** 24

/** UTF-8 in chunks, without a byte order mark. @throws GrusError CORRUPT_FILE naming the line of a byte that is no UTF-8 */
export async function* decoded(source: ByteSource, { where, path }: Reading): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let lines = 1
  const decode = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined })
    } catch (cause) {
      const line = lines + goodLines(bytes)
      throw new GrusError('CORRUPT_FILE', `[${where}] ${path}, line ${line}: expected text in UTF-8, got bytes that are none`, { cause })
    }
  }
  for (let at = 0; at < source.size; ) {
    const bytes = await source.read(at, Math.min(chunkSize, source.size - at))
    at += bytes.length
    const text = decode(bytes)
    lines += newlines(bytes)
    if (text.length > 0) yield text
  }
  decode()
}

function newlines(bytes: Uint8Array): number {
  let count = 0
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++
  return count
}

/** Line breaks before the first byte that cannot be decoded. */
function goodLines(bytes: Uint8Array = new Uint8Array(0)): number {
  // the first byte may go on with a character of the chunk before
  let start = 0
  while (start < 4 && (bytes[start]! & 0xc0) === 0x80) start++
  const text = new TextDecoder().decode(bytes.subarray(start))
  const bad = text.indexOf('\ufffd')
  return bad < 0 ? 0 : text.slice(0, bad).split('\n').length - 1
}
