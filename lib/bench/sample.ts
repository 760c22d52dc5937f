/** Milliseconds of one pass; hostMs: what the CPU does for it while a GPU computes. */
export interface Times {
  ms: number
  hostMs?: number
}

/** Something to time. */
export interface Subject {
  readonly engine: string
  /** Calls before the first that counts: where passes are captured, these are when. */
  readonly warmUps: number
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
  /** Seconds until the time for everything is up. */
  left(): number
}

const mostCalls = 10_000

/** Rounds of calls back to back, each as long as the seconds allow; a call that takes longer than all of them is timed alone. */
export async function sample(subject: Pick<Subject, 'run' | 'warmUps'>, { rounds, seconds, left }: Effort): Promise<Times[]> {
  if (subject.warmUps > 0) await subject.run(subject.warmUps)
  const start = performance.now()
  const first = await subject.run(1)
  const once = Math.max(performance.now() - start, 1e-3)
  const round = (1000 * seconds) / rounds
  const calls = Math.min(mostCalls, Math.max(1, Math.floor(round / once)))
  const samples = once < round ? [] : [first]
  const goesOn = () => left() > 0 && performance.now() - start < 2000 * seconds
  while (samples.length < rounds && (samples.length === 0 || goesOn())) samples.push(await subject.run(calls))
  return samples
}
