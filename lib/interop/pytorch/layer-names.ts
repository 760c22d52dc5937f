import { layerName } from '../../spec/fields.js'
import type { ModuleMap } from './assign.js'
import type { Link } from './chain.js'
import type { PickleErrors } from './pickle.js'

const standard = { embedding: 'embedding', gru: 'gru', linear: 'dense', layerNorm: 'layerNormalization' } as const

/** A name for each layer: the map's, else the module's with dots as `_`; an nn.GRU of several layers counts on: `rnn`, `rnn_1`. */
export function layerNames(links: readonly Link[], map: ModuleMap, errors: PickleErrors): string[] {
  const taken = new Set(Object.values(map).flat())
  if (taken.size < Object.values(map).flat().length) throw errors.invalid('option map gives two layers the same name')
  return links.flatMap(({ module, kind }) => {
    const given = map[module.prefix]
    if (given !== undefined) {
      const names = [given].flat() as string[]
      const bad = names.find((name) => !isName(name))
      if (bad !== undefined)
        throw errors.invalid(`map['${module.prefix}']: '${bad}' is no layer's name: 1 to 100 letters, digits, '_' or '-'`)
      if (names.length === module.parts.length) return names
      throw errors.invalid(`map['${module.prefix}'] must be ${module.parts.length} names for ${module.title}, got ${names.length}`)
    }
    const plain = module.prefix.replaceAll('.', '_')
    const base = plain.length <= 90 && isName(plain) ? plain : standard[kind]
    return module.parts.map(() => {
      let name = base
      for (let n = 1; taken.has(name); ++n) name = `${base}_${n}`
      taken.add(name)
      return name
    })
  })
}

function isName(text: string): boolean {
  return layerName.safeParse(text).success
}
