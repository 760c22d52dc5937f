// The command `grus` of the compiled library, as a process.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: { grus: string } }

export const command: string = join(root, manifest.bin.grus)

export interface Outcome {
  status: unknown
  stdout: string
  stderr: string
}

export function grus(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((done) => {
    execFile(process.execPath, [command, ...args], { env: { ...process.env, ...env }, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      done({ status: error ? error.code : 0, stdout, stderr })
    })
  })
}
