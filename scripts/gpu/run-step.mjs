// Runs one program of the device's tests: with a limit of time, its output kept and written to the log.

import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'

/**
 * @typedef {{ part: string, name: string, file: string, args: string[], env?: Record<string, string>, seconds: number,
 *   judge: (end: End) => Judgement }} Step
 * @typedef {{ status: number | null, signal: string | null, timedOut: boolean, stdout: string, output: string }} End
 * @typedef {{ passed?: number, failed?: number, skipped?: number, failures?: string[], [fact: string]: unknown }} Judgement
 */

/**
 * All that it started dies with it: a step of its own process group.
 * @param {Step} step
 * @param {{ cwd: string, log: string, seconds: number }} where
 * @returns {Promise<End>}
 */
export function runStep({ part, name, file, args, env }, { cwd, log, seconds }) {
  return new Promise((resolve) => {
    appendFileSync(log, `\n===== ${part}: ${name}\n$ ${[file, ...args].join(' ')}\n`)
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let [stdout, output, timedOut] = ['', '', false]
    const kill = () => {
      timedOut = true
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {} // it has just ended
    }
    const timer = setTimeout(kill, seconds * 1000)
    const take = (chunk, isOutput) => {
      output += chunk
      if (isOutput) stdout += chunk
      appendFileSync(log, chunk)
    }
    child.stdout.setEncoding('utf8').on('data', (chunk) => take(chunk, true))
    child.stderr.setEncoding('utf8').on('data', (chunk) => take(chunk, false))
    child.on('error', (error) => take(`${error.message}\n`, false))
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      resolve({ status, signal, timedOut, stdout, output })
    })
  })
}
