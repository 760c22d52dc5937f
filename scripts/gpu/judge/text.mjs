// A judgement as text: for the terminal, and the block of docs/gpu.md.

import { basename } from 'node:path'
import { figureOf, goals } from '../goals.mjs'
import { asSource } from './decisions.mjs'

const cell = (value) => String(value).replaceAll('|', '\\|').replaceAll('\n', ' ')
const line = (cells) => `| ${cells.map(cell).join(' | ')} |`
const table = (head, rows) => [line(head), line(head.map(() => '---')), ...rows.map(line)]
const section = (title, lines) => (lines.length > 0 ? ['', `### ${title}`, '', ...lines] : [])
const shorten = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text)

/** The table of docs/gpu.md: what is aimed at. */
export const goalsTable = () =>
  table(
    ['goal', 'figure', ''],
    goals.map((goal) => [goal.id, figureOf(goal), goal.goal]),
  ).join('\n')

const counts = (verdicts) =>
  ['met', 'missed', 'not measured'].map((state) => `${verdicts.filter((verdict) => verdict.state === state).length} ${state}`).join(', ')

const heading = ({ date, what, device, grus, commit, tiny }) =>
  `${what} of ${date.slice(0, 10)}, ${device.gpu ?? 'no GPU'}, driver ${device.driver ?? 'unknown'}, cuDNN ${device.cudnn ?? 'unknown'}, ` +
  `cuBLAS ${device.cublas ?? 'unknown'}, grus ${grus ?? ''} at ${commit?.slice(0, 7) ?? 'an unknown commit'}${tiny ? ', tiny sizes' : ''}`

const verdictTable = (verdicts) =>
  table(
    ['goal', 'figure', 'state', 'measured'],
    verdicts.map((verdict) => [verdict.id, figureOf(verdict), verdict.state === 'missed' ? '**missed**' : verdict.state, verdict.measured]),
  )

const missLines = (verdicts) =>
  verdicts.flatMap(({ id, misses }) => [
    ...misses.slice(0, 8).map((miss) => `- ${id}: ${miss}`),
    ...(misses.length > 8 ? [`- ${id}: and ${misses.length - 8} more`] : []),
  ])

function decisionLines(decisions) {
  if (!decisions) return []
  const { algorithms, limits, autotune } = decisions
  const rules =
    algorithms.length > 0
      ? [
          '```cpp',
          asSource(algorithms),
          '```',
          ...algorithms.map(
            ({ name, shapes, steps, rows }) =>
              `- ${name}: ${shapes} shapes, of ${steps.join(', ')} steps${rows.length > 0 ? '' : '; standard is best'}`,
          ),
        ]
      : ['Not measured: no shape of the sweep has been timed.']
  const { measured, faster } = autotune
  const rows = faster.slice(0, 8).map(({ id, ratio }) => `- ${id}: ${ratio.toFixed(2)} times as fast`)
  const tuned = measured > 0 ? `It is worth it on ${faster.length} of ${measured} rows.` : 'Not measured.'
  return [
    ...section("Which of cuDNN's algorithms by size", rules),
    ...section(
      'Which limits move',
      table(
        ['limit', 'today', 'state', 'measured'],
        limits.map(({ limit, today, state, measured }) => [limit, today, state, measured]),
      ),
    ),
    ...section('Autotune instead of the choice by shape', [tuned, ...(rows.length > 0 ? ['', ...rows] : [])]),
  ]
}

const pointLines = (points) =>
  points.some(({ questions }) => questions.length > 0)
    ? table(
        ['point', 'question', 'answer', ''],
        points.flatMap(({ point, about, state, questions }) => [
          [point, `**${about}**`, '', state],
          ...questions.map(({ question, answer, verdict, assumes }) => [
            point,
            question,
            shorten(typeof answer === 'string' ? answer : (JSON.stringify(answer) ?? ''), 100),
            assumes ? `${verdict}: ${assumes}` : verdict,
          ]),
        ]),
      )
    : []

/** For the terminal. */
export function toText({ records, merged, verdicts, points, decisions }) {
  const { simulated, timed, rows, leftOut } = merged
  return [
    ...(simulated ? ['A SIMULATED GPU MADE THIS: ITS TIMES SAY NOTHING, AND IT DECIDES NOTHING.', ''] : []),
    ...records.flatMap((record) => [
      `${record.file}: ${heading(record)}`,
      ...(record.stopped ? [`  stopped early: ${record.stopped}`] : record.ended === false ? ['  it did not end'] : []),
      ...(record.bench && !records.some(({ file }) => basename(file) === record.bench) ? [`  not beside it: ${record.bench}`] : []),
    ]),
    ...(!simulated && !timed && rows.length > 0 ? ['', 'TINY SIZES: THE TIMES SAY NOTHING.'] : []),
    ...section(`Goals: ${counts(verdicts)}`, verdictTable(verdicts)),
    ...section('Missed', missLines(verdicts)),
    ...(leftOut.length > 0 ? ['', `${leftOut.length} rows were left out for lack of time.`] : []),
    ...decisionLines(decisions),
    ...section("The open points of cuDNN's documentation", pointLines(points)),
  ].join('\n')
}

export const noRecord = '**The engine has not run on a GPU yet**: no record lies in `docs/gpu/`, and none of the goals has been measured.'

/** For the page: what was measured when on what, and what follows. */
export function toBlock({ records, merged, verdicts, decisions }, link) {
  const sources = records.map((record) => `- [${link(record)}](gpu/${link(record)}): ${heading(record)}`)
  return [
    ...sources,
    '',
    `${counts(verdicts)}.`,
    '',
    ...verdictTable(verdicts),
    ...section('Missed', missLines(verdicts)),
    ...(merged.leftOut.length > 0 ? ['', `${merged.leftOut.length} rows were left out for lack of time.`] : []),
    ...decisionLines(decisions),
  ].join('\n')
}
