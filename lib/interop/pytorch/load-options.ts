import * as z from 'zod'
import { flag } from '../../spec/fields.js'
import { schemaOf } from '../../spec/parse.js'
import type { ModuleMap } from './assign.js'
import type { MapOptions } from './map-state-dict.js'
import type { StateDictOptions } from './read-state-dict.js'

/** Options of `model.loadStateDict`. */
export type LoadStateDictOptions = StateDictOptions & MapOptions

/** What `loadStateDict` did not load. */
export interface LoadedStateDict {
  /** The model's names that the file has not. Empty unless `strict: false`. */
  missingKeys: string[]
  /** The file's names that the model has not. */
  unexpectedKeys: string[]
}

/** Options of `Gru.loadStateDict`. */
export interface LoadGruStateDictOptions extends StateDictOptions {
  /** The nn.GRU to take, where several in the file fit: `'encoder.rnn'`. */
  module?: string
}

const object = { error: 'an object' }
const text = z.string({ error: 'a string' })
const names = "a layer's name or an array of them"

export const moduleMap: z.ZodType<ModuleMap, ModuleMap> = schemaOf<ModuleMap, ModuleMap>()(
  z.record(z.string(), z.union([z.string({ error: names }), z.array(z.string({ error: names })).readonly()], { error: names }), {
    error: 'an object from modules to layers',
  }),
)

export const loadSchema: z.ZodType<LoadStateDictOptions, LoadStateDictOptions> = schemaOf<LoadStateDictOptions, LoadStateDictOptions>()(
  z.strictObject({ key: text.exactOptional(), map: moduleMap.exactOptional(), strict: flag.exactOptional() }, object),
)

export const loadGruSchema: z.ZodType<LoadGruStateDictOptions, LoadGruStateDictOptions> = schemaOf<
  LoadGruStateDictOptions,
  LoadGruStateDictOptions
>()(z.strictObject({ key: text.exactOptional(), module: text.exactOptional() }, object))
