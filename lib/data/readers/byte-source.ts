import { type FileHandle, open } from 'node:fs/promises'
import { cannot, checkPath } from '../../files/paths.js'

/** The bytes of a file, read as they are asked for. */
export interface ByteSource {
  readonly size: number
  /** Exactly `length` bytes, in memory of their own. @throws when there are fewer */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  close(): Promise<void>
}

/** @throws GrusError INVALID_ARGUMENT for what cannot be opened or is no regular file */
export async function openSource(where: string, path: string): Promise<ByteSource> {
  checkPath(where, path)
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('it is no regular file')
    return fileSource(where, path, file, stat.size)
  } catch (cause) {
    await file?.close()
    throw cannot(where, 'read', path, cause)
  }
}

function fileSource(where: string, path: string, file: FileHandle, size: number): ByteSource {
  return {
    size,
    read: async (position, length) => {
      const bytes = new Uint8Array(length)
      try {
        for (let done = 0; done < length; ) {
          const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), position + done)
          if (bytesRead === 0) throw new Error('it became shorter while it was read')
          done += bytesRead
        }
      } catch (cause) {
        throw cannot(where, 'read', path, cause)
      }
      return bytes
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
