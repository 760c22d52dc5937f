// What records decide: which algorithm of cuDNN each shape is to use, which limits of the engine move, whether autotune pays.

import { smallHLimits, trialTolerances, worthIt } from '../goals.mjs'

const candidates = ['persist_static_small_h', 'persist_static']

/** How many times standard's speed an algorithm has on a shape; nothing where it is refused, computes something else, or varies. */
function speedup({ precision, trials = [] }, algorithm) {
  const [standard, other] = ['standard', algorithm].map((name) => trials.find((trial) => trial.algorithm === name))
  const most = trialTolerances[precision]
  if (!(standard?.us > 0) || !(other?.us > 0) || !most || !other.repeats) return undefined
  return other.outputError <= most.outputs && other.gradientError <= most.gradients ? standard.us / other.us : undefined
}

const isMeasured = ({ trials = [] }) => trials.some(({ algorithm, us }) => algorithm === 'standard' && us > 0)
const ascending = (groups) => [...groups].sort(([a], [b]) => a - b)

function groupBy(all, key) {
  const groups = new Map()
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one])
  return groups
}

/** One size: the algorithm that is worth it with every number of steps that was measured, and how much faster it is. */
function bestOf(shapes) {
  const speeds = candidates.map((algorithm) => ({ algorithm, speeds: shapes.map((shape) => speedup(shape, algorithm)) }))
  const worth = speeds
    .filter((one) => one.speeds.every((speed) => speed > worthIt))
    .sort((a, b) => Math.min(...b.speeds) - Math.min(...a.speeds))
  return worth[0] ?? { algorithm: 'standard', speeds: [] }
}

/** Of one number of units: rows of (rows of a batch up to, algorithm), in their order. */
function ruleOfUnits(shapes) {
  const rows = []
  for (const [batch, each] of ascending(groupBy(shapes, (shape) => shape.batch))) {
    const { algorithm, speeds } = bestOf(each)
    const last = rows.at(-1)
    if (last?.algorithm === algorithm) Object.assign(last, { batch, speeds: [...last.speeds, ...speeds] })
    else rows.push({ batch, algorithm, speeds })
  }
  if (rows.length > 1 && rows.at(-1).algorithm === 'standard') rows.pop() // it is what there is beyond the last row
  return rows
}

/** Of one precision, for training or inference: rows of (units up to, rows up to, algorithm). What says the same as the next is left out. */
function ruleOf(shapes) {
  const units = ascending(groupBy(shapes, ({ hidden }) => hidden)).map(([hidden, same]) => ({ hidden, rows: ruleOfUnits(same) }))
  const key = ({ rows }) =>
    rows[0].algorithm === 'standard' && rows.length === 1 ? '' : rows.map((row) => [row.batch, row.algorithm]).join()
  const kept = []
  for (const one of units) {
    const last = kept.at(-1)
    if (last && key(last) === key(one)) {
      kept[kept.length - 1] = {
        hidden: one.hidden,
        rows: one.rows.map((row, i) => ({ ...row, speeds: [...last.rows[i].speeds, ...row.speeds] })),
      }
    } else kept.push(one)
  }
  if (kept.length > 0 && key(kept.at(-1)) === '') kept.pop()
  return kept.flatMap(({ hidden, rows }) => rows.map((row) => ({ hidden, ...row })))
}

const order = ['float32', 'tf32', 'float16', 'bfloat16']

/** The algorithm of each shape of the sweep, as rules by precision. */
export function algorithmsBySize(shapes) {
  const groups = groupBy(shapes.filter(isMeasured), ({ precision, training }) => `${precision} ${training ? 'training' : 'inference'}`)
  const rules = [...groups].map(([name, all]) => ({
    name,
    precision: all[0].precision,
    training: all[0].training,
    shapes: all.length,
    steps: [...new Set(all.map(({ steps }) => steps))].sort((a, b) => a - b),
    rows: ruleOf(all),
  }))
  return rules.sort((a, b) => order.indexOf(a.precision) - order.indexOf(b.precision) || Number(b.training) - Number(a.training))
}

/** The rules as native/cuda/gru/algorithms.cc could have them. */
export function asSource(rules) {
  const lines = rules.flatMap(({ precision, training, rows }) =>
    rows.map(({ hidden, batch, algorithm, speeds }) => {
      const [least, most] = [Math.min(...speeds), Math.max(...speeds)].map((speed) => speed.toFixed(2))
      const note = speeds.length === 0 ? '' : `   // ${least === most ? least : `${least} to ${most}`} times as fast as standard`
      return `    {Precision::${precision}, ${training}, ${hidden}, ${batch}, cudnn::RnnAlgo::${algorithm}},${note}`
    }),
  )
  return [
    '// {precision, training, units, rows, algorithm}. Of a precision and training: the fewest units that are not less than those asked for,',
    '// among these the fewest rows that are not less; where there are none, standard.',
    'constexpr Measured kMeasured[] = {',
    ...lines,
    '};',
  ].join('\n')
}

/** Up to which of the measured values of an axis the persistent kernel for small sizes is worth it, without a gap; 0: for none. */
function reach(shapes, axis) {
  const values = ascending(groupBy(shapes, (shape) => shape[axis]))
  const worth = values.map(([value, each]) => [value, each.every((shape) => speedup(shape, candidates[0]) > worthIt)])
  const end = worth.findIndex(([, good]) => !good)
  const reached = end < 0 ? worth : worth.slice(0, end)
  return { upTo: reached.at(-1)?.[0] ?? 0, next: end < 0 ? undefined : worth[end][0], all: values.map(([value]) => value) }
}

/** @param today the limit along the axis, `hidden` or `batch`, on `shapes`, in which the other one is kept within its own limit */
function judgeLimit(name, axis, today, shapes) {
  const unit = { hidden: 'units', batch: 'rows' }[axis]
  const about = { limit: `SMALL_H, ${name}`, today: `${today} ${unit}` }
  if (shapes.length === 0) return { ...about, state: 'not measured', measured: '' }
  const { upTo, next, all } = reach(shapes, axis)
  const measured = `worth it up to ${upTo} ${unit}${next ? `, not with ${next}` : ''}, of ${all.join(', ')}`
  // a limit between what is worth it and what is not anymore agrees with both
  if (upTo <= today && (next === undefined || next > today)) return { ...about, state: 'stays', measured }
  return { ...about, state: `moves to ${upTo}`, to: upTo, measured }
}

function smallHLimitsOf(precision, training, shapes) {
  const some = shapes.filter((shape) => isMeasured(shape) && shape.precision === precision && shape.training === training)
  const rules = smallHLimits.filter(({ inference }) => !(training && inference))
  const name = `${precision} ${training ? 'training' : 'inference'}`
  const most = rules.at(-1)
  return [
    ...rules.map(({ hidden, batch }) =>
      judgeLimit(
        `${name}, ${hidden} units`,
        'batch',
        batch,
        some.filter((shape) => shape.hidden === hidden),
      ),
    ),
    judgeLimit(
      `${name}, up to ${most.batch} rows`,
      'hidden',
      most.hidden,
      some.filter((shape) => shape.batch <= most.batch),
    ),
  ]
}

/** What cuDNN was asked that the engine now does without. */
function judgeRefusals(answers) {
  const find = (pattern) => answers.find(({ question }) => pattern.test(question))
  const long = find(/^65536 steps with STANDARD/)
  const narrow = find(/^SMALL_H, bfloat16, training/)
  const accepted = long?.answer?.training === 'success' && long.answer.inference === 'success'
  const computed = Object.keys(narrow?.answer?.computed ?? {})
  return [
    long
      ? {
          limit: 'steps of one call',
          today: '65,535',
          state: accepted ? 'can go' : 'stays',
          measured: `65,536: ${JSON.stringify(long.answer)}`,
        }
      : { limit: 'steps of one call', today: '65,535', state: 'not measured', measured: '' },
    narrow
      ? {
          limit: 'SMALL_H in bfloat16',
          today: 'not taken',
          state: computed.length > 0 ? 'can go' : 'stays',
          measured: computed.length > 0 ? `computed: ${computed.join(', ')}` : 'refused',
        }
      : { limit: 'SMALL_H in bfloat16', today: 'not taken', state: 'not measured', measured: '' },
  ]
}

/** Where autotune's choice is worth it against that by shape. */
function judgeAutotune(rows) {
  const both = rows.flatMap(({ id, metric, subjects }) => {
    const [tuned, usual] = ['grus autotune', 'grus heuristic'].map(
      (name) => subjects.find((one) => one.name === name)?.ms?.[metric]?.median,
    )
    return tuned > 0 && usual > 0 ? [{ id, ratio: usual / tuned }] : []
  })
  return { measured: both.length, faster: both.filter(({ ratio }) => ratio > worthIt).sort((a, b) => b.ratio - a.ratio) }
}

/** @param merged what merge() of records.mjs makes of records; one of a simulated GPU decides nothing */
export function decide({ simulated, timed, shapes, answers, rows }) {
  if (simulated) return undefined
  const swept = timed ? shapes : []
  const limits = ['float32', 'tf32', 'float16'].flatMap((precision) =>
    [true, false].flatMap((training) => smallHLimitsOf(precision, training, swept)),
  )
  return { algorithms: algorithmsBySize(swept), limits: [...limits, ...judgeRefusals(answers)], autotune: judgeAutotune(timed ? rows : []) }
}
