// How the CUDA engine finds NVIDIA's libraries and what it says when it cannot use them.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type Answer,
  built,
  component,
  cublasFiles,
  cudnnFiles,
  folder,
  look,
  scratch,
  simLibraries,
  whole,
} from './support/cuda-process.js'

/** The message of the error, which must hold what diagnose() says too: the problem, the table, and what would help. */
function refusal({ error, cuda }: Answer): string {
  expect(error?.code).toBe('BACKEND_UNAVAILABLE')
  expect(cuda.available).toBe(false)
  expect(error?.message).toContain(`device 'cuda' cannot be used here: ${cuda.detail}\n`)
  expect(error?.message).toContain('\nPossible solutions:\n- ')
  expect(error?.message).toContain("\n- or use device 'cpu' or 'auto'")
  return error!.message
}

describe('the driver and the GPUs', () => {
  const GRUS_CUDA_PATH = simLibraries

  test('without a driver no library is opened for a session, and diagnose() tells of them all the same', async () => {
    const answer = await look({ GRUS_CUDA_PATH, GRUS_SIM_DRIVER: '0' })
    const message = refusal(answer)
    expect(message).toContain('there is no NVIDIA driver (libcuda.so.1)')
    expect(message).toMatch(/- install the NVIDIA driver \d+ or newer/)
    expect(message).toContain('--gpus all')
    expect(message).not.toContain('libcudnn')
    expect(component(answer.cuda, 'cuDNN')).toMatchObject({ ok: true, version: '9.24.0', path: join(simLibraries, 'libcudnn.so.9') })
    expect(answer.warnings).toEqual([])
  })

  test('a driver that is too old: both versions, and which one to install', async () => {
    const answer = await look({ GRUS_CUDA_PATH, GRUS_SIM_DRIVER: '12040' })
    expect(refusal(answer)).toContain('the NVIDIA driver is too old: it knows CUDA 12.4, grus needs 13.0')
    expect(answer.cuda.advice?.[0]).toBe('install the NVIDIA driver 580 or newer')
    expect(component(answer.cuda, 'driver')).toMatchObject({ ok: false, version: 'CUDA 12.4' })
  })

  test('no GPU: CUDA_VISIBLE_DEVICES is named where it is set', async () => {
    const answer = await look({ GRUS_CUDA_PATH, GRUS_SIM_DEVICES: '0', CUDA_VISIBLE_DEVICES: '' })
    expect(refusal(answer)).toContain('the NVIDIA driver finds no GPU')
    expect(answer.cuda.advice?.[0]).toContain("CUDA_VISIBLE_DEVICES is ''")
    expect(answer.cuda.advice?.join()).toContain('nvidia-smi')
  })

  test('a GPU that is too old', async () => {
    const answer = await look({ GRUS_CUDA_PATH, GRUS_SIM_CAPABILITY: '61' })
    expect(refusal(answer)).toMatch(/Simulated GPU: too old, 7.5 \(Turing\) is the least/)
  })

  test('everything is there: nothing is opened before a GPU is asked for, then each library with version and path', async () => {
    const answer = await look({ GRUS_CUDA_PATH })
    expect(answer.before).toEqual([])
    expect(answer.opened.sort()).toEqual(whole().map((file) => join(simLibraries, file)))
    const rows = answer.cuda.components?.map(({ name, ok, version }) => ({ name, ok, version }))
    expect(rows).toEqual([
      { name: 'driver', ok: true, version: 'CUDA 13.0' },
      { name: 'GPU 0', ok: true, version: expect.stringContaining('compute capability 9.0') },
      { name: 'GPU 1', ok: true, version: expect.stringContaining('compute capability 9.0') },
      { name: 'runtime', ok: true, version: '13.0, part of grus' },
      { name: 'cuDNN', ok: true, version: '9.24.0' },
      { name: 'cuBLASLt', ok: true, version: '13.1.0' },
      { name: 'cuBLAS', ok: true, version: '13.1.0' },
    ])
    expect(answer.cuda).toMatchObject({ available: true, detail: expect.stringContaining('cudnn 9.24.0'), advice: [] })
    expect({ error: answer.error, warnings: answer.warnings }).toEqual({ error: null, warnings: [] })
  })
})

describe('cuDNN that is not used', () => {
  test.each([
    ['8904', 'cuDNN (libcudnn.so.9 8.9.4): too old, grus needs cuDNN 9'],
    ['91000', 'cuDNN (libcudnn.so.9 9.10.0): this one release is not used'],
    ['100000', 'cuDNN (libcudnn.so.9 10.0.0): newer than this grus knows'],
  ])('version %s', async (version, text) => {
    const answer = await look({ GRUS_CUDA_PATH: simLibraries, GRUS_SIM_CUDNN_VERSION: version })
    expect(refusal(answer)).toContain(text)
    expect(answer.cuda.advice?.[0]).toMatch(/pip install --upgrade nvidia-cudnn-cu13/)
  })

  test('missing: every place that was searched', async (context) => {
    const only = folder('only-cublas', cublasFiles())
    const answer = await look({ GRUS_CUDA_PATH: `${only}:${scratch}/nowhere` })
    if (component(answer.cuda, 'cuDNN')?.ok) context.skip('this machine has a cuDNN of its own')
    const message = refusal(answer)
    expect(message).toContain('cuDNN (libcudnn.so.9): not found')
    expect(message).toContain(`- GRUS_CUDA_PATH ${only}: not there`)
    expect(message).toContain(`- GRUS_CUDA_PATH ${scratch}/nowhere: no such folder`)
    expect(message).toContain('- loader (LD_LIBRARY_PATH, ldconfig): not there')
    expect(message).toMatch(/export GRUS_CUDA_PATH=\$\(python3 -c .*\)/)
    expect(message).toContain('libcudnn9-cuda-13')
  })

  test('another major version is named', async (context) => {
    const old = folder('cudnn-8', cublasFiles(), { 'libcudnn.so.8': 'libcudnn.so.9' })
    const answer = await look({ GRUS_CUDA_PATH: old })
    if (component(answer.cuda, 'cuDNN')?.ok) context.skip('this machine has a cuDNN of its own')
    expect(refusal(answer)).toContain(`not found, only ${old}/libcudnn.so.8`)
  })

  test('the JIT-only package', async (context) => {
    const jit = ['libcudnn.so.9', 'libcudnn_graph.so.9', 'libcudnn_engines_runtime_compiled.so.9', ...cublasFiles()]
    const path = folder('jit', jit)
    const answer = await look({ GRUS_CUDA_PATH: path })
    if (component(answer.cuda, 'cuDNN')?.ok) context.skip('this machine has a cuDNN of its own')
    expect(refusal(answer)).toContain(`${path}/libcudnn.so.9: no libcudnn_ops.so.9 beside it, this is the JIT-only package`)
    expect(answer.cuda.advice?.[0]).toContain('install cuDNN anew')
    expect(answer.opened).not.toContain(`${path}/libcudnn.so.9`)
  })

  test.for(['graph', 'ops', 'adv'])('without libcudnn_%s it is not opened, which would end the process', async (part, context) => {
    const path = folder(
      `without-${part}`,
      whole().filter((file) => file !== `libcudnn_${part}.so.9`),
    )
    const answer = await look({ GRUS_CUDA_PATH: path })
    if (component(answer.cuda, 'cuDNN')?.ok) context.skip('this machine has a cuDNN of its own')
    expect(refusal(answer)).toContain(`${path}/libcudnn.so.9: no libcudnn_${part}.so.9 beside it, this copy is incomplete`)
    expect(answer.opened.filter((file) => file.startsWith(`${path}/libcudnn`))).toEqual([])
  })

  test('a whole copy further on is taken in place of an incomplete one', async () => {
    const path = folder('incomplete', ['libcudnn.so.9'])
    const { cuda } = await look({ GRUS_CUDA_PATH: `${path}:${simLibraries}` })
    expect(component(cuda, 'cuDNN')).toMatchObject({ ok: true, path: join(simLibraries, 'libcudnn.so.9') })
  })

  test('a file that the loader refuses: its own words, and the file that was asked for', async (context) => {
    const path = folder('broken', whole())
    writeFileSync(join(path, 'libcudnn_ops.so.9'), 'no library')
    const answer = await look({ GRUS_CUDA_PATH: path })
    if (component(answer.cuda, 'cuDNN')?.ok) context.skip('this machine has a cuDNN of its own')
    expect(refusal(answer)).toMatch(new RegExp(`${path}/libcudnn_ops.so.9: .*(invalid ELF header|file too short)`))
    expect(answer.cuda.advice?.[0]).toContain("the library that the loader's message names")
  })

  test('a function that is missing is named', async () => {
    const path = folder('old-functions', whole())
    const file = join(path, 'libcudnn.so.9')
    writeFileSync(file, Buffer.from(readFileSync(file, 'latin1').replaceAll('cudnnBuildRNNDynamic', 'cudnnBuildRNNDynamiX'), 'latin1'))
    expect(refusal(await look({ GRUS_CUDA_PATH: path }))).toContain('it has no function cudnnBuildRNNDynamic')
  })

  test('a part of another copy in the process', async () => {
    const mine = folder('mine', whole())
    const other = folder('other', ['libcudnn_ops.so.9', 'libgrus_sim.so'])
    const answer = await look({ GRUS_CUDA_PATH: mine, LD_PRELOAD: join(other, 'libcudnn_ops.so.9') })
    const message = refusal(answer)
    expect(message).toContain(`${mine}/libcudnn_ops.so.9: mixed copies, this process already has ${other}/libcudnn_ops.so.9`)
    expect(answer.cuda.advice?.[0]).toContain('use one copy of cuDNN')
    expect(answer.cuda.advice?.[0]).toContain('LD_PRELOAD')
  })

  test.each(['OPS', 'ADV'])('parts of different versions, as cudnn%sVersionCheck finds them', async (part) => {
    const answer = await look({ GRUS_CUDA_PATH: simLibraries, [`GRUS_SIM_CUDNN_${part}_CHECK`]: '1002' })
    expect(refusal(answer)).toMatch(new RegExp(`mixed copies, cudnn${part}VersionCheck says .*`, 'i'))
    expect(answer.cuda.advice?.[0]).toContain('use one copy of cuDNN')
  })
})

describe('cuBLAS of another CUDA', () => {
  test('cuDNN for CUDA 12 beside cuBLAS 13', async (context) => {
    const answer = await look({ GRUS_CUDA_PATH: simLibraries, GRUS_SIM_CUDNN_CUDART: '12080' })
    if (component(answer.cuda, 'cuBLAS')?.ok) context.skip('this machine has a cuBLAS 12 of its own')
    const message = refusal(answer)
    expect(message).toContain(`cuBLAS (libcublas.so.12): not found, only ${simLibraries}/libcublas.so.13; cuDNN is built for CUDA 12`)
    expect(message).toContain('pip install --upgrade nvidia-cudnn-cu12 nvidia-cublas-cu12')
  })

  test('both for CUDA 12 are used', async () => {
    const path = folder('cuda-12', cudnnFiles(), { 'libcublas.so.12': 'libcublas.so.13', 'libcublasLt.so.12': 'libcublasLt.so.13' })
    const { cuda } = await look({ GRUS_CUDA_PATH: path, GRUS_SIM_CUDNN_CUDART: '12080', GRUS_SIM_CUBLAS: '120804' })
    expect(component(cuda, 'cuBLAS')).toMatchObject({ ok: true, version: '12.8.4', path: join(path, 'libcublas.so.12') })
  })

  test('a version that belies the name', async () => {
    const answer = await look({ GRUS_CUDA_PATH: simLibraries, GRUS_SIM_CUBLAS: '120804' })
    expect(refusal(answer)).toContain('cuBLAS (libcublas.so.13 12.8.4): not for CUDA 13, which cuDNN is built for')
  })

  test('cuBLAS without its cuBLASLt', async (context) => {
    const path = folder('half-cublas', [...cudnnFiles(), 'libcublas.so.13'])
    const answer = await look({ GRUS_CUDA_PATH: path })
    if (component(answer.cuda, 'cuBLAS')?.ok) context.skip('this machine has a cuBLAS of its own')
    expect(refusal(answer)).toContain(`${path}/libcublas.so.13: no libcublasLt.so.13 beside it`)
  })
})

describe('where the libraries are found', () => {
  const paths = ({ cuda }: Answer) => ['cuDNN', 'cuBLASLt', 'cuBLAS'].map((name) => component(cuda, name)?.path)
  const inFolders = (cudnn: string, cublas: string) => [
    `${cudnn}/libcudnn.so.9`,
    `${cublas}/libcublasLt.so.13`,
    `${cublas}/libcublas.so.13`,
  ]
  let cudnn: string
  let cublas: string
  beforeAll(() => {
    if (!built) return
    cudnn = folder('venv/lib/python3.12/site-packages/nvidia/cudnn/lib', cudnnFiles())
    cublas = folder('venv/lib/python3.12/site-packages/nvidia/cu13/lib', cublasFiles())
  })
  const venv = join(scratch, 'venv')
  const nvidia = join(venv, 'lib/python3.12/site-packages/nvidia')

  test('a list in GRUS_CUDA_PATH, each library from the first folder that has it', async () => {
    expect(paths(await look({ GRUS_CUDA_PATH: `${scratch}/nowhere::${cublas}:${cudnn}:${simLibraries}` }))).toEqual(
      inFolders(cudnn, cublas),
    )
    expect(paths(await look({ GRUS_CUDA_PATH: `${cublas}:${simLibraries}:${cudnn}` }))).toEqual(inFolders(simLibraries, cublas))
  })

  test.each([
    ['the folder nvidia of the wheels', nvidia],
    ['site-packages', join(nvidia, '..')],
    ['the virtual environment', venv],
    ["cuDNN's wheel alone: cuBLAS lies beside it", join(nvidia, 'cudnn')],
  ])('GRUS_CUDA_PATH is %s', async (_, path) => {
    expect(paths(await look({ GRUS_CUDA_PATH: path }))).toEqual(inFolders(cudnn, cublas))
  })

  test.each(['VIRTUAL_ENV', 'CONDA_PREFIX'])("%s's wheels", async (name) => {
    expect(paths(await look({ [name]: venv }))).toEqual(inFolders(cudnn, cublas))
  })

  test("conda's own packages, and a toolkit of its own layout", async () => {
    const lib = folder('conda/lib', whole())
    expect(paths(await look({ CONDA_PREFIX: join(scratch, 'conda') }))).toEqual(inFolders(lib, lib))
    const target = folder('toolkit/targets/x86_64-linux/lib', whole())
    expect(paths(await look({ CUDA_HOME: join(scratch, 'toolkit') }))).toEqual(inFolders(target, target))
  })

  test('the loader comes before them, GRUS_CUDA_PATH before the loader', async () => {
    const env = { LD_LIBRARY_PATH: simLibraries, VIRTUAL_ENV: venv }
    expect(paths(await look(env))).toEqual(inFolders(simLibraries, simLibraries))
    expect(paths(await look({ ...env, GRUS_CUDA_PATH: nvidia }))).toEqual(inFolders(cudnn, cublas))
  })

  test('what the process has already', async () => {
    const loaded = folder('loaded', [...whole(), 'libgrus_sim.so'])
    const LD_PRELOAD = `${loaded}/libcudnn.so.9 ${loaded}/libcublas.so.13`
    expect(paths(await look({ LD_PRELOAD, LD_LIBRARY_PATH: simLibraries }))).toEqual(inFolders(loaded, loaded))
  })

  test('a failure is not for ever: what is put right later in the same process is found', async (context) => {
    const { cuda, again } = await look({ GRUS_CUDA_PATH: `${scratch}/nowhere` }, `GRUS_CUDA_PATH=${simLibraries}`)
    if (component(cuda, 'cuDNN')?.ok) context.skip('this machine has a cuDNN of its own')
    expect(cuda.available).toBe(false)
    expect(again?.components?.filter(({ ok }) => !ok)).toEqual([])
  })
})

describe("the warning of device 'auto'", () => {
  test('once, where there is a driver and no cuDNN for it', async () => {
    const { warnings } = await look({ GRUS_CUDA_PATH: simLibraries, GRUS_SIM_CUDNN_VERSION: '8904' })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({ code: 'GRUS_CUDA_UNUSABLE', message: expect.stringContaining('8.9.4): too old') })
    expect(warnings[0]?.message).toContain('npx grus doctor')
  })
})

describe('cuBLAS that may compute wrongly on a GPU', () => {
  const doubt = /^results of device 'cuda' may be wrong: on a GPU of compute capability 10\.0, cuBLAS 13\.1\.0 may corrupt results/

  test('is said once, in the report, and with what would help', async () => {
    const { cuda, error, warnings } = await look({ GRUS_CUDA_PATH: simLibraries, GRUS_SIM_CAPABILITY: '100' })
    expect({ available: cuda.available, error }).toEqual({ available: true, error: null })
    expect(warnings).toEqual([{ code: 'GRUS_CUDA_DOUBTFUL', message: expect.stringMatching(doubt) }])
    expect(cuda.warning).toMatch(doubt)
    expect(cuda.advice).toEqual([expect.stringMatching(/^install cuBLAS 13\.2 or newer/)])
  })

  test.each([
    ['a newer one', { GRUS_SIM_CAPABILITY: '103', GRUS_SIM_CUBLAS: '130200' }],
    ['another GPU', { GRUS_SIM_CAPABILITY: '120' }],
  ])('%s: nothing is said', async (_, knobs) => {
    const { cuda, warnings } = await look({ GRUS_CUDA_PATH: simLibraries, ...knobs })
    expect({ available: cuda.available, warning: cuda.warning, advice: cuda.advice, warnings }).toEqual({
      available: true,
      warning: undefined,
      advice: [],
      warnings: [],
    })
  })
})
