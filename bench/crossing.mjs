// What one step of one row costs beyond its arithmetic, from JavaScript into the engine and back: `node bench/crossing.mjs [--json]`.
// "native" is the same step in C++ alone, as a long sequence tells it: the time of one call of T steps, divided by T.
import { dense, Gru, gru, sequential, tensor } from '../dist/index.js'

const rounds = 15
const size = 4
const units = 8
const long = 2000

/** ns a call, the median of the rounds; calls of all subjects take turns, so that what slows the machine slows them all. */
async function measure(subjects) {
  const times = subjects.map(() => [])
  for (let round = -3; round < rounds; round++) {
    for (const [i, { calls, run }] of subjects.entries()) {
      const begin = performance.now()
      await run(calls)
      if (round >= 0) times[i].push(((performance.now() - begin) / calls) * 1e6)
    }
  }
  return times.map((list) => list.sort((a, b) => a - b)[rounds >> 1])
}

const repeat = (call) => (calls) => {
  for (let i = 0; i < calls; i++) call()
}
const repeatAsync = (call) => async (calls) => {
  for (let i = 0; i < calls; i++) await call()
}

const options = { device: 'cpu', threads: 1, seed: 1 }
const net = new Gru({ inputSize: size, hiddenSize: units, ...options })
const model = sequential([gru({ units, stateful: true, inputSize: size }), dense({ units: 1 })], options)
const still = sequential([dense({ units: 1, inputSize: 1 })], options)
model.build(size)
still.build(1)
const x = tensor(new Float32Array(size).fill(0.1), [1, 1, size])
const wholeX = tensor(new Float32Array(long * size).fill(0.1), [1, long, size])
const point = tensor(new Float32Array(1), [1, 1])
const hx = tensor(new Float32Array(units), [1, 1, units])
const out = { y: new Float32Array(units), hy: hx.data }
const modelOut = { out: new Float32Array(1) }
const wholeOut = { y: new Float32Array(long * units), hy: new Float32Array(units) }

const subjects = [
  { name: 'Gru.forwardSync, hx and out', calls: 20_000, run: repeat(() => net.forwardSync(x, { hx, out })) },
  { name: 'Gru.forwardSync, hx, new arrays', calls: 20_000, run: repeat(() => net.forwardSync(x, { hx })) },
  { name: 'Gru, one step within a long call', calls: 20, per: long, run: repeat(() => net.forwardSync(wholeX, { hx, out: wholeOut })) },
  { name: 'stateful gru + dense, predictSync, out', calls: 20_000, run: repeat(() => model.predictSync(x, modelOut)) },
  { name: 'dense 1 -> 1, predictSync, out', calls: 20_000, run: repeat(() => still.predictSync(point, modelOut)) },
  { name: 'dense 1 -> 1, predictSync, new array', calls: 20_000, run: repeat(() => still.predictSync(point)) },
  { name: 'dense 1 -> 1, await predict', calls: 500, run: repeatAsync(() => still.predict(point)) },
  { name: 'Gru, await forward', calls: 500, run: repeatAsync(() => net.forward(x, { hx })) },
]
const times = (await measure(subjects)).map((time, i) => time / (subjects[i].per ?? 1))
const rows = Object.fromEntries(subjects.map(({ name }, i) => [name, Math.round(times[i])]))
rows['crossing of Gru.forwardSync, hx and out: the first less the third'] = Math.round(times[0] - times[2])
if (process.argv.includes('--json')) console.log(JSON.stringify(rows))
else for (const [name, time] of Object.entries(rows)) console.log(`${name.padEnd(66)} ${String(time).padStart(8)} ns`)
for (const each of [net, model, still]) each.dispose()
