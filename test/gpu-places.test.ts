// What records of a GPU do not tell: where things lie on the machine, its name, its users, and what else they run.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { scratchFolder } from './support/scratch-folder.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const load = (name: string) => import(pathToFileURL(join(root, 'scripts/gpu', name)).href)
const { kindOfPath, withoutPlaces } = await load('places.mjs')
const { rewriteRecord, writeRecord } = await load('record.mjs')
const { runStep } = await load('run-step.mjs')
const { RunRecord } = await load('run-record.mjs')
const { explain, stepsOf } = await load('steps.mjs')

const scratch = scratchFolder()
const { script } = scratch
afterEach(() => vi.unstubAllEnvs())

const told = (text: string): string => JSON.parse(withoutPlaces({ text })).text

describe('places', () => {
  it.each([
    [`${root}test/a.test.ts:3: ${root.slice(0, -1)}`, './test/a.test.ts:3: .'],
    [`file://${root}dist/index.js`, 'file://./dist/index.js'],
    [`in '${homedir()}/a'`, "in '~/a'"],
    [`/mnt${homedir()}/a ${homedir()}less`, `/mnt${homedir()}/a ${homedir()}less`],
    ['File "/data/me/venv/lib/python3.12/site-packages/torch/a.py", line 1', 'File "…/site-packages/torch/a.py", line 1'],
    ['libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6', 'libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6'],
  ])('%s', (text, expected) => expect(told(text)).toBe(expected))

  it('that are the temporary folder or in GRUS_CUDA_PATH, as they are when a record is written', () => {
    vi.stubEnv('TMPDIR', '/scratch/of/me')
    expect(told('/scratch/of/me/grus-gpu-x/out')).toBe('$TMPDIR/grus-gpu-x/out')
    vi.stubEnv('GRUS_CUDA_PATH', `/data/of/me/lib64${delimiter}/data/of/me/cudnn`)
    expect(told('/data/of/me/lib64/libcudnn.so.9, /data/of/me/cudnn')).toBe('…/lib64/libcudnn.so.9, …/cudnn')
  })

  it('are left out of every record, however deep they are in it', () => {
    const record = { date: '2026-11-20T10:00:00.000Z', device: { gpu: 'NVIDIA H200' }, rows: [{ failed: `${root}x: no` }] }
    const file = writeRecord(scratch.path, 'bench', record)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ...record, rows: [{ failed: './x: no' }] })
    rewriteRecord(file, { ...record, stopped: `${root}y` })
    expect(JSON.parse(readFileSync(file, 'utf8')).stopped).toBe('./y')
  })
})

it.each([
  ['/home/me/venv/lib/python3.12/site-packages/nvidia', 'site-packages/nvidia'],
  ['/usr/lib/python3/dist-packages/nvidia/cudnn/lib', 'dist-packages/nvidia/cudnn/lib'],
  ['/usr/local/cuda-13.0/lib64', 'lib64'],
  ['/usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'],
  ['/home/me/cudnn/', 'cudnn'],
  [`/home/me/a/lib${delimiter}/home/me/cudnn`, `lib${delimiter}cudnn`],
])('of GRUS_CUDA_PATH %s a record says %s', (path, kind) => {
  expect(kindOfPath(path)).toBe(kind)
  const about = { date: new Date(), records: scratch.path, logs: scratch.path, parts: ['doctor'], minutes: 1, lanes: 1, all: false }
  const { record } = new RunRecord(root, about).write({ cudaPath: path })
  expect(record.cudaPath).toBe(kind)
})

describe.skipIf(process.platform !== 'linux')('what is said of a machine', () => {
  const where = () => ({ root, programs: scratch.path, scratch: scratch.path, simulated: true, lanes: 1, match: '' })
  const machine = () => stepsOf(where(), 'machine')[0]
  const libraries = () => explain(where()).find(({ name }: { name: string }) => name === 'ldd')

  it.each([
    ['when all is well', machine],
    ['when the engine does not stand', libraries],
  ])(
    '%s has neither names nor processes, which the log has',
    async (_, stepOf) => {
      script('uname', 'case "$1" in -a) echo Linux the-host 6.1 ;; *) echo Linux 6.1 x86_64 ;; esac')
      script(
        'nvidia-smi',
        'case "$1" in --query-gpu=*) echo "name, driver"; echo "H200, 580" ;; *) echo "| 4711 C /home/me/train |" ;; esac',
      )
      vi.stubEnv('GRUS_PYTHON', '/bin/false')
      const env = { PATH: `${scratch.path}:${process.env.PATH}`, GRUS_CUDA_PATH: scratch.path }
      const log = join(scratch.path, 'log')
      const step = { ...stepOf(), env }
      const { said } = step.judge(await runStep(step, { cwd: root, log, seconds: 60 }))
      expect(said).toContain('H200, 580')
      if (stepOf === machine) expect(said).toContain('Linux 6.1 x86_64')
      expect(said).not.toMatch(/the-host|4711|train|for the log|-rwx/)
      expect(readFileSync(log, 'utf8')).toMatch(/===== for the log alone\nLinux the-host 6.1\n\| 4711 C/)
    },
    60_000,
  )
})
