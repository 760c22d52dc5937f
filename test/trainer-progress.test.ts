import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Callback } from '../lib/callbacks/callback.js'
import { progressBar } from '../lib/callbacks/progress-bar.js'
import { dense, gru } from '../lib/layers.js'
import { sequential } from '../lib/model.js'
import { tensor } from '../lib/tensor.js'
import { Trainer } from '../lib/trainer.js'
import type { FitOptions } from '../lib/training/options.js'
import { testDevice } from './support/devices.js'
import { toyData, toyModel } from './support/toy.js'
import { rejectsWith } from './support/values.js'

const data = toyData(40)

/** Everything written to a stream that is a terminal or not, during one fit. */
async function shown(isTTY: boolean, options: FitOptions = {}, columns = 200): Promise<string> {
  const chunks: string[] = []
  const stream = { isTTY, columns, write: (text: string) => chunks.push(text) } as unknown as NodeJS.WriteStream
  using model = toyModel()
  const trainer = new Trainer(model, { loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  const callbacks = [progressBar({ stream }), ...(options.callbacks ?? [])]
  await trainer.fit(data, { epochs: 2, batchSize: 8, validationSplit: 0.2, verbose: false, ...options, callbacks }).catch(() => {})
  return chunks.join('')
}

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

describe('progress', () => {
  const line =
    /^Epoch \d\/2 {2}[\d.]+m?s {2}[\d.]+ sequences\/s {2}loss 0\.\d{4} {2}accuracy [01]\.\d{4} {2}val_loss 0\.\d{4} {2}val_accuracy [01]\.\d{4}$/

  it('is one plain line an epoch in a pipe', async () => {
    const lines = (await shown(false)).split('\n')
    expect(lines).toHaveLength(3)
    expect(lines.pop()).toBe('')
    for (const text of lines) expect(text).toMatch(line)
  })

  it.each([
    ['CI', 'true'],
    ['TERM', 'dumb'],
  ])('is plain with %s=%s, also on a terminal', async (name, value) => {
    vi.stubEnv('CI', '')
    vi.stubEnv(name, value)
    const text = await shown(true)
    expect(text.match(/\p{Cc}/gu)).toEqual(['\n', '\n'])
    for (const part of text.trimEnd().split('\n')) expect(part).toMatch(line)
  })

  it('refuses what is no stream', () => {
    rejectsWith(() => progressBar({ stream: {} as never }), 'INVALID_ARGUMENT', /^\[progressBar\] stream must be a writable stream, got/)
  })

  it('is a bar on a terminal, whose last state stays', async () => {
    vi.stubEnv('CI', '')
    vi.stubEnv('TERM', 'xterm')
    const text = await shown(true)
    expect(text).toContain('Epoch 1/2 [------------------------] 0/4')
    for (const epoch of [1, 2]) {
      expect(text).toMatch(
        new RegExp(`Epoch ${epoch}/2 \\[={24}\\] 4/4 {2}[\\d.]+m?s {2}[\\d.]+ sequences/s {2}loss .*val_accuracy [01]\\.\\d{4}`),
      )
    }
    expect(text.endsWith('\n')).toBe(true)
  })

  it('lets go of the terminal when the fit fails', async () => {
    vi.stubEnv('CI', '')
    vi.stubEnv('TERM', 'xterm')
    const failing = {
      onBatchEnd() {
        throw new Error('failed')
      },
    }
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const text = await shown(true, { callbacks: [failing] })
    expect(text).toMatch(/Epoch 1\/2 \[-{24}\] 0\/4.*\n$/s)
    expect(timers()).toBeLessThanOrEqual(before) // another's may have run out meanwhile
  })

  it('leaves the settings of the terminal alone, and keeps to its width', async () => {
    vi.stubEnv('CI', '')
    vi.stubEnv('TERM', 'xterm')
    const text = await shown(true, {}, 60)
    expect(text).not.toMatch(/\[\?\d+[hl]/)
    const bars = text.match(/Epoch [^\p{Cc}]*/gu)!
    expect(bars.length).toBeGreaterThan(3)
    for (const bar of bars) expect(bar.length).toBeLessThanOrEqual(60)
  })

  it('tells the learning rate once it has changed', async () => {
    const lower: Callback = {
      onEpochEnd(_epoch, _logs, { trainer }) {
        trainer.learningRate = 5e-4
      },
    }
    const [first, second] = (await shown(false, { callbacks: [lower] })).split('\n')
    expect(first).not.toContain('learningRate')
    expect(second).toMatch(/learningRate 5\.00e-4$/)
  })

  it('goes to stderr by itself, and nowhere with verbose: false', async () => {
    const [stderr, stdout] = [process.stderr, process.stdout].map((stream) => vi.spyOn(stream, 'write').mockReturnValue(true))
    using model = toyModel()
    const trainer = new Trainer(model, { loss: 'binaryCrossentropy' })
    await trainer.fit(data, { epochs: 2, verbose: false })
    await trainer.evaluate(data)
    expect(stderr!.mock.calls).toEqual([])
    for (const options of [{}, { verbose: true }, { verbose: 'auto' }] as const) await trainer.fit(data, options)
    await trainer.evaluate(data, { verbose: true })
    const lines = stderr!.mock.calls.map(([text]) => String(text))
    expect(lines.join('').split('\n')).toHaveLength(5)
    expect(lines.at(-1)).toMatch(/^loss 0\.\d{4}\n$/)
    expect(stdout!.mock.calls).toEqual([])
  })
})

describe('the event loop', () => {
  it('is free while a fit computes for seconds', { timeout: 300_000, retry: 2 }, async () => {
    const [rows, steps, features] = [128, 100, 64]
    const x = tensor(
      Float32Array.from({ length: rows * steps * features }, (_, i) => Math.sin(i)),
      [rows, steps, features],
    )
    const y = tensor(new Float32Array(rows))
    using model = sequential([gru({ units: 384 }), dense({ units: 1 })], { seed: 1, device: testDevice })
    const trainer = new Trainer(model, { loss: 'mse' })
    await trainer.fit({ x, y }, { batchSize: 64, verbose: false })
    const delay = monitorEventLoopDelay({ resolution: 5 })
    const begun = performance.now()
    let epochs = 0
    delay.enable()
    while (performance.now() - begun < 2000) {
      await trainer.fit({ x, y }, { batchSize: 64, verbose: false })
      epochs++
    }
    delay.disable()
    const perBatch = (performance.now() - begun) / (2 * epochs)
    // in nanoseconds; one batch alone would hold it for perBatch
    expect(delay.max / 1e6, `a batch takes ${perBatch.toFixed(0)} ms`).toBeLessThan(250)
    expect(delay.percentile(90) / 1e6).toBeLessThan(100)
  })
})
