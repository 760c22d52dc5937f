// One implementation in a process of its own, which lives through the whole run: a request is a line on its stdin, the answer a line of
// JSON on its stdout. One that does not answer in time is killed, and started anew when it is next asked.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A request as a C++ program reads it: words parted by tabs. */
export const asWords = ({ command, ...fields }) => [command, ...Object.entries(fields).map(([key, value]) => `${key}=${value}`)].join('\t')

export class Worker {
  #start
  #encode
  #child
  #waiting
  #said = ''

  constructor(name, command, args, { env = {}, encode = JSON.stringify } = {}) {
    this.name = name
    this.#encode = encode
    this.#start = () => spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  }

  /** The answer; an Error with what it said where it fails, ends, or takes longer than `seconds`. */
  async ask(request, seconds) {
    if (!this.#child) this.#begin()
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`[${this.name}] no answer to '${request.command}' in ${seconds.toFixed(0)} s`)),
        1000 * seconds,
      )
    })
    const answered = new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
    answered.catch(() => {}) // when it is late
    this.#child.stdin.write(`${this.#encode(request)}\n`)
    try {
      return await Promise.race([answered, late])
    } catch (error) {
      if (this.#waiting) this.kill()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  kill() {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
    this.#answer(undefined, new Error(`[${this.name}] it was stopped`))
  }

  #begin() {
    const child = this.#start()
    this.#child = child
    this.#said = ''
    child.stdin.on('error', () => {}) // the end of the child says more
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#said = (this.#said + text).slice(-2000)
    })
    const ended = (reason) => {
      if (this.#child !== child) return
      this.#child = undefined
      this.#answer(undefined, new Error(`[${this.name}] ${reason}${this.#said && `: ${this.#said.trim()}`}`))
    }
    child.on('error', (error) => ended(error.message))
    child.on('close', (code, signal) => ended(`it ended with ${signal ?? code}`))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (this.#child !== child) return
      try {
        const answer = JSON.parse(line)
        this.#answer(answer, answer.error === undefined ? undefined : new Error(`[${this.name}] ${answer.error}`))
      } catch {
        this.#said += `${line}\n` // what a library prints
      }
    })
  }

  #answer(answer, error) {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (error) waiting?.reject(error)
    else waiting?.resolve(answer)
  }
}
