// In which order the parts run: first what all else rests on, then what is right, then what is fast, which has the GPU to itself.

/**
 * @typedef {{ parts: string[], lanes: number, share: number, alone?: boolean }} Stage
 *   lanes: steps that run at once; share: of all the time, kept for it by the stages before it;
 *   alone: it measures time, so nothing of it comes later, beside others
 */

/** @returns {Stage[]} */
export const stages = (lanes) => [
  { parts: ['machine', 'first'], lanes: 2, share: 0 },
  { parts: ['programs', 'suites', 'gpu', 'leak', 'probe'], lanes, share: 0 },
  { parts: ['speed', 'bench'], lanes: 1, share: 0.5, alone: true },
  { parts: ['profile', 'sanitizer'], lanes: 2, share: 0.12 }, // both are slow whatever they share
]

/** One of each part, then the next of each: long parts begin at once. */
function interleave(queues) {
  const most = Math.max(0, ...queues.map(({ length }) => length))
  return Array.from({ length: most }, (_, i) => queues.flatMap((queue) => queue.slice(i, i + 1))).flat()
}

/**
 * Runs all steps. Who runs what beside what changes no result: each step is a process. What its stage had no time for, to begin or to end
 * it, comes in the last one, behind the first step of each of its parts: the others of compute-sanitizer take what time there is.
 * @param {Stage[]} all
 * @param {Map<string, import('./run-step.mjs').Step[]>} steps by part
 * @param {{ begin: number, deadline: number, isOver: (until: number) => boolean,
 *   take: (step, until: number, again: boolean) => Promise<unknown>, goesOn: () => boolean }} run times in ms; take runs a step, or leaves
 *   it out where the time is over; where the step may come again, 'cut' says that `until` ended it
 */
export async function runStages(all, steps, { begin, deadline, isOver, take, goesOn }) {
  const late = []
  const runIn = (lanes, waiting, until, passOn) => {
    const lane = async () => {
      while (waiting.length > 0 && goesOn()) {
        const step = waiting.shift()
        const isLate = (passOn && isOver(until)) || (await take(step, until, passOn)) === 'cut'
        if (isLate && passOn) late.push(step)
      }
    }
    return Promise.all(Array.from({ length: lanes }, lane))
  }
  const queuesOf = ({ parts }) => parts.map((part) => steps.get(part) ?? []).filter(({ length }) => length > 0)
  for (const [at, stage] of all.entries()) {
    const later = all.slice(at + 1).filter((other) => queuesOf(other).length > 0)
    const until = deadline - later.reduce((sum, { share }) => sum + share * (deadline - begin), 0)
    const waiting = stage.lanes > 1 ? interleave(queuesOf(stage)) : queuesOf(stage).flat()
    if (stage === all.at(-1)) waiting.splice(queuesOf(stage).length, 0, ...late.splice(0))
    await runIn(stage.lanes, waiting, until, !stage.alone)
    if (!goesOn()) return
  }
  await runIn(Math.max(...all.map(({ lanes }) => lanes)), late, deadline, false)
}
