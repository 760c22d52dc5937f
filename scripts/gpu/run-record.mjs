// A run of test:gpu while it goes on: what is over, as a record and as a summary, both written anew after every step.

import { basename, join } from 'node:path'
import { kindOfPath } from './places.mjs'
import { heading, rewriteRecord, writeRecord, writeWhole } from './record.mjs'

const worst = ['failed', 'out of time', 'left out', 'passed', 'not here']
const decidesNothing = ['machine', 'explain']
const without = (result, ...names) => Object.fromEntries(Object.entries(result).filter(([name]) => !names.includes(name)))

export class RunRecord {
  #about
  #root
  #results = []
  #steps = new Map() // of each part, those that are planned
  #running = new Map() // of each part, how many
  #file
  #bench = null

  /** @param about what was asked for, and { date, simulated, records, logs } */
  constructor(root, about) {
    this.#root = root
    this.#about = about
  }

  /** @param {Map<string, unknown[]>} steps by part */
  plan(steps) {
    this.#steps = steps
  }

  started({ part }) {
    this.#running.set(part, (this.#running.get(part) ?? 0) + 1)
    if (this.#file) this.write()
  }

  /** It was begun and has no result: it comes again, or is left out. */
  cut({ part }) {
    this.#running.set(part, this.#running.get(part) - 1)
  }

  /** @param {import('./record.mjs').StepResult & { devices?: unknown, answers?: unknown, bench?: object, kernels?: object[] }} result */
  add(result) {
    if (result.state !== 'left out') this.cut(result)
    this.#results.push(result)
    if (result.bench) this.#bench = basename(writeRecord(this.#about.records, 'bench', result.bench))
    if (this.#file) this.write()
  }

  /** The last report of `grus doctor`; an earlier one is forgotten: the libraries have been found since. */
  get devices() {
    return this.#results.findLast(({ part }) => part === 'doctor')?.devices
  }

  forgetDoctor() {
    this.#results = this.#results.filter(({ part }) => part !== 'doctor')
  }

  get bad() {
    return this.#results.filter(({ part, state }) => state !== 'passed' && state !== 'not here' && !decidesNothing.includes(part))
  }

  #stateOf(part, final) {
    const own = this.#results.filter((result) => result.part === part)
    const total = (field) => own.reduce((sum, result) => sum + (result[field] ?? 0), 0)
    const planned = this.#steps.get(part) ?? []
    const missing = own.length < planned.length
    const over = worst.find((state) => own.some((result) => result.state === state) || (missing && state === 'left out')) ?? 'not here'
    const begun = this.#running.get(part) > 0 || own.length > 0
    const state = final || !missing ? over : begun ? 'running' : 'waiting'
    return { state, seconds: Number(total('seconds').toFixed(1)), passed: total('passed'), failed: total('failed') }
  }

  #toRecord({ final, ended, stopped }) {
    const { date, simulated, parts, match, all, minutes, lanes, cudaPath } = this.#about
    const order = [...parts, 'explain']
    const results = this.#results.toSorted((a, b) => order.indexOf(a.part) - order.indexOf(b.part))
    const total = (field) => results.reduce((sum, result) => sum + (result[field] ?? 0), 0)
    const kernels = results.find((result) => result.kernels)?.kernels
    return {
      ...heading(this.#root, { devices: this.devices, simulated, date }),
      all,
      minutes,
      lanes,
      ...(cudaPath && { cudaPath: kindOfPath(cudaPath) }),
      parts,
      ...(match && { match }),
      states: Object.fromEntries(parts.map((part) => [part, this.#stateOf(part, final)])),
      ...(stopped && { stopped }),
      seconds: (Date.now() - date.getTime()) / 1000,
      passed: total('passed'),
      failed: total('failed'),
      ended,
      ok: ended && !stopped && this.bad.length === 0,
      steps: results.map((result) => without(result, 'answers', 'devices', 'bench', 'kernels')),
      probe: results.flatMap(({ answers }) => answers ?? []),
      ...(kernels && { kernels }),
      bench: this.#bench,
    }
  }

  /** @returns the record and its file */
  write({ final = false, ended = false, stopped, cudaPath } = {}) {
    if (cudaPath) this.#about.cudaPath = cudaPath
    const record = this.#toRecord({ final, ended, stopped })
    if (this.#file) rewriteRecord(this.#file, record)
    else this.#file = writeRecord(this.#about.records, 'tests', record)
    writeWhole(join(this.#about.logs, 'summary.txt'), summaryOf(record))
    return { record, file: this.#file }
  }
}

/** A line for each part, then what did not pass. */
function summaryOf(record) {
  const { date, device, simulated, commit, seconds, ended, stopped, states, steps, passed, failed, bench } = record
  const gpu = `${device.gpu ?? 'no GPU'}${simulated ? ' (simulated)' : ''}`
  const lines = [
    `${date} ${gpu}, cuDNN ${device.cudnn ?? 'unknown'}, grus at ${commit?.slice(0, 7) ?? 'an unknown commit'}`,
    ...Object.entries(states).map(([part, { state, ...counts }]) => {
      return `${part.padEnd(10)} ${state.padEnd(11)} ${counts.passed} passed, ${counts.failed} failed, ${counts.seconds.toFixed(0)} s`
    }),
    `${ended ? 'ended' : 'goes on'} after ${seconds.toFixed(0)} s: ${passed} passed, ${failed} failed${bench ? `; ${bench}` : ''}`,
    ...(stopped ? [`STOPPED: ${stopped}`] : []),
  ]
  const leftOut = steps.filter(({ state }) => state === 'left out').map(({ name }) => name)
  if (leftOut.length > 0) lines.push(`left out: ${leftOut.join(', ')}`)
  for (const { part, name, state, failures = [], why, said } of steps) {
    if (said && part === 'explain') lines.push('', `--- ${part}: ${name}`, ...said.split('\n').slice(-12))
    else if (!['passed', 'left out'].includes(state))
      lines.push('', `--- ${part}: ${name}: ${state}`, ...(why ? [why] : failures.slice(0, 5)))
  }
  return `${lines.join('\n')}\n`
}
