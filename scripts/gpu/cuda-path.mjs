// Where NVIDIA's libraries lie, for processes that the loader of grus does not find them for: asked of Python, whose packages hold them.

import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runStep } from './run-step.mjs'

const script = 'import os, nvidia.cudnn as c; print(os.path.dirname(list(c.__path__)[0]))' // a namespace package: it has no __file__

/** The interpreter that has PyTorch, if one has. */
export function pythonOf(root) {
  const venv = join(root, '.venv/bin/python')
  return process.env.GRUS_PYTHON || (existsSync(venv) ? venv : 'python3')
}

/** The folder `nvidia` in Python's packages; undefined where there is none, no Python, or no answer in `seconds`. */
export async function askPython(python, seconds = 20) {
  const step = { part: 'doctor', name: 'python', file: python, args: ['-c', script] }
  const { status, stdout } = await runStep(step, { cwd: '/', seconds })
  const folder = stdout.trim().split('\n').at(-1)
  return status === 0 && folder && existsSync(folder) ? folder : undefined
}

// as the loader of grus looks below a folder that it is given
const below = ['.', 'lib64', 'lib', 'lib/x86_64-linux-gnu', 'cudnn/lib', 'nvidia/cudnn/lib']
const list = (folder) => (existsSync(folder) ? readdirSync(folder) : [])

/** The different folders with a cuDNN 9 that a value of GRUS_CUDA_PATH leads to. */
export function cudnnFolders(path = '') {
  const found = path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => {
      const targets = list(join(folder, 'targets')).map((name) => join('targets', name, 'lib'))
      const packages = list(join(folder, 'lib')).filter((name) => name.startsWith('python'))
      const all = [...below, ...targets, ...packages.map((name) => join('lib', name, 'site-packages/nvidia/cudnn/lib'))]
      return all.map((place) => join(folder, place)).find((place) => existsSync(join(place, 'libcudnn.so.9')))
    })
  return [...new Set(found.filter(Boolean).map((folder) => realpathSync(folder)))]
}
