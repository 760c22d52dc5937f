// The chart of a run as SVG: bars from 1 to the ratio of each peer to grus, on a logarithmic axis. Readable on light and on dark pages.
import { baseOf, ratioOf, titles } from './tables.mjs'

const colors = {
  torch: ['#c2410c', '#fb923c'],
  onnxruntime: ['#0369a1', '#38bdf8'],
  onednn: ['#15803d', '#4ade80'],
  cblas: ['#7e22ce', '#c084fc'],
}
const [width, left, right, top, bar, gap] = [860, 300, 60, 64, 9, 10]
const ticks = [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200]

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 } .small { font-size: 10px } .axis { stroke: #d0d7de } .one { stroke: #1f2328 }
  ${Object.entries(colors)
    .map(([peer, [light]]) => `.${peer} { fill: ${light} }`)
    .join(' ')}
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .axis { stroke: #3d444d } .one { stroke: #e6edf3 }
    ${Object.entries(colors)
      .map(([peer, [, dark]]) => `.${peer} { fill: ${dark} }`)
      .join(' ')}
  }`

const text = (x, y, content, more = '') =>
  `<text x="${x}" y="${y}" ${more}>${content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`

/** rows: of a result; each is one group of bars. */
export function toChart(rows) {
  const groups = rows
    .map((row) => ({
      label: `${row.workload}, ${row.threads} thread${row.threads > 1 ? 's' : ''}`,
      bars: Object.keys(colors).flatMap((peer) => ratioOf(row, peer) ?? []).length ? barsOf(row) : [],
    }))
    .filter(({ bars }) => bars.length > 0)
  const ratios = groups.flatMap(({ bars }) => bars.map(({ ratio }) => ratio))
  const [low, high] = [Math.min(0.8, ...ratios), Math.max(2, ...ratios)].map(Math.log)
  const at = (ratio) => Number((left + ((Math.log(ratio) - low) / (high - low)) * (width - left - right)).toFixed(1))
  const parts = []
  let y = top
  for (const { label, bars } of groups) {
    const height = bars.length * bar
    parts.push(text(left - 10, y + height / 2 + 4, label, 'text-anchor="end"'))
    for (const { peer, ratio } of bars) {
      const [from, to] = [at(1), at(ratio)]
      parts.push(`<rect class="${peer}" x="${Math.min(from, to)}" y="${y}" width="${Math.abs(to - from).toFixed(1)}" height="${bar - 1}"/>`)
      parts.push(text(Math.max(from, to) + 4, y + bar - 1, ratio.toFixed(2), 'class="small"'))
      y += bar
    }
    y += gap
  }
  const axis = ticks
    .filter((tick) => Math.log(tick) >= low && Math.log(tick) <= high)
    .flatMap((tick) => [
      `<line class="${tick === 1 ? 'one' : 'axis'}" x1="${at(tick)}" y1="${top - 6}" x2="${at(tick)}" y2="${y}"/>`,
      text(at(tick), top - 10, String(tick), 'text-anchor="middle" class="small"'),
    ])
  const shown = Object.keys(colors).filter((peer) => groups.some(({ bars }) => bars.some((one) => one.peer === peer)))
  const legend = shown.flatMap((peer, i) => [
    `<rect class="${peer}" x="${left + 130 * i}" y="28" width="10" height="10"/>`,
    text(left + 14 + 130 * i, 37, titles[peer]),
  ])
  const title = text(
    10,
    18,
    'Time of each peer, in times of grus (PyTorch, onnxruntime: of its class; others: of its engine). Above 1 grus is faster.',
  )
  const [open, close] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 6}" width="${width}" height="${y + 6}">`,
    '</svg>',
  ]
  return `${[open, '<title>Times of other libraries divided by those of grus</title>', `<style>${style}\n</style>`, title, ...legend, ...axis, ...parts, close].join('\n')}\n`
}

const barsOf = (row) =>
  Object.keys(colors)
    .map((peer) => ({ peer, ratio: ratioOf(row, peer, row.peers[baseOf(peer)] ? baseOf(peer) : 'grus') }))
    .filter(({ ratio }) => ratio !== undefined)
