// What we declare of NVIDIA's libraries against their own headers: each program compiles, or it does not.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { toolkitHeaders, wheels } from './support/nvidia.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'grus-abi-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const nvidia = wheels()
const toolkit = toolkitHeaders()
const missing = toolkit ? (nvidia ? '' : 'the wheels nvidia-cudnn-cu13 and nvidia-cublas') : "the CUDA toolkit's headers"
if (missing)
  console.warn(
    `skipped: no ${missing} (python3 -m venv build/nvidia && build/nvidia/bin/pip install --no-deps nvidia-cudnn-cu13 nvidia-cublas)`,
  )

async function compile(source: string, includes: readonly string[]): Promise<string> {
  const flags = ['-std=c++17', '-fsyntax-only', '-Wall', '-Wextra', ...includes.flatMap((path) => ['-isystem', path])]
  return run(process.env.CXX ?? 'g++', [...flags, '-Inative', '-Itest/cuda-abi', source], { cwd: root, maxBuffer: 1 << 26 }).then(
    ({ stderr }) => stderr,
    ({ stderr }: { stderr: string }) => `did not compile:\n${stderr}`,
  )
}

describe.skipIf(missing)("declarations of NVIDIA's libraries", () => {
  const headers = [`${nvidia}/cudnn/include`, `${nvidia}/cu13/include`, toolkit!]

  test.each(['cudnn_abi.cc', 'cublas_abi.cc'])('%s', async (source) => {
    expect(await compile(`test/cuda-abi/${source}`, headers)).toBe('')
  })

  test('a wrong one is found', async () => {
    const wrong = readFileSync(join(root, 'native/cuda/api/cudnn.h'), 'utf8').replace(
      'GetRNNWeightSpaceSize)(Handle, RnnDescriptor, size_t*',
      'GetRNNWeightSpaceSize)(Handle, RnnDescriptor, int*',
    )
    const source = readFileSync(join(root, 'test/cuda-abi/cudnn_abi.cc'), 'utf8').replace('"cuda/api/cudnn.h"', `"${folder}/wrong.h"`)
    writeFileSync(join(folder, 'wrong.h'), wrong)
    writeFileSync(join(folder, 'wrong.cc'), source)
    expect(await compile(join(folder, 'wrong.cc'), headers)).toMatch(/static assertion failed: cudnnGetRNNWeightSpaceSize/)
  })
})

describe.skipIf(!toolkit)('the simulated CUDA runtime', () => {
  const header = readFileSync(join(root, 'test/cuda-sim/include/cuda_runtime_api.h'), 'utf8')
  const functions = /extern "C" \{\n([\s\S]*?)\n\}/.exec(header)?.[1]?.replace(/ = (nullptr|0)/g, '') ?? ''
  const values = [...header.matchAll(/\b(cuda[A-Z]\w*) = (\d\w*)/g)]

  // A C function that is declared twice, differently, is an error.
  test('has the functions and values of the real one', async () => {
    expect(functions.split(';').length).toBeGreaterThan(40)
    expect(values.length).toBeGreaterThan(50)
    const checks = values.map(([, name, value]) => `static_assert(static_cast<unsigned>(${name}) == ${value}u, "${name}");`)
    writeFileSync(join(folder, 'runtime.cc'), `#include <cuda_runtime_api.h>\nextern "C" {\n${functions}\n}\n${checks.join('\n')}\n`)
    expect(await compile(join(folder, 'runtime.cc'), [toolkit!])).toBe('')
  })
})
