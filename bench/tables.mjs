// The Markdown tables of a run. Ratios are a peer's time over that of grus: above 1 grus is faster.
import { geometricMean } from './summary.mjs'

export const titles = { torch: 'PyTorch', onnxruntime: 'onnxruntime', onednn: 'oneDNN', cblas: 'OpenBLAS', 'grus-native': 'grus native' }
const throughJavaScript = ['torch', 'onnxruntime'] // compared with the class, and with the engine alone; the others only with that
const compared = ['torch', 'onnxruntime', 'onednn', 'cblas']

const line = (cells) => `| ${cells.join(' | ')} |`
const table = (head, lines) => [line(head), line(head.map(() => '---')), ...lines.map(line)]
const ms = (value) => (value < 0.1 ? value.toFixed(4) : value < 10 ? value.toFixed(3) : value.toFixed(1))
const percent = (share) => (share === undefined ? '' : `${(100 * share).toFixed(0)} %`)
const fixed = (ratio) => ratio.toFixed(2)
const of = (peer, natively) => `${titles[peer]} / grus${throughJavaScript.includes(peer) ? (natively ? ' (native)' : '') : ' native'}`

/** What a peer is measured against first: the engine alone for what is native itself. */
export const baseOf = (peer) => (throughJavaScript.includes(peer) ? 'grus' : 'grus-native')
export const ratioOf = (row, peer, base = baseOf(peer)) => row.peers[peer]?.against?.[base]?.ratio

function cell(row, peer) {
  const result = row.peers[peer]
  if (!result) return ''
  if (result.failed) return 'failed'
  const [ratio, native] = [ratioOf(row, peer), ratioOf(row, peer, 'grus-native')]
  if (ratio === undefined) return native === undefined ? '' : `(${fixed(native)})`
  return `**${fixed(ratio)}**${throughJavaScript.includes(peer) && native !== undefined ? ` (${fixed(native)})` : ''}`
}

/** One line a row: times of grus, ratios, and how near the engine is to what the machine could do in the same rounds. */
export function rowsTable(rows) {
  const peers = compared.filter((peer) => rows.some((row) => row.peers[peer]))
  const natively = rows.some((row) => row.peers['grus-native'])
  const head = [
    'row',
    'threads',
    'grus ms',
    ...(natively ? ['native ms'] : []),
    ...peers.map((peer) => of(peer, natively)),
    'GFLOP/s',
    'of FMA',
    'of GEMM',
    'of limit',
  ]
  const lines = rows.map((row) => {
    const time = (peer) => (row.peers[peer]?.median === undefined ? (row.peers[peer]?.failed ? 'failed' : '') : ms(row.peers[peer].median))
    const engine = row.peers['grus-native']?.median ? row.peers['grus-native'] : (row.peers.grus ?? {})
    const limit = engine.ofRoofline === undefined ? '' : `${percent(engine.ofRoofline)} (${row.roofline.bound})`
    return [
      row.workload,
      row.threads,
      time('grus'),
      ...(natively ? [time('grus-native')] : []),
      ...peers.map((peer) => cell(row, peer)),
      engine.gflops?.toPrecision(3) ?? '',
      percent(engine.ofFma),
      percent(engine.ofGemm),
      limit,
    ]
  })
  return table(head, lines)
}

/** Few rows, few columns, for the README. */
export function shortTable(rows, threads) {
  const peers = compared.filter((peer) => rows.some((row) => ratioOf(row, peer) !== undefined))
  const lines = rows
    .filter((row) => row.threads === threads && row.peers.grus?.median)
    .map((row) => [row.workload, ms(row.peers.grus.median), ...peers.map((peer) => cell(row, peer).replace(/ ?\(.*\)/, ''))])
  return table(['row', 'grus ms', ...peers.map((peer) => titles[peer])], lines)
}

/** What computes another GRU, or in another way. */
export function recordTable(rows) {
  const lines = rows.flatMap((row) =>
    Object.entries(row.peers)
      .filter(([, { compared, median }]) => compared === false && median)
      .map(([name, { median, against }]) => [row.workload, row.threads, name, ms(median), against?.grus ? fixed(against.grus.ratio) : '']),
  )
  return lines.length > 0 ? table(['row', 'threads', 'who', 'ms', 'times as long as grus'], lines) : []
}

/** How far ahead grus is on the whole, and where least. */
export function barsTable(results) {
  const lines = []
  for (const peer of compared) {
    for (const base of new Set([baseOf(peer), 'grus-native'])) {
      for (const kind of new Set(results.map(({ kind }) => kind))) {
        for (const threads of new Set(results.map(({ threads }) => threads))) {
          const rows = results.filter((row) => row.kind === kind && row.threads === threads && ratioOf(row, peer, base) !== undefined)
          if (rows.length === 0) continue
          const least = rows.reduce((a, b) => (ratioOf(a, peer, base) <= ratioOf(b, peer, base) ? a : b))
          const mean = geometricMean(rows.map((row) => ratioOf(row, peer, base)))
          const name = `${titles[peer]} / ${titles[base] ?? base}`
          lines.push([name, kind, threads, rows.length, `**${fixed(mean)}**`, fixed(ratioOf(least, peer, base)), least.workload])
        }
      }
    }
  }
  return lines.length > 0 ? table(['ratio', 'kind', 'threads', 'rows', 'geometric mean', 'least', 'where'], lines) : []
}

/** What fewer bytes bring: the same row with float32 weights beside it. */
export function narrowTable(results) {
  const suffix = ' bfloat16 weights'
  const lines = results
    .filter(({ workload }) => workload.endsWith(suffix))
    .flatMap((row) => {
      const wide = results.find(({ workload, threads }) => workload + suffix === row.workload && threads === row.threads)
      return ['grus', 'grus-native']
        .filter((name) => wide?.peers[name]?.median && row.peers[name]?.median)
        .map((name) => [row.workload, row.threads, name, fixed(wide.peers[name].median / row.peers[name].median)])
    })
  return lines.length > 0 ? table(['row', 'threads', 'who', 'float32 / bfloat16'], lines) : []
}

/** Time of one step of one row, relative to the largest of the line. */
export function growthTables(growth) {
  return growth.flatMap(({ kind, axis, fixed: other, hidden, points }) => {
    const [[name, value]] = Object.entries(other)
    const head = [`${kind}, ${name}${value} H${hidden}: ${axis} =`, ...points.map(({ value }) => value)]
    return [
      '',
      ...table(head, [
        ['ns', ...points.map(({ ns }) => (ns < 100 ? ns.toPrecision(3) : ns.toFixed(0)))],
        ['relative', ...points.map(({ relative }) => fixed(relative))],
      ]),
    ]
  })
}
