// How the cost of a GRU grows with the steps and with the rows of a batch: time of a step of a row, which stays if it grows in line.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeArrays } from './arrays.mjs'
import { median, round } from './summary.mjs'

const kinds = ['forward', 'forward+backward']

/** [{ kind, axis: 'T' or 'B', fixed, hidden, threads, points: [{ value, ms, ns, relative }] }]; ns: of a step of a row. */
export async function measureGrowth({ hidden, T, B }, peer, threads, folder, { rounds, ms }) {
  const shapes = [
    ...T.values.map((steps) => ({ axis: 'T', value: steps, steps, batch: T.batch })),
    ...B.values.map((batch) => ({ axis: 'B', value: batch, steps: B.steps, batch })),
  ]
  const most = shapes.reduce((a, b) => (a.steps * a.batch > b.steps * b.batch ? a : b))
  writeArrays({ ...most, kind: kinds[1], input: hidden, hidden }, folder) // the others take the beginnings
  const points = kinds.flatMap((kind) => shapes.map((shape) => ({ ...shape, kind, input: hidden, hidden, times: [] })))
  for (let done = 0; done < rounds; done++) {
    for (const point of points) {
      await peer.ask({ command: 'prepare', workload: point, folder, threads, bytes: 0, out: join(folder, 'growth') })
      point.times.push((await peer.ask({ command: 'time', ms })).times)
      await sleep(20)
    }
  }
  return kinds.flatMap((kind) =>
    ['T', 'B'].map((axis) => {
      const line = points.filter((point) => point.kind === kind && point.axis === axis)
      const perCell = ({ times, steps, batch }) => median(times.flat()) / (steps * batch)
      const last = perCell(line.at(-1))
      return {
        kind,
        axis,
        hidden,
        threads,
        fixed: axis === 'T' ? { B: T.batch } : { T: B.steps },
        points: line.map((point) => ({
          value: point.value,
          ms: round(median(point.times.flat())),
          ns: round(perCell(point) * 1e6),
          relative: round(perCell(point) / last),
        })),
      }
    }),
  )
}
