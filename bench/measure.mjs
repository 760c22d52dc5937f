// One row: whoever can compute it does, is compared, and is then timed in rounds beside the others.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compare } from './compare.mjs'
import { roofline, workOf } from './limits.mjs'
import { takes } from './peers.mjs'
import { median, ratioOf, round, summarize } from './summary.mjs'

const slowRounds = 2
const bases = ['grus', 'grus-native']

/** options: rounds, ms (of one peer in one round), limit (seconds after which there is no further round). */
export async function measure(workload, arrays, threads, peers, folder, options) {
  const work = workOf(workload)
  const some = peers.filter((peer) => takes(peer, workload) && (work || !peer.limits))
  const results = await prepare(workload, arrays, threads, some, folder, work)
  const { times, machine, done } = await time(
    some.filter(({ name }) => !results[name].failed),
    results,
    options,
  )
  const measured = machine.length > 0 ? middle(machine) : undefined
  if (!results.limits?.failed) delete results.limits
  for (const [name, rounds] of Object.entries(times)) {
    Object.assign(results[name], summarize(rounds))
    for (const base of bases.filter((base) => base !== name && times[base])) {
      results[name].against = { ...results[name].against, [base]: ratioOf(rounds, times[base]) }
    }
  }
  if (measured) for (const name of Object.keys(times)) Object.assign(results[name], judge(results[name].median, work, measured))
  const { id, kind, group, headline } = workload
  const least = measured && roofline(work, measured)
  return {
    workload: id,
    kind,
    group,
    ...(headline && { headline }),
    threads,
    rounds: done,
    ...(work && { flop: work.flop, bytes: work.bytes }),
    ...(measured && { limits: measured }),
    ...(least && { roofline: { ms: round(least.ms), bound: least.bound } }),
    peers: results,
  }
}

/** Lets each compute once. { name: { engine, difference } or { failed } } */
async function prepare(workload, arrays, threads, peers, folder, work) {
  const results = {}
  let reference
  for (const peer of peers) {
    const request = { command: 'prepare', workload, arrays, folder, threads, out: join(folder, peer.name), bytes: work?.again ?? 0 }
    try {
      const answer = await peer.ask(request)
      results[peer.name] = { engine: answer.engine }
      if (peer.limits) continue
      if (peer.compared === false) results[peer.name].compared = false
      else if (reference) results[peer.name].difference = compare(answer.results, reference)
      else reference = answer.results
    } catch (error) {
      results[peer.name] = { failed: error.message }
    }
  }
  return results
}

/** { times: of each round, by name; machine: what the peer of limits answered; done: rounds }. Who fails leaves, and `results` says so. */
async function time(peers, results, { rounds, ms, limit }) {
  const times = {}
  const machine = []
  const start = performance.now()
  let done = 0
  for (; done < rounds && (done === 0 || performance.now() - start < 1000 * limit); done++) {
    for (let i = 0; i < peers.length; i++) {
      const peer = peers[(i + done) % peers.length] // nobody always comes first
      if (results[peer.name].failed || (peer.slow && done >= slowRounds)) continue
      try {
        const answer = await peer.ask({ command: 'time', ms })
        if (peer.limits) machine.push(answer)
        else times[peer.name] = [...(times[peer.name] ?? []), answer.times]
      } catch (error) {
        results[peer.name] = { failed: error.message }
        delete times[peer.name]
      }
      await sleep(20) // threads that spin for work to come go to sleep before the next is timed
    }
  }
  return { times, machine, done }
}

const middle = (answers) =>
  Object.fromEntries(Object.keys(answers[0]).map((name) => [name, round(median(answers.map((answer) => answer[name])))]))

function judge(ms, work, measured) {
  const gflops = work.flop / ms / 1e6
  return {
    gflops: round(gflops),
    ofFma: round(gflops / measured.fma),
    ofGemm: round(gflops / Math.max(measured.gemm, measured.sgemm ?? 0)),
    ofRoofline: round(roofline(work, measured).ms / ms),
  }
}
