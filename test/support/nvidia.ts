// NVIDIA's own headers and libraries, where they are installed: what compares with them is skipped elsewhere.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const environment = fileURLToPath(new URL('../../build/nvidia/lib', import.meta.url))

/** The folder `nvidia` of the pip wheels nvidia-cudnn-cu13 and nvidia-cublas: in GRUS_CUDA_PATH, else in build/nvidia, a virtual environment. */
export function wheels(): string | undefined {
  const given = (process.env.GRUS_CUDA_PATH ?? '').split(delimiter).filter(Boolean)
  const pythons = existsSync(environment) ? readdirSync(environment).filter((name) => name.startsWith('python')) : []
  const installed = pythons.map((name) => join(environment, name, 'site-packages/nvidia'))
  return [...given, ...installed].find((path) => existsSync(join(path, 'cudnn/include/cudnn.h')) && existsSync(join(path, 'cu13/include')))
}

/** The CUDA toolkit's include folder, beside the nvcc on PATH or in /usr/local/cuda. */
export function toolkitHeaders(): string | undefined {
  const candidates = ['/usr/local/cuda/include']
  try {
    candidates.unshift(join(dirname(realpathSync(execFileSync('which', ['nvcc'], { encoding: 'utf8' }).trim())), '../include'))
  } catch {
    // no nvcc on PATH
  }
  return candidates.find((path) => existsSync(join(path, 'cuda_runtime_api.h')))
}
