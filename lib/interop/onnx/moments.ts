// A layer normalization in the steps that older exporters write: (x - mean) / sqrt(mean((x - mean)^2) + epsilon).
import { type Place, type Source, takeFeatures } from './sources.js'
import type { View } from './values.js'

export type Moment = Extract<Source, { kind: 'moment' }>
export type Step = Moment['step']

export function momentOf(view: View, ...steps: Step[]): Moment | undefined {
  return view.source.kind === 'moment' && steps.includes(view.source.step) ? view.source : undefined
}

/** The next step, in a view of the same axes. */
export function nextMoment(view: View, moment: Moment, step: Step, epsilon?: number): View {
  return { ...view, source: { ...moment, step, ...(epsilon !== undefined && { epsilon }) } }
}

/** The mean over the last axis, which stays with size 1: of features, or of their squares. */
export function meanOf(view: View, place: Place): View {
  const axes = view.axes.with(-1, [])
  const square = momentOf(view, 'square')
  if (square) return nextMoment({ ...view, axes }, square, 'variance')
  const x = takeFeatures(view, view.axes.length - 1)
  return { ...view, axes, source: { kind: 'moment', place, x, step: 'mean', epsilon: 0 } }
}

/** x - mean(x). */
export function centred(a: View, b: View): View | undefined {
  const mean = momentOf(b, 'mean')
  return mean && mean.x.view === a ? nextMoment(a, mean, 'centred') : undefined
}

/** Centred features and the deviation that belongs to them. */
export function normalized(a: View, b: View): Moment | undefined {
  const [above, below] = [momentOf(a, 'centred'), momentOf(b, 'deviation')]
  return above && below && above.x.view === below.x.view ? below : undefined
}
