// npm test: every test there is; arguments go to vitest.

import { setUpSimulatedCuda } from './setup/cuda-sim.mjs'
import { runProgram } from './setup/program.mjs'
import { SetupError } from './setup/run.mjs'
import { setup } from './setup.mjs'

await setup()
try {
  if (process.argv.length === 2) await setUpSimulatedCuda() // the tests that need it would build it, beside others
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
runProgram(['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)])
