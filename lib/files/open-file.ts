// The one door to files that are read. What is no regular file is refused before it is opened: a pipe would be waited for, and a device has no end.
import { type FileHandle, open, stat } from 'node:fs/promises'
import { GrusError } from '../errors.js'
import { cannot, checkPath } from './paths.js'

export interface OpenFile {
  file: FileHandle
  size: number
}

/** Bytes read at once where a file is read in pieces. */
const chunk = 2 ** 20

/** @throws GrusError INVALID_ARGUMENT for what cannot be opened or is no regular file */
export async function openFile(where: string, path: string): Promise<OpenFile> {
  checkPath(where, path)
  try {
    return await openRegular(path)
  } catch (cause) {
    throw cannot(where, 'read', path, cause)
  }
}

/** The same with the system's own error. */
export async function openRegular(path: string): Promise<OpenFile> {
  checkRegular(await stat(path))
  const file = await open(path, 'r')
  try {
    const found = await file.stat()
    checkRegular(found)
    return { file, size: found.size }
  } catch (error) {
    await file.close()
    throw error
  }
}

function checkRegular(found: { isFile(): boolean }): void {
  if (!found.isFile()) throw new Error('it is no regular file')
}

/** Reads from `position` on until `bytes` is full. @throws Error where the file ends before */
export async function fill(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(bytes.length - done, 2 ** 30), position + done)
    if (bytesRead === 0) throw new Error('the file became shorter while it was read')
    done += bytesRead
  }
}

/** So many bytes, in memory of their own. @throws Error where the file ends before */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.from(new ArrayBuffer(length))
  await fill(file, bytes, position)
  return bytes
}

/** The bytes from `start` to `end` in pieces. */
export async function* chunksOf(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += chunk) yield await readAt(file, at, Math.min(chunk, end - at))
}

/** Up to `most` bytes at the start of a file. @throws GrusError as openFile does */
export async function readBeginning(where: string, path: string, most: number): Promise<Buffer> {
  return await readFrom(where, path, (file, size) => readAt(file, 0, Math.min(size, most)))
}

/**
 * A whole file.
 *
 * @param most - of its bytes
 * @throws GrusError as openFile does; UNSUPPORTED for a larger one, before any of it is read
 */
export async function readWhole(where: string, path: string, most: number = 2 ** 31 - 1): Promise<Buffer<ArrayBuffer>> {
  return await readFrom(where, path, (file, size) => {
    if (size > most) throw new GrusError('UNSUPPORTED', `[${where}] ${path}: it has ${size} bytes, at most ${most} can be read`)
    return readAt(file, 0, size)
  })
}

async function readFrom<T>(where: string, path: string, read: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  const { file, size } = await openFile(where, path)
  try {
    return await read(file, size)
  } catch (cause) {
    throw cause instanceof GrusError ? cause : cannot(where, 'read', path, cause)
  } finally {
    await file.close()
  }
}
