import type { PickleErrors } from './pickle.js'

/** The stream of a pickle, from its start on. */
export class PickleBytes {
  /** For numbers, at where `skip` says. */
  readonly view: DataView
  readonly #bytes: Uint8Array
  readonly #errors: PickleErrors
  #at = 0

  constructor(bytes: Uint8Array, errors: PickleErrors) {
    this.#bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#errors = errors
  }

  /** Bytes read. */
  get at(): number {
    return this.#at
  }

  /** Bytes to come. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    return this.#bytes[this.skip(1)]!
  }

  u32(): number {
    return this.view.getUint32(this.skip(4), true)
  }

  /** @returns where the bytes passed over begin */
  skip(count: number): number {
    if (count > this.#bytes.length - this.#at) throw this.corrupt('ends too early')
    this.#at += count
    return this.#at - count
  }

  take(count: number): Uint8Array {
    const start = this.skip(count)
    return this.#bytes.subarray(start, start + count)
  }

  /** UTF-8 of so many bytes. */
  text(count: number): string {
    return this.#decode(this.take(count))
  }

  /** UTF-8 up to the next line feed. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) throw this.corrupt('ends too early')
    const line = this.take(end - this.#at)
    ++this.#at
    return this.#decode(line)
  }

  #decode(bytes: Uint8Array): string {
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      throw this.#errors.corrupt(`data.pkl has a text that is no UTF-8, before byte ${this.#at}`, cause)
    }
  }

  /** Two's complement, little-endian. */
  integer(count: number): number | bigint {
    return toInteger(this.take(count))
  }

  corrupt(text: string): Error {
    return this.#errors.corrupt(`data.pkl ${text}, at byte ${this.#at}`)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Two's complement, little-endian, of at most 255 bytes. */
function toInteger(bytes: Uint8Array): number | bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; --i) value = (value << 8n) | BigInt(bytes[i]!)
  value = BigInt.asIntN(8 * bytes.length, value)
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
