// The wire format of protocol buffers, as ONNX and TensorBoard files have it. A library would bring a schema compiler for the few messages that are
// needed here, and those looked at read past a message's end without a word.

/** One field: varints as they come, all else as bytes. */
export type WireField = { number: number; wire: 0; value: bigint } | { number: number; wire: 1 | 2 | 5; value: Uint8Array }

/** What a reader throws; whoever opened the file makes a GrusError of it. */
export class ProtobufError extends Error {}

/**
 * The fields of a message in the order they come. Bytes are views of the message's.
 *
 * @throws ProtobufError for anything that does not end where it should
 */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new ProtobufError('a number ends too early')
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw new ProtobufError('a number is longer than 10 bytes')
  }
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) throw new ProtobufError(`a field of ${count} bytes is cut off after ${bytes.length - at}`)
    at += count
    return bytes.subarray(at - count, at)
  }
  while (at < bytes.length) {
    const key = varint()
    const [number, wire] = [Number(key >> 3n), Number(key & 7n)]
    if (number < 1 || number >= 2 ** 29) throw new ProtobufError(`a field cannot have the number ${number}`)
    if (wire === 0) yield { number, wire, value: varint() }
    else if (wire === 1) yield { number, wire, value: take(8) }
    else if (wire === 5) yield { number, wire, value: take(4) }
    else if (wire === 2) yield { number, wire, value: take(Number(varint())) }
    else throw new ProtobufError(`field ${number} has the unknown kind ${wire}`)
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** A field as what its message's definition says it is. Each throws ProtobufError where it is something else. */
export const wire = {
  /** int64, int32, enum: two's complement in 64 bits. */
  int(field: WireField): number {
    if (field.wire !== 0) throw new ProtobufError(`field ${field.number} must be a number`)
    return safe(BigInt.asIntN(64, field.value))
  },
  /** A repeated int64, packed or not: the numbers of this one field. */
  bigints(field: WireField): bigint[] {
    if (field.wire === 0) return [BigInt.asIntN(64, field.value)]
    const numbers: bigint[] = []
    // a packed field is a run of varints, which is what a message of fields without keys would be
    const bytes = wire.bytes(field)
    let [value, shift] = [0n, 0n]
    for (const byte of bytes) {
      value |= BigInt(byte & 127) << shift
      shift += 7n
      if (byte >= 128) {
        if (shift >= 70n) throw new ProtobufError('a number is longer than 10 bytes')
        continue
      }
      numbers.push(BigInt.asIntN(64, value))
      value = shift = 0n
    }
    if (shift !== 0n) throw new ProtobufError('a number ends too early')
    return numbers
  },
  ints(field: WireField): number[] {
    return wire.bigints(field).map(safe)
  },
  float(field: WireField): number {
    if (field.wire !== 5) throw new ProtobufError(`field ${field.number} must be a float`)
    return view(field.value).getFloat32(0, true)
  },
  double(field: WireField): number {
    if (field.wire !== 1) throw new ProtobufError(`field ${field.number} must be a double`)
    return view(field.value).getFloat64(0, true)
  },
  /** A repeated float, packed or not. */
  floats(field: WireField): number[] {
    if (field.wire === 5) return [wire.float(field)]
    return repeated(field, 4, (bytes, at) => bytes.getFloat32(at, true))
  },
  doubles(field: WireField): number[] {
    if (field.wire === 1) return [wire.double(field)]
    return repeated(field, 8, (bytes, at) => bytes.getFloat64(at, true))
  },
  bytes(field: WireField): Uint8Array {
    if (field.wire !== 2) throw new ProtobufError(`field ${field.number} must be bytes`)
    return field.value
  },
  string(field: WireField): string {
    try {
      return decoder.decode(wire.bytes(field))
    } catch (cause) {
      if (cause instanceof ProtobufError) throw cause
      throw new ProtobufError(`field ${field.number} is no UTF-8 text`)
    }
  },
}

function safe(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new ProtobufError(`the number ${value} is beyond 2^53`)
  return number
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function repeated(field: WireField, size: number, read: (bytes: DataView, at: number) => number): number[] {
  const bytes = wire.bytes(field)
  if (bytes.length % size !== 0) throw new ProtobufError(`field ${field.number} has ${bytes.length} bytes, no multiple of ${size}`)
  const numbers = view(bytes)
  return Array.from({ length: bytes.length / size }, (_, i) => read(numbers, i * size))
}

/** Builds a message. Large byte fields are kept as they are, not copied: see `parts`. */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The message in pieces, to be written one after the other. */
  get parts(): readonly Uint8Array[] {
    return this.#parts
  }

  int(field: number, value: number | bigint): this {
    return this.#push(varintBytes(BigInt(field) << 3n), varintBytes(BigInt.asUintN(64, BigInt(value))))
  }

  ints(field: number, values: readonly (number | bigint)[]): this {
    return this.bytes(field, Buffer.concat(values.map((value) => varintBytes(BigInt.asUintN(64, BigInt(value))))))
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeFloatLE(value)
    return this.#push(varintBytes((BigInt(field) << 3n) | 5n), bytes)
  }

  floats(field: number, values: readonly number[]): this {
    const bytes = Buffer.alloc(4 * values.length)
    values.forEach((value, i) => void bytes.writeFloatLE(value, 4 * i))
    return this.bytes(field, bytes)
  }

  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    return this.#push(varintBytes((BigInt(field) << 3n) | 1n), bytes)
  }

  doubles(field: number, values: ArrayLike<number>): this {
    const bytes = Buffer.alloc(8 * values.length)
    for (let i = 0; i < values.length; ++i) bytes.writeDoubleLE(values[i]!, 8 * i)
    return this.bytes(field, bytes)
  }

  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value))
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#push(varintBytes((BigInt(field) << 3n) | 2n), varintBytes(BigInt(value.length)), value)
  }

  message(field: number, inner: Pick<ProtobufWriter, 'length' | 'parts'>): this {
    this.#push(varintBytes((BigInt(field) << 3n) | 2n), varintBytes(BigInt(inner.length)))
    for (const part of inner.parts) this.#push(part)
    return this
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #push(...parts: Uint8Array[]): this {
    for (const part of parts) {
      this.#parts.push(part)
      this.#length += part.length
    }
    return this
  }
}

function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
