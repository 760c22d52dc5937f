// The tables of a record: node bench/gpu/table.mjs docs/gpu/<file>-bench.json
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ms = (value) => (value === undefined ? '' : value < 0.1 ? value.toFixed(4) : value < 10 ? value.toFixed(3) : value.toFixed(1))
const percent = (value) => (value === undefined ? '' : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} %`)
const line = (cells) => `| ${cells.join(' | ')} |`
const titles = {
  step: 'Training steps: embedding, GRU, dense layer, Adam',
  latency: 'Inference, from values on the host to values on the host',
  call: 'One GRU on the device',
}

/** Markdown: one table for each kind of row, one line for each who computed it. */
export function toTable(record) {
  const { date, simulated, device, torch, commit, clocks, limits, rows, leftOut, skipped, sweep } = record
  const libraries = `driver ${device.driver ?? 'unknown'}, cuDNN ${device.cudnn ?? 'unknown'}, cuBLAS ${device.cublas ?? 'unknown'}`
  const peer = torch ? `; PyTorch ${torch.torch} on ${torch.device}${torch.cudnn ? `, cuDNN ${torch.cudnn}` : ''}` : ''
  const peaks = ['float32', 'tf32', 'bfloat16', 'float16'].filter((name) => limits[name])
  const text = [
    `${date.slice(0, 10)}, ${device.gpu ?? 'no GPU'}${simulated ? ' (simulated: its times say nothing)' : ''}, ${libraries};`,
    `grus at ${commit?.slice(0, 7) ?? 'an unknown commit'}, Node ${record.node}${peer}.`,
    `Limits (${limits.source})${peaks.map((name) => `, ${name} ${(limits[name] / 1e12).toFixed(1)} TFLOP/s`).join('')}` +
      `${limits.copy ? `, memory ${(limits.copy / 1e12).toFixed(2)} TB/s` : ''}.`,
    ...(clocks.before ? [`SM clock ${clocks.before[0]['clocks.sm']} MHz before, ${clocks.after?.[0]['clocks.sm']} MHz after.`] : []),
    ...skipped.map(({ worker, reason }) => `${worker} was skipped: ${reason.split('\n')[0]}`),
    ...(leftOut.length > 0 ? [`${leftOut.length} rows were left out for lack of time.`] : []),
  ]
  for (const kind of Object.keys(titles)) {
    const some = rows.filter((row) => row.kind === kind)
    if (some.length > 0) text.push('', `### ${titles[kind]}`, '', ...tableOf(some, kind, simulated))
  }
  const direct = rows.filter(({ kind }) => kind === 'call')
  if (direct.length > 0 && !simulated) text.push('', "### What grus adds to cuDNN's calls", '', ...overheadTable(direct))
  if (sweep) text.push('', "### cuDNN's algorithms", '', ...sweepTable(sweep))
  return text.join('\n')
}

function tableOf(rows, kind, simulated) {
  // of everybody, PyTorch too: where the host takes as long as the GPU, it is the host that is compared
  const [last, key] = { step: ['CPU ms', 'cpu'], latency: [], call: ['host ms', 'host'] }[kind]
  const head = [
    'row',
    'who',
    'median (best) ms',
    'eager torch / it',
    'TFLOP/s',
    'of FLOP limit',
    'of bandwidth',
    'µs a dependent step',
    ...(last ? [last] : []),
  ]
  const lines = rows.flatMap((row) =>
    row.subjects.map((subject) => {
      if (!subject.ms) return line([row.id, subject.name, subject.failed?.split('\n')[0] ?? 'not measured', ...head.slice(3).map(() => '')])
      const time = subject.ms[row.metric]
      const base = !simulated && row.subjects.find(({ name, ms }) => name === 'torch eager' && ms)
      return line([
        row.id,
        subject.name,
        `${ms(time.median)} (${ms(time.best)})`,
        base ? `**${(base.ms[row.metric].median / time.median).toFixed(2)}**` : '',
        subject.flops === undefined ? '' : (subject.flops / 1e12).toPrecision(3),
        simulated ? '' : percent(subject.flopPercent),
        simulated ? '' : percent(subject.bandwidthPercent),
        subject.stepUs?.toPrecision(3) ?? '',
        ...(last ? [ms(subject.ms[key]?.median)] : []),
      ])
    }),
  )
  return [line(head), line(head.map(() => '---')), ...lines]
}

/** Both with algorithm standard on the same values; in 16 bits grus' share holds the conversions from and to float32. */
function overheadTable(rows) {
  const head = ['row', 'with graphs', 'without']
  const added = ({ subjects, metric }, end) => {
    const [mine, theirs] = [`grus standard${end}`, `cuDNN's calls${end}`].map((name) => subjects.find((one) => one.name === name)?.ms)
    return mine && theirs ? `${(100 * (mine[metric].median / theirs[metric].median - 1)).toFixed(1)} %` : ''
  }
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line([row.id, added(row, ''), added(row, ', no graphs')]))]
}

function sweepTable({ shapes }) {
  const tried = new Set(['standard', ...shapes.flatMap(({ trials = [] }) => trials.map(({ algorithm }) => algorithm))])
  const names = ['standard', 'persist_static_small_h', 'persist_static', 'persist_dynamic'].filter((name) => tried.has(name))
  const head = ['shape', ...names.map((name) => `${name} µs`)]
  const cell = ({ us, refusal, repeats, outputError, gradientError } = {}) => {
    if (us === undefined) return refusal ? 'refused' : ''
    const error = Math.max(outputError, gradientError)
    return `${us.toPrecision(4)}${error > 0 ? ` (±${error.toPrecision(1)})` : ''}${repeats ? '' : ', varies'}`
  }
  const lines = shapes.map(({ steps, batch, hidden, training, precision, trials = [], failed }) => {
    const shape = `T${steps} B${batch} H${hidden} ${precision} ${training ? 'forward+backward' : 'forward'}`
    if (failed) return line([shape, failed.split('\n')[0], ...names.slice(1).map(() => '')])
    return line([shape, ...names.map((name) => cell(trials.find(({ algorithm }) => algorithm === name)))])
  })
  return [line(head), line(head.map(() => '---')), ...lines]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(toTable(JSON.parse(readFileSync(process.argv[2], 'utf8'))))
