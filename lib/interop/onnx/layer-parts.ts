// What several operators make layers of.
import type { Activation } from '../../spec/types.js'
import { filled } from './constants.js'
import type { NodeReader } from './node-reader.js'
import { known } from './sizes.js'
import { type Source, type Taken, takeFeatures } from './sources.js'
import { type Atom, type Constant, dimsOf, type Numbers, type View } from './values.js'
import { viewOf } from './views.js'

/** A constant that is added along the last axis: one number for each feature. Null: it is no such. */
export function biasOf(reader: NodeReader, value: Constant, units: number): Numbers | null {
  const dims = dimsOf(value).map(known)
  if (dims.slice(0, -1).some((dim) => dim !== 1) || (dims.length > 0 && dims.at(-1) !== units && dims.at(-1) !== 1)) return null
  const full = filled(value, reader.budget)
  if (full.kind !== 'numbers') return null
  const data = full.data.length === units ? full.data : new Float32Array(units).fill(full.data[0]!)
  return { kind: 'numbers', dims: [units], data }
}

export function elementwise(view: View, activation: Activation, place: string): View {
  if (activation === 'linear') return view
  return { ...view, source: { kind: 'activation', place, of: view.source, activation } }
}

/** A layer that takes the last axis and gives it back. */
export function consumed(view: View, make: (x: Taken, features: Atom[]) => Source): View {
  const axis = view.axes.length - 1
  const x = takeFeatures(view, axis)
  const feature: Atom = { name: x.features.map(({ name }) => name).join(' x '), size: dimsOf(view)[axis]! }
  return viewOf(make(x, [feature]), view.axes.with(axis, [feature]))
}
