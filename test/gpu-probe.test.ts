// The probe's questions about graphs on the simulated CUDA whose build GRUS_CUDA_SIM names (test/cuda-sim.test.ts does): what a sound cuDNN
// answers, and that one which is not is told apart.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const execute = promisify(execFile)
const sim = resolve(fileURLToPath(new URL('..', import.meta.url)), process.env.GRUS_CUDA_SIM ?? '')
const probe = join(sim, 'test/cudnn_probe')
const missing = process.env.GRUS_CUDA_SIM ? !existsSync(probe) && probe : 'a build of the simulated CUDA in GRUS_CUDA_SIM'
if (missing) console.info(`skipped: ${missing} is not there`)

async function ask(groups: string[], env: Record<string, string> = {}): Promise<Map<string, unknown>> {
  const { LD_PRELOAD: _, ...inherited } = process.env
  const all = { ...inherited, GRUS_CUDA_PATH: join(sim, 'lib'), GRUS_SIM_MISUSE: 'report', ...env }
  const { stdout } = await execute(probe, groups, { env: all })
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(answers.every(({ point }) => point === '8.13')).toBe(true)
  return new Map(answers.map(({ question, answer }) => [question, answer]))
}

const replays = 'replay of a ragged graph after its descriptors have changed'
const kinds = (name: string) => `kinds of nodes of the three calls captured, ${name}`

describe.skipIf(missing)('cudnn_probe', () => {
  it('graphs: what they keep, how many nodes they have, of which kinds', async () => {
    const answers = await ask(['graphs'])
    expect(answers.get(replays)).toEqual({ unchanged: 'same bits', 'other lengths': 'same bits', destroyed: 'same bits' })
    for (const name of ['STANDARD', 'STANDARD ragged', 'STANDARD ragged L 2 D 2', 'SMALL_H']) {
      expect(answers.get(kinds(name)), name).toEqual({ kernel: 12, memset: 1, 'copies from the host': 0 })
    }
    for (const name of ['STANDARD', 'SMALL_H', 'PERSIST_STATIC']) {
      const found = answers.get(`graph nodes by steps, ${name}, forward and backward`)
      expect(found, name).toEqual({ 'T 1': [4, 9], 'T 2': [4, 9], 'T 4': [4, 9] })
    }
  }, 120_000)

  it('tells a cuDNN that reads the lengths from the host when a graph is replayed', async () => {
    const answers = await ask(['graphs'], { GRUS_SIM_CUDNN_LENGTHS: 'host' })
    expect(answers.get(replays)).toEqual({ unchanged: 'same bits', 'other lengths': 'other bits', destroyed: 'other bits' })
    expect(answers.get(kinds('STANDARD ragged'))).toEqual({ kernel: 12, memcpy: 3, memset: 1, 'copies from the host': 3 })
  }, 120_000)

  it('captures beside another thread that allocates and frees', async () => {
    const question = 'capture while another thread allocates and frees'
    const none = { 'captures that broke, of 10': 0, 'the first': 'none', 'replays that differ': 0 }
    expect((await ask(['capture-frees'])).get(question)).toMatchObject(none)
    const broken = await ask(['capture-frees'], { GRUS_SIM_FAIL: 'cudaStreamBeginCapture:4:cudaErrorIllegalState' })
    const first = 'cudaStreamBeginCapture: cudaErrorIllegalState'
    expect(broken.get(question)).toMatchObject({ 'captures that broke, of 10': 1, 'the first': first })
  }, 120_000)
})
