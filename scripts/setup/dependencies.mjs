// node_modules as package-lock.json has it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, SetupError, step } from './run.mjs'

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Version of an installed package as the lock file has it. */
export const lockedVersion = (name) => packagesOf('package-lock.json')?.[`node_modules/${name}`]?.version

// npm writes node_modules/.package-lock.json when an install has ended well: it tells a whole tree from a half-finished one.
// Optional packages are those of other platforms; npm may leave them out.
function installed() {
  const wanted = packagesOf('package-lock.json')
  const found = packagesOf('node_modules/.package-lock.json')
  if (!wanted) throw new SetupError('[setup] expected a readable package-lock.json')
  if (!found) return false
  return Object.entries(wanted).every(([path, entry]) => path === '' || entry.optional || found[path]?.version === entry.version)
}

export async function setUpDependencies() {
  if (installed()) return
  await step('npm packages (npm ci)', async () => {
    const cli = process.env.npm_execpath
    const [command, first] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []]
    const flags = ['--include=dev', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
    // onnxruntime-node would fetch its CUDA libraries from outside the registry; the tests use the CPU's, which it carries
    const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }
    const { ok, output } = await run(command, [...first, 'ci', ...flags], { env })
    if (!ok) throw new SetupError(`${output.split('npm error Clean install')[0]}\n[setup] npm ci failed; run it by hand: npm ci`)
  })
}
