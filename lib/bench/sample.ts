/** Milliseconds of one pass; hostMs: what the CPU does for it while a GPU computes. */
export interface Times {
  ms: number
  hostMs?: number
}

/** Something to time. */
export interface Subject {
  readonly engine: string
  /** Passes of one call. */
  readonly passes: number
  /** So many calls, one after the other. */
  run(calls: number): Promise<Times>
  /** @throws GrusError if what was computed cannot be right */
  check(): Promise<void>
  /** Resolves when its memory is free. */
  dispose(): Promise<void>
}

export interface Effort {
  rounds: number
  /** for all rounds of a row together */
  seconds: number
  /** False when the time for everything is up. */
  goesOn(): boolean
}

const mostCalls = 10_000

/** Rounds of calls back to back, each as long as the seconds allow; a call that takes longer than all of them is timed alone. */
export async function sample(subject: Pick<Subject, 'run'>, { rounds, seconds, goesOn }: Effort): Promise<Times[]> {
  await subject.run(1) // where passes are captured, this is when
  const start = performance.now()
  const first = await subject.run(1)
  const once = Math.max(performance.now() - start, 1e-3)
  const round = (1000 * seconds) / rounds
  const calls = Math.min(mostCalls, Math.max(1, Math.floor(round / once)))
  const samples = once < round ? [] : [first]
  const left = () => goesOn() && performance.now() - start < 2000 * seconds
  while (samples.length < rounds && (samples.length === 0 || left())) samples.push(await subject.run(calls))
  return samples
}
