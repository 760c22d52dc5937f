import { check, GrusError } from './errors.js'
import { native } from './native.js'
import { describe } from './tensor.js'

/**
 * Sets how many threads the CPU engine takes for a model or a `Gru` that does not say (option `threads`), in the whole process, workers included, from
 * the next call on. The result does not depend on it. When several compute at the same time, each gets its share of its number.
 *
 * @param threads - an integer from 1 to 64
 * @throws GrusError INVALID_ARGUMENT
 */
export function setThreads(threads: number): void {
  const valid = Number.isInteger(threads) && threads >= 1 && threads <= 64
  check(valid, 'setThreads', `threads must be an integer from 1 to 64, got ${describe(threads)}`)
  native().setThreads(threads)
}

/**
 * How many threads a model or a `Gru` takes that does not say: what setThreads said, else `GRUS_NUM_THREADS`, else one for each core that this process may
 * use: hyper-threads, the affinity mask and a container's share of CPU time are taken into account.
 *
 * @throws GrusError INVALID_ARGUMENT for a `GRUS_NUM_THREADS` that is no such number
 */
export function getThreads(): number {
  const { threads, reason } = native().threads()
  if (threads === 0) throw new GrusError('INVALID_ARGUMENT', reason)
  return threads
}
