import { openFile, readAt } from '../../files/open-file.js'
import { cannot } from '../../files/paths.js'

/** The bytes of a file, read as they are asked for. */
export interface ByteSource {
  readonly size: number
  /** Exactly `length` bytes, in memory of their own. @throws when there are fewer */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  close(): Promise<void>
}

/** @throws GrusError INVALID_ARGUMENT for what cannot be opened or is no regular file */
export async function openSource(where: string, path: string): Promise<ByteSource> {
  const { file, size } = await openFile(where, path)
  return {
    size,
    read: async (position, length) => {
      try {
        // no Buffer: what is sliced of it must be a copy
        return new Uint8Array((await readAt(file, position, length)).buffer)
      } catch (cause) {
        throw cannot(where, 'read', path, cause)
      }
    },
    close: () => file.close(),
  }
}

/** A file that is in memory. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (position, length) => {
      if (position + length > bytes.length) throw new RangeError('the end of the bytes')
      return Uint8Array.from(bytes.subarray(position, position + length))
    },
    close: async () => {},
  }
}
