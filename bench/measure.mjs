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
  const limits = some.find((peer) => peer.limits)
  const { times, measured, done } = await time(
    some.filter(({ name }) => results[name] && !results[name].failed),
    limits,
    options,
  )
  for (const [name, rounds] of Object.entries(times)) {
    Object.assign(results[name], summarize(rounds))
    for (const base of bases.filter((base) => base !== name && times[base])) {
      results[name].against = { ...results[name].against, [base]: ratioOf(rounds, times[base]) }
    }
  }
  if (measured && work) for (const name of Object.keys(times)) Object.assign(results[name], judge(results[name].median, work, measured))
  const { id, kind, group, headline } = workload
  const least = measured && work && roofline(work, measured)
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
    const request = { command: 'prepare', workload, arrays, folder, threads, out: join(folder, peer.name), bytes: work?.weights ?? 0 }
    try {
      const answer = await peer.ask(request)
      if (peer.limits) continue
      results[peer.name] = { engine: answer.engine }
      if (peer.compared === false) results[peer.name].compared = false
      else if (reference) results[peer.name].difference = compare(answer.results, reference)
      else reference = answer.results
    } catch (error) {
      results[peer.name] = { failed: error.message }
    }
  }
  return results
}

async function time(peers, limits, { rounds, ms, limit }) {
  const times = Object.fromEntries(peers.map(({ name }) => [name, []]))
  const machine = []
  const all = limits ? [...peers, limits] : peers
  const start = performance.now()
  let done = 0
  for (; done < rounds && (done === 0 || performance.now() - start < 1000 * limit); done++) {
    for (let i = 0; i < all.length; i++) {
      const peer = all[(i + done) % all.length] // nobody always comes after the same
      if (peer.slow && done >= slowRounds) continue
      const answer = await peer.ask({ command: 'time', ms })
      if (peer.limits) machine.push(answer)
      else times[peer.name].push(answer.times)
      await sleep(20) // threads that spin for work to come go to sleep before the next is timed
    }
  }
  return { times, done, measured: limits && middle(machine) }
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
