// What the output of a step says: counts, and failures with their messages, shortened.

import { existsSync, readFileSync, rmSync } from 'node:fs'

const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')

/** Without colours, at most `most` characters. */
export function shorten(text, most = 600) {
  const plain = text.replace(escapes, '').trim()
  return plain.length > most ? `${plain.slice(0, most)} …` : plain
}

export const lastLines = (output, count = 6) => shorten(output.trim().split('\n').slice(-count).join('\n'))

/** How what a limit of time ended says so. */
export const outOfTime = 'out of time'

/** How a process ended that should have ended with 0; nothing when it did. */
export function badEnd({ status, signal, timedOut, stopped, output }) {
  if (status === 0) return []
  const how = stopped ? 'stopped from outside' : timedOut ? outOfTime : signal ? `ended by ${signal}` : `exit status ${status}`
  return [`${how}: ${lastLines(output)}`]
}

const nothingTested = 77 // the exit status of a program that found no GPU

/** `N passed, M failed` is its last line. One that only skips has tested nothing, and that is a failure here. */
export function judgeProgram(end) {
  const counts = [...end.output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1)
  const skips = [...end.output.matchAll(/^skipped: (.*)$/gm)].map(([, reason]) => shorten(reason, 200))
  const failures = end.output
    .split(/^(?=FAILED )/m)
    .filter((block) => block.startsWith('FAILED '))
    .map((block) =>
      shorten(
        [
          block.split('\n')[0],
          ...block
            .split('\n')
            .slice(1)
            .filter((line) => line.startsWith('  ')),
        ].join('\n'),
        400,
      ),
    )
  if (!counts && (end.status === 0 || end.status === nothingTested))
    failures.push(`nothing was tested: ${skips[0] ?? lastLines(end.output)}`)
  if (failures.length === 0 || end.timedOut || end.signal) failures.push(...badEnd(end))
  return { passed: Number(counts?.[1] ?? 0), failed: counts ? Number(counts[2]) : 1, ...(skips.length > 0 && { skips }), failures }
}

/** Of vitest's JSON report in `file`, which is removed. */
export function judgeVitest(file) {
  return (end) => {
    if (!existsSync(file))
      return { passed: 0, failed: 1, failures: [...badEnd(end), ...(end.status === 0 ? ['vitest left no report'] : [])] }
    const report = JSON.parse(readFileSync(file, 'utf8'))
    rmSync(file)
    const failures = report.testResults.flatMap(({ name, status, message, assertionResults }) => {
      const failed = assertionResults.filter((test) => test.status === 'failed')
      const suite = name.slice(Math.max(0, name.lastIndexOf('/test/')) + 1)
      if (failed.length === 0 && status === 'failed') return [`${suite}: ${shorten(message)}`]
      return failed.map(({ fullName, failureMessages }) => `${suite}: ${fullName}: ${shorten(failureMessages[0] ?? '')}`)
    })
    const { numPassedTests: passed, numFailedTests, numPendingTests: skipped } = report
    if (failures.length === 0) failures.push(...badEnd(end))
    if (passed === 0 && failures.length === 0) failures.push('nothing was tested')
    const suites = report.testResults.length
    const parity = parityOf(report.testResults.flatMap(({ assertionResults }) => assertionResults))
    return { suites, passed, failed: Math.max(numFailedTests, failures.length), skipped, ...(parity && { parity }), failures }
  }
}

/** By precision, the largest errors that tests noted of themselves (test/gpu/parity.test.ts), and of how many cases. */
function parityOf(tests) {
  const all = {}
  for (const [precision, errors] of tests.flatMap(({ meta }) => Object.entries(meta?.parity ?? {}))) {
    const so = all[precision] ?? { forward: 0, gradients: 0, cases: 0 }
    const [forward, gradients] = ['forward', 'gradients'].map((what) => Math.max(so[what], errors[what]))
    all[precision] = { forward, gradients, cases: so.cases + 1 }
  }
  return Object.keys(all).length > 0 ? all : undefined
}

/** `grus doctor --json`: device 'cuda' must be there. */
export function judgeDoctor(end) {
  if (end.status !== 0) return { passed: 0, failed: 1, failures: badEnd(end) }
  const devices = JSON.parse(end.stdout)
  const cuda = devices.find(({ device }) => device === 'cuda')
  const failures = cuda?.available ? [] : [`device 'cuda' is not available: ${cuda?.detail ?? 'unknown'}`]
  return { passed: failures.length ? 0 : 1, failed: failures.length, failures, devices }
}

/** compute-sanitizer: its own summary, beside what the program it watched says. */
export function judgeSanitizer(fails) {
  return (end) => {
    const summary = /ERROR SUMMARY: (\d+) error/.exec(end.output)
    const errors = summary ? Number(summary[1]) : -1
    const found = [...end.output.matchAll(/^={9} ((?:Invalid|Uninitialized|Misaligned|Program hit|Out-of-range|Leaked).*)$/gm)]
    const messages = [...new Set(found.map(([, text]) => text))].slice(0, 10).map((text) => shorten(text, 300))
    if (!summary) {
      const ended = badEnd(end)
      const failures = [...(fails ? messages : []), ...(ended.length > 0 ? ended : [`no summary: ${lastLines(end.output)}`])]
      return { passed: 0, failed: 1, failures }
    }
    const program = judgeProgram({ ...end, status: 0 }).failures
    const failures = [...(errors > 0 && fails ? [`${errors} errors`, ...messages] : []), ...program]
    return { passed: failures.length ? 0 : 1, failed: failures.length ? 1 : 0, errors, ...(!fails && errors > 0 && { messages }), failures }
  }
}

/** The probe's JSON lines. A group that died says so in an answer; only that all of them did is a failure. */
export function judgeProbe(end) {
  const answers = []
  const failures = badEnd(end)
  const lines = end.stdout.split('\n')
  if (end.timedOut) lines.pop() // it may be half of one
  for (const line of lines.filter((text) => text.startsWith('{"point"'))) {
    try {
      answers.push(JSON.parse(line))
    } catch {
      failures.push(`no JSON: ${shorten(line, 200)}`)
    }
  }
  if (!end.timedOut && answers.every(({ question }) => question.startsWith('the rest of '))) {
    failures.push(`no answers: ${shorten(JSON.stringify(answers[0]?.answer ?? ''), 300)}`)
  }
  return { passed: answers.length, failed: failures.length, failures, answers }
}

/** What a step writes behind this line names the machine and who else uses it: it is for the log, not for a record. */
export const forTheLog = '===== for the log alone'

/** What is only told: it decides nothing. The end says most. */
export function judgeFacts(end) {
  const [told] = end.output.split(`${forTheLog}\n`)
  const said = told.replace(escapes, '').trim().slice(-3000)
  const failures = badEnd(end).map((text) => text.split(':')[0])
  return { said: said || (failures[0] ?? 'nothing'), failures }
}
