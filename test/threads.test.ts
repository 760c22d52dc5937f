import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { diagnose, Gru, getThreads, setThreads, tensor } from '../lib/index.js'
import { native } from '../lib/native.js'
import { thrown } from './support/errors.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const cpu = () => diagnose().find(({ device }) => device === 'cpu')!

/** What a fresh process says with this GRUS_NUM_THREADS. */
function fresh(threads: string): string {
  const script =
    "import('./dist/index.js').then(({ getThreads }) => console.log(getThreads())).catch(({ code, message }) => console.log(code, message))"
  const env = { ...process.env, GRUS_NUM_THREADS: threads }
  return execFileSync(process.execPath, ['-e', script], { cwd: join(root), env, encoding: 'utf8' }).trim()
}

test('the environment says it, or the machine', () => {
  expect(fresh('5')).toBe('5')
  expect(fresh('0')).toBe("INVALID_ARGUMENT [device] GRUS_NUM_THREADS must be 1 to 64, got '0'")
  expect(fresh('many')).toContain('INVALID_ARGUMENT')
  expect(Number(fresh(''))).toBeGreaterThan(0)
})

test('setThreads says it for the process', async () => {
  const before = getThreads()
  expect(before).toBeGreaterThanOrEqual(1)
  expect(cpu().threads).toBe(before)
  expect(cpu().threadsReason).not.toBe('')
  const make = () => new Gru({ inputSize: 2, hiddenSize: 40, seed: 1, device: 'cpu' })
  const x = tensor(new Float32Array(8 * 3 * 2).fill(0.5), [8, 3, 2])
  using first = make()
  setThreads(3)
  expect(getThreads()).toBe(3)
  expect(cpu()).toMatchObject({ threads: 3, threadsReason: 'setThreads' })
  using second = make()
  expect(await second.forward(x)).toEqual(await first.forward(x))
  setThreads(before)
})

test('setThreads refuses what is no number from 1 to 64', () => {
  const before = getThreads()
  for (const wrong of [0, -1, 65, 1.5, Number.NaN, '2', null, undefined, [1], 2n, Symbol('2')]) {
    expect(thrown(() => setThreads(wrong as number))).toContain('threads must be an integer from 1 to 64')
    expect(() => native().setThreads(wrong as number)).toThrow()
  }
  expect(getThreads()).toBe(before)
})
