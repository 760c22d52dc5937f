// brain.js, for the record: its GRU in plain JavaScript, with a layer of as many outputs as inputs that it always has, row after row, as it
// knows no batches. It has no biases of the state's products and draws its own weights.
import { createRequire } from 'node:module'
import { read, serve } from './serve.mjs'

const require = createRequire(import.meta.url)
const brain = require('brain.js')
const { version } = require('brain.js/package.json')

await serve({ name: 'brain.js', version }, ({ steps, batch, input, hidden }, arrays) => {
  const net = new brain.recurrent.GRUTimeStep({ inputSize: input, hiddenLayers: [hidden], outputSize: input })
  const { data } = read(arrays.x)
  const rows = Array.from({ length: batch }, (_, row) =>
    Array.from({ length: steps }, (_, step) => Array.from(data.subarray((step * batch + row) * input, (step * batch + row + 1) * input))),
  )
  net.train([rows[0].slice(0, 2)], { iterations: 1 }) // it runs only after that
  const sample = () => {
    for (const row of rows) net.run(row)
  }
  const once = () => {
    net.run(rows[0])
    return {}
  }
  return { engine: `brain.js ${version}`, once, sample, dispose() {} }
})
