// A user's first minutes with the installed package: one GRU against its own equations, a small model that learns, other frameworks' files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dense, exportModel, Gru, gru, importModel, readColumns, sequential, Trainer, tensor } from 'grus'

const check = (condition, expected) => {
  if (!condition) throw new Error(`smoke: expected ${expected}`)
}
const sigmoid = (v) => 1 / (1 + Math.exp(-v))

const unit = new Gru({ inputSize: 1, hiddenSize: 1, device: 'cpu' })
unit.setParameters({
  weight_ih_l0: tensor([[0.5], [-0.25], [1]]),
  weight_hh_l0: tensor([[0.75], [0.5], [-1]]),
  bias_ih_l0: tensor([0.1, -0.2, 0.3]),
  bias_hh_l0: tensor([0.2, 0.1, -0.1]),
})
const inputs = [1, -2, 0.5]
const { y } = await unit.forward(tensor([inputs.map((value) => [value])]))
let h = 0
for (const [step, x] of inputs.entries()) {
  const r = sigmoid(0.5 * x + 0.1 + 0.75 * h + 0.2)
  const z = sigmoid(-0.25 * x - 0.2 + 0.5 * h + 0.1)
  const n = Math.tanh(x + 0.3 + r * (-h - 0.1))
  h = (1 - z) * n + z * h
  check(Math.abs(y.data[step] - h) < 1e-5, `y[${step}] = ${h}, came ${y.data[step]}`)
}

// Is the sum of the sequence positive?
const rows = Array.from({ length: 64 }, (_, row) => Array.from({ length: 5 }, (_, step) => [Math.sin(row * 7.3 + step * 2.1)]))
const labels = rows.map((row) => [row.reduce((sum, [value]) => sum + value, 0) > 0 ? 1 : 0])
const model = sequential([gru({ units: 8 }), dense({ units: 1, activation: 'sigmoid' })], { device: 'cpu', seed: 1 })
const trainer = new Trainer(model, { optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
trainer.learningRate = 0.02
const { history } = await trainer.fit({ x: rows, y: labels }, { epochs: 20, batchSize: 16, verbose: false })
const [first, last] = [history.loss.at(0), history.loss.at(-1)]
check(last < first / 2, `a loss below half of ${first}, came ${last}`)
console.log(`engine ${model.engine}; loss ${first.toFixed(3)} -> ${last.toFixed(3)}; node ${process.version}`)

// what reads and writes other frameworks' files comes with the package
const folder = await mkdtemp(join(tmpdir(), 'grus-smoke-'))
const predicted = await model.predict(rows)
for (const file of ['model.onnx', 'model.keras', 'model.pt', 'model.safetensors']) {
  await exportModel(model, join(folder, file))
  const options = /keras|onnx/.test(file) ? {} : { pytorch: { activations: { dense: 'sigmoid' } } }
  const again = await importModel(join(folder, file), { device: 'cpu', ...options })
  const values = (await again.predict(rows)).data
  check(
    values.every((value, i) => Math.abs(value - predicted.data[i]) < 1e-6),
    `the same numbers from ${file}`,
  )
  again.dispose()
}
await writeFile(join(folder, 'rows.csv'), 'a,b\n1,2\n3,4\n')
const { a } = await readColumns(join(folder, 'rows.csv'), { columns: { a: 'number' } })
check(a.data[1] === 3, 'a column of a CSV file')
await rm(folder, { recursive: true })
model.dispose()
unit.dispose()
