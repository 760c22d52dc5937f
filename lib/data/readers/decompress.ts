// The codecs of Parquet's pages. None makes more than the page's head says, and a head may not say more than the codec could make of the bytes.
import * as zlib from 'node:zlib'
import { ParquetError } from './thrift.js'

/** A codec that this Node lacks, and the package that has it is not installed. */
export class MissingCodec extends Error {}

type Inflate = (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer
/** Since Node 22.15. */
const zstd = (zlib as { zstdDecompressSync?: Inflate }).zstdDecompressSync

/** What one byte can become at most; of those not here the decoder makes memory as it goes. */
const mostPerByte: Readonly<Record<string, number>> = { SNAPPY: 24, LZ4: 256, LZ4_RAW: 256, ZSTD: 2 ** 17 }

export async function decompress(codec: string, bytes: Uint8Array, size: number): Promise<Uint8Array> {
  if (codec === 'UNCOMPRESSED') return exactly(bytes, size)
  // 0 for maxOutputLength would mean no limit
  if (size === 0) return new Uint8Array(0)
  if (size > 64 + bytes.length * (mostPerByte[codec] ?? Number.POSITIVE_INFINITY)) {
    throw new ParquetError(`a page of ${size} bytes from ${bytes.length} compressed by ${codec}`)
  }
  return exactly(await inflate(codec, bytes, size), size)
}

async function inflate(codec: string, bytes: Uint8Array, size: number): Promise<Uint8Array> {
  const limit = { maxOutputLength: size }
  switch (codec) {
    case 'SNAPPY': {
      const { snappyUncompress } = await import('hyparquet')
      const page = new Uint8Array(size)
      snappyUncompress(bytes, page)
      return page
    }
    case 'GZIP':
      return zlib.gunzipSync(bytes, limit)
    case 'BROTLI':
      return zlib.brotliDecompressSync(bytes, limit)
    case 'ZSTD':
      if (zstd) return zstd(bytes, limit)
  }
  const decode = (await compressors())[codec]
  if (!decode) throw new MissingCodec(codec)
  return decode(bytes, size)
}

type Compressors = Readonly<Record<string, (bytes: Uint8Array, size: number) => Uint8Array>>

async function compressors(): Promise<Compressors> {
  // not a name that the compiler would look for: it is no dependency
  const name: string = 'hyparquet-compressors'
  return import(name).then(
    (loaded: { compressors: Compressors }) => loaded.compressors,
    () => ({}),
  )
}

function exactly(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length !== size) throw new ParquetError(`a page of ${bytes.length} bytes whose head says ${size}`)
  return bytes
}
