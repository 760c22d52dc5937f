// Who is measured, each in a process of its own that lives through the whole run.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programOf } from './native.mjs'
import { asWords, Worker } from './worker.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const layers = ['forward', 'forward+backward']
const patience = 300 // seconds that an answer may take

// weights: what they may be stored as while computing, ['float32'] unless said.
// slow: only rows marked so, and few rounds. compared: false for what computes another GRU, with weights of its own.
const list = [
  { name: 'grus', kinds: [...layers, 'training'], script: 'grus.mjs', weights: ['float32', 'bfloat16'] },
  { name: 'grus-native', kinds: layers, program: 'grus', weights: ['float32', 'bfloat16'] },
  { name: 'torch', kinds: [...layers, 'training'], python: 'torch_gru.py' },
  { name: 'onnxruntime', kinds: ['forward'], script: 'onnxruntime.mjs', needs: 'onnxruntime-node' },
  { name: 'onednn', kinds: layers, program: 'onednn' },
  { name: 'cblas', kinds: layers, program: 'cblas' },
  { name: 'tfjs', kinds: ['forward'], script: 'tfjs.mjs', args: ['cpu'], needs: '@tensorflow/tfjs', slow: true, compared: false },
  {
    name: 'tfjs-wasm',
    kinds: ['forward'],
    script: 'tfjs.mjs',
    args: ['wasm'],
    needs: '@tensorflow/tfjs-backend-wasm',
    slow: true,
    compared: false,
  },
  { name: 'brain.js', kinds: ['forward'], script: 'brain.mjs', needs: 'brain.js', slow: true, compared: false },
  { name: 'limits', kinds: layers.concat('training'), program: 'limits', limits: true },
]
export const peerNames = list.map(({ name }) => name)

/** Whether a peer can compute a row. */
export const takes = (peer, { kind, slow, weights = 'float32' }) =>
  peer.kinds.includes(kind) && (!peer.slow || slow === true) && (peer.limits || (peer.weights ?? ['float32']).includes(weights))

/** Starts those of the peers that are here; says why others are not. Each gets `ask`, `close` and `info`. */
export async function startPeers(names, python, say) {
  const started = []
  for (const peer of list.filter(({ name }) => names.includes(name))) {
    const reason = missing(peer, python)
    if (reason) {
      say(`${peer.name} is skipped: ${reason}`)
      continue
    }
    const worker = start(peer, python)
    try {
      const ask = (request) => worker.ask(request, patience)
      started.push({ ...peer, info: await ask({ command: 'info' }), ask, close: () => worker.kill() })
    } catch (error) {
      worker.kill()
      say(`${peer.name} is skipped: ${error.message}`)
    }
  }
  return started
}

function missing({ python: script, program, needs }, python) {
  if (script && !existsSync(python)) return `there is no ${python} (python3 -m venv .venv && .venv/bin/pip install torch==2.13.0)`
  if (program && !programOf(program)) return 'its program was not built'
  if (needs && !existsSync(join(here, 'node_modules', needs))) return `${needs} is not installed (npm install --prefix bench)`
  return undefined
}

function start({ name, script, args = [], python: pythonScript, program }, python) {
  const file = (one) => join(here, 'peers', one)
  if (script) return new Worker(name, process.execPath, [file(script), ...args])
  if (pythonScript) return new Worker(name, python, ['-W', 'ignore', file(pythonScript)])
  return new Worker(name, programOf(program), [], { encode: toWords, env: openblasEnvironment() })
}

/** A request as the programs in C++ read it. */
function toWords({ command, workload, folder, threads, out, bytes, ms }) {
  if (command !== 'prepare') return asWords({ command, ...(ms && { ms }) })
  const { steps = 0, batch = 0, input = 0, hidden = 0, weights = 'float32', kind } = workload
  const backward = kind === 'forward+backward' ? 1 : 0
  return asWords({ command, steps, batch, input, hidden, backward, weights, threads, bytes, out, arrays: folder })
}

/** OpenBLAS takes its oldest kernels for CPUs that are younger than it: here it is told what the CPU can do. */
function openblasEnvironment() {
  const flags = existsSync('/proc/cpuinfo') ? (/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].split(' ') ?? []) : []
  const has = (...names) => names.every((name) => flags.includes(name))
  const core = has('avx512f', 'avx512bw', 'avx512dq', 'avx512vl') ? 'SkylakeX' : has('avx2', 'fma') ? 'Haswell' : undefined
  return core && process.env.OPENBLAS_CORETYPE === undefined ? { OPENBLAS_CORETYPE: core } : {}
}
