// build/Release/grus.node from native/.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { lockedVersion } from './dependencies.mjs'
import { note, root, run, SetupError, step, which } from './run.mjs'
import { filesBelow, fingerprint, readStamp, removeStamp, writeStamp } from './stamp.mjs'

const compilers = [process.env.CXX?.split(' ')[0], 'c++', 'g++', 'clang++'].filter(Boolean)

function missingTools() {
  const missing = []
  if (!compilers.some(which)) missing.push('g++')
  if (!which('cmake')) missing.push('cmake')
  if (missing.length === 0 && !which('make') && !which('ninja')) missing.push('make')
  return missing
}

// An error's first lines say most; the end of the log says where it stopped.
function shorten(output) {
  const lines = output.split('\n')
  const first = lines.findIndex((line) => /\berror\b/i.test(line))
  return lines.slice(Math.max(0, first), Math.max(0, first) + 40).join('\n')
}

export async function setUpAddon() {
  const sources = ['CMakeLists.txt', 'scripts/cmake.cjs', ...filesBelow('cmake'), ...filesBelow('native')]
  const wanted = fingerprint(sources, process.arch, lockedVersion('node-addon-api'), lockedVersion('node-api-headers'))
  if (readStamp('addon') === wanted && existsSync(join(root, 'build/Release/grus.node'))) return
  const missing = missingTools()
  if (missing.length > 0) {
    const names = process.platform === 'linux' ? `sudo apt-get install -y ${missing.join(' ')}` : `install ${missing.join(' and ')}`
    if (!existsSync(join(root, 'prebuilds', `${process.platform}-${process.arch}`))) {
      throw new SetupError(`[setup] expected ${missing.join(' and ')} to compile the addon; run: ${names}`)
    }
    note(`no ${missing.join(', no ')}: the prebuilt addon is used. To compile it here: ${names}`)
    return
  }
  await step('native addon (cmake)', async () => {
    removeStamp('addon')
    const { ok, output } = await run(process.execPath, ['scripts/cmake.cjs', 'Release', process.arch])
    if (!ok) throw new SetupError(`${shorten(output)}\n[setup] the addon did not compile; the whole log: npm run build:native`)
    writeStamp('addon', wanted)
  })
}
