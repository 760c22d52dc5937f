// A folder of a test's own, gone after it, and files in it.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

export interface ScratchFolder {
  /** Of the test that runs. */
  readonly path: string
  /** Its path; folders on the way are made. */
  write(name: string, text: string | Buffer): string
  /** A shell script that can be run: its path. */
  script(name: string, text: string): string
}

/** Called where `beforeEach` may be. */
export function scratchFolder(): ScratchFolder {
  let path = ''
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'grus-scratch-'))
  })
  afterEach(() => rmSync(path, { recursive: true, force: true }))
  function write(name: string, text: string | Buffer): string {
    const file = join(path, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }
  return {
    get path() {
      return path
    },
    write,
    script(name, text) {
      const file = write(name, `#!/bin/sh\n${text}\n`)
      chmodSync(file, 0o755)
      return file
    },
  }
}
