// Runs one program of the device's tests: with a limit of time, its output kept and written to the log when it ends.

import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'

/**
 * @typedef {{ part: string, name: string, file: string, args: string[] | ((seconds: number) => string[]), env?: Record<string, string>,
 *   seconds: number, judge: (end: End) => Judgement }} Step
 * @typedef {{ status: number | null, signal: string | null, timedOut: boolean, stopped: boolean, stdout: string, output: string }} End
 * @typedef {{ passed?: number, failed?: number, skipped?: number, failures?: string[], [fact: string]: unknown }} Judgement
 */

// A step is a process group. Descriptor 3 is a pipe from this process: when this process is gone, however it went, the pipe ends and what
// reads it ends the group. Without it a step would live on after a SIGKILL, and disturb whatever is timed next.
const guard = `(trap '' TERM INT HUP; read -r _ <&3; kill -KILL 0) </dev/null >/dev/null 2>&1 & exec "$@" 3<&-`
const graceMs = 1500 // between asking a step to end and ending it: the benchmark writes its record
const stuckMs = 3000 // a process that waits for a hung driver cannot be killed, and is not waited for
const mostLogged = 1 << 20
const running = new Set()

const signalGroup = (child, signal) => {
  try {
    process.kill(-child.pid, signal)
  } catch {} // it has just ended
}

/** Ends what runs now. Each runStep then tells so. */
export function stopAll() {
  for (const stop of running) stop()
}

/**
 * All that it started dies with it. Never takes longer than `seconds` and a few more.
 * @param {Step} step
 * @param {{ cwd: string, log?: string, seconds: number }} where
 * @returns {Promise<End>}
 */
export function runStep({ part, name, file, args, env }, { cwd, log, seconds }) {
  return new Promise((resolve) => {
    const command = [file, ...(typeof args === 'function' ? args(seconds) : args)]
    const child = spawn('/bin/sh', ['-c', guard, 'sh', ...command], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
    })
    let [stdout, output, timedOut, stopped, ended] = ['', '', false, false, false]
    const timers = []
    const later = (ms, action) => timers.push(setTimeout(action, ms))
    const end = (status, signal) => {
      if (ended) return
      ended = true
      for (const timer of timers) clearTimeout(timer)
      running.delete(stop)
      if (log) appendFileSync(log, `\n===== ${part}: ${name}\n$ ${command.join(' ')}\n${middleCut(output)}`)
      resolve({ status, signal, timedOut, stopped, stdout, output })
    }
    const kill = () => {
      signalGroup(child, 'SIGTERM')
      later(graceMs, () => signalGroup(child, 'SIGKILL'))
      later(graceMs + stuckMs, () => {
        output += '\nit does not end, even killed: it waits for the driver\n'
        for (const stream of child.stdio) stream?.destroy()
        child.unref()
        end(null, 'SIGKILL')
      })
    }
    const stop = () => {
      stopped = true
      kill()
    }
    running.add(stop)
    later(seconds * 1000, () => {
      timedOut = true
      kill()
    })
    const take = (chunk, isOutput) => {
      output += chunk
      if (isOutput) stdout += chunk
    }
    child.stdout.setEncoding('utf8').on('data', (chunk) => take(chunk, true))
    child.stderr.setEncoding('utf8').on('data', (chunk) => take(chunk, false))
    child.stdio[3].on('error', () => {}) // its reader is gone first
    child.on('error', (error) => take(`${error.message}\n`, false))
    child.on('exit', () => signalGroup(child, 'SIGKILL')) // what it left behind, and the reader of the pipe
    child.on('close', end)
  })
}

function middleCut(text) {
  if (text.length <= mostLogged) return text
  return `${text.slice(0, mostLogged / 2)}\n[... ${text.length - mostLogged} characters ...]\n${text.slice(-mostLogged / 2)}`
}
