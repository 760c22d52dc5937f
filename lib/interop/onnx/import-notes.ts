// What a chain says of its input and outputs, and the notes about it.

import { type Chain, outputAxes } from './chain.js'
import { OnnxUnsupported } from './faults.js'
import type { OnnxModel } from './proto.js'
import { known } from './sizes.js'
import type { GruNode } from './sources.js'
import type { Atom, View } from './values.js'

export interface Roles {
  batch: Atom
  time: Atom | undefined
  feature: Atom | undefined
}

export function rolesOf({ input, links, view }: Chain, grus: readonly GruNode[]): Roles {
  const [first] = grus
  const embeds = links[0]?.kind === 'embedding'
  if (input.ids && !embeds) throw new OnnxUnsupported(`${input.place} holds whole numbers, but no embedding looks them up`)
  const featured = links.find((link) => link.kind !== 'activation')
  const x = featured?.kind === 'gru' ? featured.gru.x : featured?.x
  const feature = embeds ? undefined : (x?.features[0] ?? view.axes.at(-1)?.[0])
  const leading = input.atoms.filter((atom) => atom !== feature && (known(atom.size) !== 1 || view.axes.flat().includes(atom)))
  if (leading.length < 1 || leading.length > 2 || (!embeds && !(feature && input.atoms.includes(feature)))) {
    throw new OnnxUnsupported(`${input.place} has ${input.atoms.length} axes; a model takes rows, steps and features`)
  }
  const [batch, time] = first ? [first.batch, first.time] : (leading as [Atom, Atom?])
  for (const gru of grus) {
    if (gru.batch !== batch || gru.time !== time || !leading.includes(batch) || !leading.includes(gru.time)) {
      throw new OnnxUnsupported(`${gru.place}: its steps and rows are not those of ${input.place}`)
    }
    if (gru.lengths !== first!.lengths) throw new OnnxUnsupported(`${gru.place}: sequence_lens must be that of ${first!.place}`)
  }
  if (embeds && !time) throw new OnnxUnsupported(`${input.place} must be ids [rows, steps]`)
  return { batch, time, feature }
}

export function heading({ opsets, producerName, producerVersion, graph }: OnnxModel): string[] {
  const opset = opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')!.version
  const producer = [producerName, producerVersion].filter((text) => text).join(' ')
  const types = new Set(graph.initializers.map(({ type }) => type))
  const wide = (['FLOAT16', 'BFLOAT16', 'DOUBLE'] as const).filter((type) => types.has(type))
  return [
    `ONNX opset ${opset}${producer ? ` by ${producer}` : ''}`,
    ...(wide.length > 0 ? [`weights of ${wide.join(', ').toLowerCase()} -> float32`] : []),
  ]
}

export function inputNotes({ input }: Chain, { batch, time, feature }: Roles, grus: readonly GruNode[]): string[] {
  const letters = (atoms: readonly (Atom | undefined)[]) =>
    atoms.map((atom) => (atom === batch ? 'B' : atom === time ? 'T' : atom === feature ? 'I' : '1')).join(', ')
  const [theirs, ours] = [letters(input.atoms), letters([batch, time, feature].filter((atom) => atom))]
  const notes = theirs === ours ? [] : [`${input.place} is [${theirs}] in the file, [${ours}] here`]
  const lengths = grus[0]?.lengths
  if (lengths !== undefined) notes.push(`the input '${lengths}' is the option lengths of predict`)
  return notes
}

export function stateNotes(grus: readonly GruNode[], states: ReadonlySet<GruNode>, outputs: readonly string[], main: string): string[] {
  const given = [...new Set(grus.flatMap(({ initial }) => (initial ? [initial.input] : [])))]
  const others = outputs.filter((name) => name !== main)
  const notes: string[] = []
  if (given.length > 0)
    notes.push(`first states (${given.join(', ')}) are initialStates of predictWithStates, one for each layer with returnState`)
  if (others.length > 0) notes.push(`last states (${others.join(', ')}) are the states of predictWithStates`)
  if (states.size > 0 && given.length > 0 && grus.some((gru) => states.has(gru) && !gru.initial))
    notes.push('layers without a first state in the file take zeros')
  return notes
}

/** @throws OnnxUnsupported for what a model does not give */
export function describeOutput(name: string, view: View, { batch, time }: Roles): string[] {
  const found = outputAxes(view)
  const stray = found?.leading.find((atom) => atom !== batch && atom !== time)
  if (!found || stray) {
    throw new OnnxUnsupported(
      `the output '${name}' does not have all rows and all features of ${view.source.place}, each with axes of its own`,
    )
  }
  const letter = (atom: Atom): string =>
    atom === batch ? 'B' : atom === time ? 'T' : found.features.length > 1 && atom === found.features[0] ? 'D' : 'F'
  const theirs = view.axes.map((axis) => axis.map(letter).join(' ') || '1').join(', ')
  const features = found.features.map(letter).join(' ') || 'F'
  const steps = found.leading.includes(time!)
  const ours = ['B', ...(steps ? ['T'] : []), features].join(', ')
  return theirs === ours ? [] : [`the output '${name}' is [${theirs}] in the file, [${ours}] here`]
}
