import { randomBytes } from 'node:crypto'
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Writes a file whole or not at all: aside first, synced, then renamed over the old one, whose mode it keeps.
 *
 * @throws what the system or `parts` throws; then the old file is as it was
 */
export async function replaceFile(path: string, parts: Parts): Promise<void> {
  await replaceFiles([{ path, parts }])
}

/**
 * Writes files that belong together, of which the last one names the others. All are written aside before the first is renamed, and the old last one is gone
 * before that: whenever a machine stops, no last file lies beside others than its own.
 *
 * @throws what the system or `parts` throws; then the old files are as they were, or the last one is missing
 */
export async function replaceFiles(files: readonly { path: string; parts: Parts }[]): Promise<void> {
  const written: { aside: string; target: string }[] = []
  try {
    for (const { path, parts } of files) {
      const target = await realpath(path).catch(() => path)
      const aside = besides(target)
      written.push({ aside, target })
      await writeAside(aside, target, parts)
    }
    const [first, last] = [written[0]!, written.at(-1)!]
    const old = first === last ? undefined : await moveAway(last.target)
    try {
      await rename(first.aside, first.target)
    } catch (error) {
      if (old !== undefined) await rename(old, last.target)
      throw error
    }
    for (const { aside, target } of written.slice(1)) await rename(aside, target)
    if (old !== undefined) await rm(old, { force: true })
  } catch (error) {
    for (const { aside } of written) await rm(aside, { force: true })
    throw error
  }
  for (const folder of new Set(written.map(({ target }) => dirname(target)))) await syncFolder(folder)
}

function besides(target: string): string {
  return `${target}.${randomBytes(6).toString('hex')}.tmp`
}

async function writeAside(aside: string, target: string, parts: Parts): Promise<void> {
  const old = await stat(target).catch(() => undefined)
  if (old && !old.isFile()) throw new Error('it is no regular file')
  const file = await open(aside, 'wx', old?.mode ?? 0o666)
  try {
    for await (const part of parts) await writeAll(file, part)
    if (old) await file.chmod(old.mode)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** @returns where a file is now; undefined: there was none */
async function moveAway(path: string): Promise<string | undefined> {
  const away = besides(path)
  try {
    await rename(path, away)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // a crash must not find the new first file in place and this one too
  await syncFolder(dirname(path))
  return away
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
