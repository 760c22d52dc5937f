import { randomBytes } from 'node:crypto'
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file whole or not at all: aside first, synced, then renamed over the old one, whose mode it keeps.
 *
 * @throws what the system or `parts` throws; then the old file is as it was
 */
export async function replaceFile(path: string, parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const old = await stat(target).catch(() => undefined)
  if (old && !old.isFile()) throw new Error('it is no regular file')
  const aside = `${target}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(aside, 'wx', old?.mode ?? 0o666)
    try {
      for await (const part of parts) await writeAll(file, part)
      if (old) await file.chmod(old.mode)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, target)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
  await syncFolder(dirname(target))
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 2 ** 30))
    done += bytesWritten
  }
}

/** Makes the rename last through a power cut, where the system can sync a folder. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}
