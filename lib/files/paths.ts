import { GrusError } from '../errors.js'
import { describe } from '../tensor.js'

/** @throws GrusError INVALID_ARGUMENT for what can be no file's path */
export function checkPath(where: string, path: string): void {
  if (typeof path === 'string' && path.length > 0 && !path.includes('\0')) return
  throw new GrusError('INVALID_ARGUMENT', `[${where}] path must be a file's path, got ${describe(path)}`)
}

/** The error for what the system refuses. */
export function cannot(where: string, what: 'read' | 'write', path: string, cause: unknown): GrusError {
  return new GrusError('INVALID_ARGUMENT', `[${where}] cannot ${what} '${path}': ${(cause as Error).message}`, { cause })
}
