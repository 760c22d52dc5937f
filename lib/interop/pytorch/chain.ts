// In which order the modules of a state dict follow each other: what one puts out, the next must take.
import { listModules } from './assign.js'
import type { TorchModule } from './modules.js'
import type { PickleErrors } from './pickle.js'

/** A module as a layer of the chain. */
export interface Link {
  module: TorchModule
  kind: 'embedding' | 'gru' | 'linear' | 'layerNorm'
  inputs: number
  outputs: number
}

export interface ChainOptions {
  /** The modules' names, first to last. */
  order?: readonly string[]
  /** The module that is an nn.Embedding; false: none is. */
  embedding?: string | false
}

const mostSteps = 20_000
/** Far more than one would want in a row. */
const mostModules = 200

/**
 * The order given, else the file's where it is one, else what the widths leave: grus first where that is possible, else whatever fits.
 *
 * @throws GrusError INVALID_ARGUMENT where more than one fits, or `order` does not name the modules; UNSUPPORTED if none does
 */
export function chainOf(
  modules: readonly TorchModule[],
  inOrder: boolean,
  shapeOf: (key: string) => readonly number[],
  options: ChainOptions,
  errors: PickleErrors,
): { links: Link[]; note: string } {
  if (modules.length > mostModules) throw errors.unsupported(`it has ${modules.length} modules, ${mostModules} are the most`)
  const links = new Map(modules.map((module) => [module, rolesOf(module, shapeOf, options.embedding)]))
  const known = modules.map(({ prefix }) => `'${prefix}'`).join(', ')
  const one = (chains: Link[][], note: string): { links: Link[]; note: string } => {
    const [chain, other] = chains
    if (!other) return { links: chain!, note }
    const show = (links: readonly Link[]) => links.map(({ module, kind }) => `'${module.prefix}' (${kind})`).join(', ')
    const help = `Option order says which, such as order: [${chain!.map(({ module }) => `'${module.prefix}'`).join(', ')}]; option embedding names the nn.Embedding, or is false`
    throw errors.invalid(`more than one order of its modules fits: ${show(chain!)}, or ${show(other)}. ${help}`)
  }
  if (options.order) {
    const given = options.order.map((prefix) => modules.find((module) => module.prefix === prefix))
    if (given.includes(undefined) || new Set(given).size !== modules.length || given.length !== modules.length) {
      throw errors.invalid(`option order must name each of ${known} once, got ${options.order.map((name) => `'${name}'`).join(', ')}`)
    }
    const chains = inThisOrder(given as TorchModule[], links)
    if (chains.length === 0)
      throw errors.unsupported(`in the order given, what one module puts out the next does not take; there ${listModules(modules)}`)
    return one(chains, 'order: as given')
  }
  const declared = inOrder ? inThisOrder(modules, links) : []
  if (declared.length > 0) return one(declared, 'order: as in the file, in which the module declared its parts')
  const usual = anyOrder(modules, links, errors, true)
  if (usual.length > 0) return one(usual, 'order: by widths, grus before normalizations and linear layers (option order: another)')
  const chains = anyOrder(modules, links, errors, false)
  if (chains.length > 0) return one(chains, 'order: the only one in which each module takes what the one before it puts out')
  throw errors.unsupported(
    `its modules make no chain in which each takes what the one before it puts out; there ${listModules(modules)}. Build the model and use loadStateDict`,
  )
}

/** What a module may be: two things for a weight alone. */
function rolesOf(module: TorchModule, shapeOf: (key: string) => readonly number[], embedding: string | false | undefined): Link[] {
  const first = module.parts[0]!
  const shape = (name: string, part = first) => shapeOf(part.keys.get(name) ?? '')
  if (first.kind === 'gru') {
    const last = module.parts.at(-1)!
    const hidden = shape('weight_hh_l0', last)[1] ?? 0
    return [
      { module, kind: 'gru', inputs: shape('weight_ih_l0')[1] ?? 0, outputs: last.keys.has('weight_hh_l0_reverse') ? 2 * hidden : hidden },
    ]
  }
  const [rows = 0, columns = 0] = shape('weight')
  if (first.kind === 'layerNorm') return [{ module, kind: 'layerNorm', inputs: rows, outputs: rows }]
  const linear: Link = { module, kind: 'linear', inputs: columns, outputs: rows }
  if (first.kind === 'linear') return [linear]
  const lookup: Link = { module, kind: 'embedding', inputs: rows, outputs: columns }
  if (embedding !== undefined) return [embedding === module.prefix ? lookup : linear]
  return /emb[^.]*$/i.test(module.prefix) ? [lookup] : [lookup, linear]
}

type Roles = ReadonlyMap<TorchModule, readonly Link[]>

function follows(chain: readonly Link[], link: Link): boolean {
  const last = chain.at(-1)
  return last ? link.kind !== 'embedding' && last.outputs === link.inputs : true
}

function inThisOrder(modules: readonly TorchModule[], roles: Roles): Link[][] {
  let chains: Link[][] = [[]]
  for (const module of modules) {
    chains = chains.flatMap((chain) =>
      roles
        .get(module)!
        .filter((link) => follows(chain, link))
        .map((link) => [...chain, link]),
    )
  }
  return chains
}

/**
 * The first two.
 *
 * @param usual - no gru comes after a linear or normalization
 */
function anyOrder(modules: readonly TorchModule[], roles: Roles, errors: PickleErrors, usual: boolean): Link[][] {
  const found: Link[][] = []
  let steps = 0
  const extend = (chain: readonly Link[], left: readonly TorchModule[]): void => {
    if (left.length === 0) found.push([...chain])
    for (const module of left) {
      for (const link of roles.get(module)!) {
        if (found.length > 1 || !follows(chain, link)) continue
        if (usual && link.kind === 'gru' && chain.some(({ kind }) => kind === 'linear' || kind === 'layerNorm')) continue
        if (++steps > mostSteps)
          throw errors.invalid(`there are too many orders of its modules to try: give option order; there ${listModules(modules)}`)
        extend(
          [...chain, link],
          left.filter((other) => other !== module),
        )
      }
    }
  }
  extend([], modules)
  return found
}
