import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { RandomStream } from '../../lib/random.js'
import { tensor } from '../../lib/tensor.js'
import { bucketsOf } from '../../lib/tensorboard/buckets.js'
import { crc32c, recordOf } from '../../lib/tensorboard/record.js'
import { SummaryWriter } from '../../lib/tensorboard/summary-writer.js'
import { rejected } from '../support/errors.js'
import { eventFilesIn, readEvents, records } from '../support/event-file.js'
import { pythonMissing, runPython } from '../support/python.js'
import { rejectsWith } from '../support/values.js'

const disk = vi.hoisted(() => ({ full: false }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const opened: typeof real.open = async (...call) => {
    const file = await real.open(...call)
    const write = file.write.bind(file)
    const failing = async (bytes: Buffer, offset: number, length: number, position: number) => {
      if (!disk.full) return write(bytes, offset, length, position)
      await write(bytes, offset, length >> 1, position)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    }
    return Object.assign(file, { write: failing }) as typeof file
  }
  return { ...real, open: opened }
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grus-summary-'))
})
afterAll(() => rm(folder, { recursive: true }))

const randoms = new RandomStream(3, 'histogram')
const weights = Float32Array.from({ length: 1000 }, () => 2 * randoms.uniform() ** 2 - 0.5)

describe('records', () => {
  it('have the checksums that RFC 3720 lists', () => {
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
    expect(crc32c(Buffer.alloc(32, 255))).toBe(0x62a8ab43)
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })

  it('are what TensorFlow writes', () => {
    // tf.io.TFRecordWriter's bytes for b'grus'
    expect(recordOf(Buffer.from('grus')).toString('hex')).toBe('040000000000000042455204677275733a548070')
  })
})

describe('histograms', () => {
  it('count every value once, the largest in the last bucket', () => {
    const rows = bucketsOf(Float32Array.of(0, 0.5, 1, 1, 15, 29.5, 30))
    expect([...rows.slice(0, 9)]).toEqual([0, 1, 2, 1, 2, 2, 2, 3, 0])
    expect([...rows.slice(45, 48)]).toEqual([15, 16, 1])
    expect([...rows.slice(87)]).toEqual([29, 30, 2])
  })

  it('of equal values and of none', () => {
    const rows = bucketsOf(Int32Array.of(7, 7, 7))
    expect([...rows.slice(0, 3), ...rows.slice(87)]).toEqual([7, 7, 0, 7, 7, 3])
    expect(bucketsOf(new Float32Array(0))).toEqual(new Float64Array(90))
  })
})

describe('SummaryWriter', () => {
  it('writes figures, distributions and texts, in the order of the calls, before it is closed', async () => {
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_250)
    const logDir = join(folder, 'deep', 'run')
    const writer = new SummaryWriter({ logDir })
    void writer.addScalar('loss', 0.5, 0)
    void writer.addScalar('loss', Number.NaN, 1)
    void writer.addHistogram('weights', weights, 1)
    void writer.addHistogram('ids', tensor([[1, 2]], undefined, { dtype: 'int32' }), 2 ** 40)
    await writer.addText('notes', '**größe**', 3)
    const [file, ...others] = eventFilesIn(logDir)
    expect(others).toEqual([])
    const [first, ...events] = readEvents(file!)
    clock.mockRestore()
    const host = hostname().replace(/[^\w.-]/g, '_')
    expect(basename(file!)).toMatch(new RegExp(`^events\\.out\\.tfevents\\.1700000000\\.${host}\\.${process.pid}\\.\\d+$`))
    expect(new Set([first, ...events].map((event) => event!.wallTime))).toEqual(new Set([1_700_000_000.25]))
    expect(events.map(({ step }) => step)).toEqual([0, 1, 1, 2 ** 40, 3])
    const [loss, notFinite, histogram, ids, text] = events.flatMap(({ values }) => values)
    expect(loss).toEqual({ tag: 'loss', plugin: 'scalars', dataClass: 1, shape: [], content: [0.5] })
    expect(notFinite!.content).toEqual([Number.NaN])
    expect(histogram).toEqual({ tag: 'weights', plugin: 'histograms', dataClass: 2, shape: [30, 3], content: [...bucketsOf(weights)] })
    expect(ids!.content).toEqual([...bucketsOf([1, 2])])
    expect(text).toEqual({ tag: 'notes', plugin: 'text', dataClass: 2, shape: [], content: '**größe**' })
    await writer.close()
    await writer.close()
    expect(await rejected(writer.addScalar('loss', 1, 1), 'DISPOSED')).toMatch(/closed/)
    expect(await rejected(writer.flush(), 'DISPOSED')).toMatch(/closed/)
  })

  it('keeps values that are not finite out of the buckets and says how many there are', async () => {
    const logDir = join(folder, 'diverged')
    await using writer = new SummaryWriter({ logDir })
    await writer.addHistogram('w', [1, Number.NaN, 3, Number.NEGATIVE_INFINITY], 4)
    const [histogram, count] = readEvents(eventFilesIn(logDir)[0]!)[1]!.values
    expect(histogram!.content).toEqual([...bucketsOf([1, 3])])
    expect(count).toMatchObject({ tag: 'w/not_finite', plugin: 'scalars', content: [2] })
  })

  it('takes the values as they are when it is called', async () => {
    const logDir = join(folder, 'snapshot')
    await using writer = new SummaryWriter({ logDir })
    const values = Float32Array.of(1, 2)
    const added = writer.addHistogram('w', values, 0)
    values.fill(9)
    await added
    expect(readEvents(eventFilesIn(logDir)[0]!)[1]!.values[0]!.content).toEqual([...bucketsOf([1, 2])])
  })

  it('gives every writer a file of its own', async () => {
    const logDir = join(folder, 'twice')
    for (const value of [1, 2]) {
      await using writer = new SummaryWriter({ logDir })
      await writer.flush()
      await writer.addScalar('x', value, value)
    }
    expect(eventFilesIn(logDir).map((file) => readEvents(file)[1]!.values[0]!.content)).toEqual([[1], [2]])
  })

  it('leaves whole records when the disk is full, and goes on when it no longer is', async () => {
    const logDir = join(folder, 'full')
    await using writer = new SummaryWriter({ logDir })
    await writer.addScalar('x', 1, 1)
    const [file] = eventFilesIn(logDir)
    const before = await readFile(file!)
    disk.full = true
    expect(await rejected(writer.addScalar('x', 2, 2))).toMatch(/^\[SummaryWriter\] cannot write '.*tfevents.*ENOSPC/)
    disk.full = false
    expect(await readFile(file!)).toEqual(before)
    await writer.addScalar('x', 3, 3)
    expect(readEvents(file!).map(({ step }) => step)).toEqual([0, 1, 3])
  })

  it('refuses folders that cannot be, and wrong arguments', async () => {
    await writeFile(join(folder, 'taken'), '')
    const blocked = new SummaryWriter({ logDir: join(folder, 'taken', 'run') })
    expect(await rejected(blocked.flush())).toMatch(/^\[SummaryWriter\] cannot write '.*taken/)
    expect(await rejected(blocked.addScalar('x', 1, 1))).toMatch(/cannot write/)
    await blocked.close()
    rejectsWith(() => new SummaryWriter({} as never), 'INVALID_ARGUMENT', /logDir is required: a path/)
    const writer = new SummaryWriter({ logDir: join(folder, 'never') })
    expect(await rejected(writer.addScalar('', 1, 1))).toMatch(/tag must be a name/)
    expect(await rejected(writer.addScalar('x', '1' as never, 1))).toMatch(/value must be a number, got '1'/)
    expect(await rejected(writer.addScalar('x', 1, 0.5))).toMatch(/step must be an integer of at least 0, got 0\.5/)
    expect(await rejected(writer.addHistogram('x', 'y' as never, 1))).toMatch(/values must be a tensor or nested arrays/)
    expect(await rejected(writer.addText('x', 7 as never, 1))).toMatch(/markdown must be a string/)
    await writer.close()
    await expect(open(writer.logDir)).rejects.toThrow('ENOENT')
  })
})

describe("TensorBoard's own readers", () => {
  const missing = pythonMissing('tensorboard', 'numpy')

  it('read the same, histograms as tf.summary counts them', async ({ skip }) => {
    skip(missing !== undefined, missing)
    const logDir = join(folder, 'read')
    await using writer = new SummaryWriter({ logDir })
    await writer.addScalar('loss', 0.1, 7)
    await writer.addHistogram('weights', weights, 8)
    await writer.addHistogram('equal', [2, 2], 8)
    await writer.addText('notes', '# a\n\n- größe', 9)
    // cut off in its last record, as by a crash: all before it must be read
    const [file] = eventFilesIn(logDir)
    const tail = recordOf([...records(await readFile(file!))].at(-1)!)
    const crashed = join(folder, 'crashed')
    await using other = new SummaryWriter({ logDir: crashed })
    await other.addScalar('x', 5, 1)
    const [cut] = eventFilesIn(crashed)
    await writeFile(cut!, Buffer.concat([await readFile(cut!), tail.subarray(0, -3)]))
    const said = runPython(
      `
import json, sys, numpy as np
from tensorboard import data_compat, dataclass_compat
from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.plugins.histogram import summary_v2
from tensorboard.util import tensor_util
weights = np.frombuffer(bytes.fromhex(sys.argv[3]), '<f4')
def load(path):
    return list(event_file_loader.EventFileLoader(path).Load())
values = {}
for event in load(sys.argv[1]):
    for value in data_compat.migrate_event(event).summary.value:
        array = tensor_util.make_ndarray(value.tensor)
        content = array.item().decode() if array.dtype == object else array.tolist()
        values[value.tag] = [event.step, value.metadata.plugin_data.plugin_name, value.metadata.data_class, content]
def counted(tag, data):
    return tensor_util.make_ndarray(summary_v2.histogram_pb(tag, data).value[0].tensor).tolist()
accumulator = event_accumulator.EventAccumulator(sys.argv[1])
accumulator.Reload()
print(json.dumps({
    'values': values,
    'counted': counted('weights', weights),
    'equal': counted('equal', [2, 2]),
    'tags': accumulator.Tags()['tensors'],
    'plugins': {name: sorted(accumulator.PluginTagToContent(name)) for name in ('scalars', 'histograms', 'text')},
    'crashed': [event.step for event in load(sys.argv[2])],
}))
`,
      [file!, cut!, Buffer.from(weights.buffer).toString('hex')],
    )
    const { values, counted, equal, tags, plugins, crashed: read } = JSON.parse(said) as Record<string, never>
    expect(values).toEqual({
      loss: [7, 'scalars', 1, Math.fround(0.1)],
      weights: [8, 'histograms', 2, counted],
      equal: [8, 'histograms', 2, equal],
      notes: [9, 'text', 2, '# a\n\n- größe'],
    })
    expect(tags).toEqual(['loss', 'weights', 'equal', 'notes'])
    expect(plugins).toEqual({ scalars: ['loss'], histograms: ['equal', 'weights'], text: ['notes'] })
    expect(read).toEqual([0, 1])
  })
})
