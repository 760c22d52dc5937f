// The command `grus` of the compiled library.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { type DeviceReport, diagnose } from '../lib/index.js'
import { command, grus } from './support/grus-command.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const sim = resolve(root, process.env.GRUS_CUDA_SIM ?? 'build/cuda-sim')
const sanitized = () => readFileSync(join(sim, 'build/Release/grus.node'), 'latin1').includes('libasan.so')
const simulated = existsSync(join(sim, 'build/Release/grus.node')) && !sanitized()

const empty = mkdtempSync(join(tmpdir(), 'grus-cli-'))
afterAll(() => rmSync(empty, { recursive: true, force: true }))

test('package.json names a file that a shell can run', () => {
  expect(readFileSync(command, 'utf8').split('\n', 1)).toEqual(['#!/usr/bin/env node'])
})

test('--version and --help', async () => {
  expect(await grus(['--version'])).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' })
  expect((await grus(['--help'])).stdout).toMatch(/^Usage: grus [\s\S]*\n {2}doctor /)
})

test('a command that there is not ends with status 1', async () => {
  const { status, stdout, stderr } = await grus(['docter'])
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain("unknown command 'docter'\n(Did you mean doctor?)")
})

test('doctor --json is what diagnose() returns', async () => {
  const { status, stdout, stderr } = await grus(['doctor', '--json'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(JSON.parse(stdout)).toEqual(diagnose())
})

/** What the text must hold of a report, word for word. */
function facts({ device, available, detail, components = [], advice = [] }: DeviceReport): string[] {
  const ofComponents = components.flatMap(({ name, file, version, path, problem, tried = [] }) => [
    name,
    file,
    version,
    path,
    problem,
    ...tried,
  ])
  return [
    `${device}: ${available ? 'available' : 'not available'}, ${detail}\n`,
    ...ofComponents.filter((text) => text !== undefined),
    ...advice,
  ]
}

test('doctor says all of it in words', async () => {
  const { status, stdout } = await grus(['doctor'])
  expect(status).toBe(0)
  for (const fact of diagnose().flatMap(facts)) expect(stdout).toContain(fact)
})

test('doctor tells of variables that change what the GPU computes, and of none that do not', async () => {
  const set = { CUBLAS_EMULATE_SINGLE_PRECISION: '1', CUBLAS_EMULATION_STRATEGY: 'eager', NVIDIA_TF32_OVERRIDE: '0' }
  const { stdout } = await grus(['doctor'], set)
  for (const [name, value] of Object.entries(set)) expect(stdout).toContain(`\n  ${name}=${value} changes results: `)
  const json: DeviceReport[] = JSON.parse((await grus(['doctor', '--json'], set)).stdout)
  expect(json.map(({ settings }) => settings?.map(({ name, value }) => [name, value]))).toEqual([undefined, Object.entries(set)])
  const off = await grus(['doctor'], { CUBLAS_EMULATE_SINGLE_PRECISION: '0', CUBLAS_EMULATION_STRATEGY: '', NVIDIA_TF32_OVERRIDE: '' })
  expect(off.stdout).not.toContain('changes results')
})

test('doctor puts what the GPU engine found in a table', async ({ skip }) => {
  skip(!simulated, `the simulated CUDA is not built in ${sim}, or with a sanitizer`)
  const env = { GRUS_PREBUILD: sim, GRUS_CUDA_PATH: join(sim, 'lib'), GRUS_SIM_CUDNN_VERSION: '8904' }
  const { status, stdout } = await grus(['doctor'], env)
  expect(status).toBe(0)
  const table = stdout.split('\n').filter((line) => line.startsWith('  '))
  expect(table).toEqual([
    '  driver    libcuda.so.1       ok  CUDA 13.0',
    '  GPU 0     Simulated GPU      ok  compute capability 9.0, 4.0 GiB',
    '  GPU 1     Simulated GPU      ok  compute capability 9.0, 4.0 GiB',
    '  runtime   cudart             ok  13.0, part of grus',
    `  cuDNN     libcudnn.so.9      8.9.4: too old, grus needs cuDNN 9  ${sim}/lib/libcudnn.so.9`,
    `  cuBLASLt  libcublasLt.so.13  ok  13.1.0  ${sim}/lib/libcublasLt.so.13`,
    `  cuBLAS    libcublas.so.13    ok  13.1.0  ${sim}/lib/libcublas.so.13`,
  ])
  expect(stdout).toContain('\ncuda: not available, cuDNN (libcudnn.so.9 8.9.4): too old, grus needs cuDNN 9\n')
  expect(stdout).toContain('\npossible solutions:\n- pip wheels: ')
})

test('without an addon the reason goes to stderr, with status 1', async () => {
  const { status, stdout, stderr } = await grus(['doctor'], { GRUS_PREBUILD: empty })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/^\[grus\] no native addon could be loaded/)
})
