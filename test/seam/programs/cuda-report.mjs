// What device 'cuda' says of itself in this process: a line of JSON. Arguments: KEY=VALUE, set for a second look.
import { readFileSync } from 'node:fs'
import { diagnose, Gru } from '../../../dist/index.js'

const opened = () => [...new Set(readFileSync('/proc/self/maps', 'utf8').match(/\/\S*lib(cudnn|cublas)\S*/g))]
const warnings = []
process.on('warning', ({ code, message }) => warnings.push({ code, message }))

const gru = (device) => new Gru({ inputSize: 1, hiddenSize: 1, seed: 1, device })
const failure = () => {
  try {
    gru('cuda').dispose()
    return null
  } catch ({ code, message }) {
    return { code, message }
  }
}
const look = () => diagnose().find(({ device }) => device === 'cuda')

gru('cpu').dispose()
const before = opened()
for (let i = 0; i < 2; ++i) gru('auto').dispose()
const answer = { before, error: failure(), cuda: look(), opened: opened() }
const settings = process.argv.slice(2).map((argument) => argument.split(/=(.*)/s))
if (settings.length > 0) {
  for (const [name, value] of settings) process.env[name] = value
  answer.again = look()
}
setImmediate(() => console.log(JSON.stringify({ ...answer, warnings })))
