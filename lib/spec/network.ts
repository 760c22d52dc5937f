// A list of layers, checked as a whole: names, what goes in, and the sizes that follow from it.
import { GrusError, type GrusErrorCode } from '../errors.js'
import { checkActivation, checkBidirectional, checkDense, checkGru, checkLayerNormalization } from './checks.js'
import { parseLayer } from './layer-schemas.js'
import type { ActivationSpec, DenseSpec, GruSpec, LayerSpec } from './types.js'

/** A layer with its name filled in. */
export type NamedLayer = LayerSpec & { name: string }

/** What a model takes; undefined where only data can tell. */
export interface NetworkInput {
  ids: boolean
  sequence: boolean | undefined
  size: number | undefined
  /** Steps all of whose features are this number are masked; undefined: none are. */
  maskValue: number | undefined
}

/** A layer in its place: what comes in and goes out, [B, size] or [B, T, size]. */
export interface PlacedLayer {
  spec: NamedLayer
  inputSize: number
  outputSize: number
  /** The output is a sequence. */
  sequence: boolean
}

/**
 * Parses and names the layers and checks all that needs no input size.
 *
 * @param field - how messages call the list
 * @throws GrusError with `code` (or UNSUPPORTED) naming the layer
 */
export function checkLayers(where: string, layers: unknown, field = 'layers', code: GrusErrorCode = 'INVALID_ARGUMENT'): NamedLayer[] {
  if (!Array.isArray(layers) || layers.length === 0) {
    throw new GrusError(code, `[${where}] ${field} must be an array of one layer or more`)
  }
  const parsed = Array.from(layers as unknown[], (layer, i) => {
    const spec = parseLayer(where, layer, `${field}[${i}]`, code)
    if (spec.type === 'gru') checkGru(where, spec, `${field}[${i}].`)
    if (spec.type === 'bidirectional') checkBidirectional(where, spec, `${field}[${i}].`)
    if (spec.type === 'dense') checkDense(where, spec, `${field}[${i}].`)
    if (spec.type === 'layerNormalization') checkLayerNormalization(where, spec, `${field}[${i}].`)
    if (spec.type === 'activation') checkActivation(where, spec, `${field}[${i}].`)
    return spec
  })
  const named = nameLayers(where, parsed, field, code)
  checkOrder(where, named, field, code)
  named.forEach(freeze)
  return named
}

/** What the layers themselves say of the input. */
export function inputOf(layers: readonly NamedLayer[]): NetworkInput {
  const first = layers[0]!
  if (first.type === 'embedding') return { ids: true, sequence: true, size: first.inputDim, maskValue: undefined }
  const maskValue = first.type === 'masking' ? first.maskValue : undefined
  const sequence = maskValue !== undefined || layers.some((layer) => gruOf(layer)) ? true : undefined
  return { ids: false, sequence, size: declaredSize(maskValue === undefined ? first : layers[1]!), maskValue }
}

/**
 * Sizes of every layer for an input of this many features.
 *
 * @param sequence - the input is [B, T, I] or ids [B, T], else [B, I]
 */
export function placeLayers(where: string, layers: readonly NamedLayer[], inputSize: number, sequence: boolean): PlacedLayer[] {
  let size = inputSize
  let steps = sequence
  return layers.map((spec, i) => {
    const declared = declaredSize(spec)
    if (declared !== undefined && declared !== size) {
      throw new GrusError(
        'SHAPE_MISMATCH',
        `[${where}] ${place('layers', i, spec)} has inputSize ${declared}, but ${size} features come in`,
      )
    }
    if (spec.type === 'activation') checkSoftmax(where, 'INVALID_ARGUMENT', place('layers', i, spec), spec, size)
    const gru = gruOf(spec)
    const inputs = size
    if (gru) {
      size = spec.type === 'bidirectional' && spec.mergeMode === 'concat' ? 2 * gru.units : gru.units
      steps = gru.returnSequences
    } else if (spec.type === 'embedding') {
      size = spec.outputDim
    } else if (spec.type === 'dense') {
      size = spec.units
    }
    return { spec, inputSize: inputs, outputSize: size, sequence: steps }
  })
}

/** The gru in a gru or bidirectional layer. */
export function gruOf(spec: LayerSpec): GruSpec | undefined {
  if (spec.type === 'gru') return spec
  return spec.type === 'bidirectional' ? spec.layer : undefined
}

function declaredSize(spec: LayerSpec): number | undefined {
  return gruOf(spec)?.inputSize ?? (spec.type === 'dense' ? spec.inputSize : undefined)
}

/** A model's weights follow from its layers: they must not change under it. */
function freeze(value: object): void {
  Object.freeze(value)
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freeze(inner)
}

function place(field: string, i: number, spec: LayerSpec): string {
  return `${field}[${i}] (${spec.type})`
}

/** Keras' names: gru, gru_1, …; a bidirectional layer may take its gru's own. */
function nameLayers(where: string, layers: readonly LayerSpec[], field: string, code: GrusErrorCode): NamedLayer[] {
  const own = layers.map((spec) => spec.name ?? (spec.type === 'bidirectional' ? spec.layer.name : undefined))
  own.forEach((name, i) => {
    const twin = own.indexOf(name)
    if (name === undefined || twin === i) return
    throw new GrusError(code, `[${where}] ${field}[${i}].name must be unique, '${name}' is ${field}[${twin}]'s`)
  })
  const taken = new Set(own)
  return layers.map((spec, i) => {
    let name = own[i] ?? spec.type
    for (let n = 1; own[i] === undefined && taken.has(name); ++n) name = `${spec.type}_${n}`
    taken.add(name)
    return { ...spec, name }
  })
}

function checkOrder(where: string, layers: readonly NamedLayer[], field: string, code: GrusErrorCode): void {
  let maker: string | undefined
  layers.forEach((spec, i) => {
    const here = place(field, i, spec)
    if (spec.type === 'embedding' && i > 0) {
      throw new GrusError(code, `[${where}] ${here} must be the first layer: it takes ids, and numbers come out of ${field}[${i - 1}]`)
    }
    if (spec.type === 'masking') checkMasking(where, code, here, i, layers.length)
    if ((spec.type === 'dense' || spec.type === 'activation') && spec.activation === 'softmax' && i < layers.length - 1) {
      throw new GrusError('UNSUPPORTED', `[${where}] ${here} has a softmax, which only the last layer may have`)
    }
    if (spec.type === 'dense') checkSoftmax(where, code, here, spec, spec.units)
    const gru = gruOf(spec)
    if (!gru) return
    if (maker !== undefined) {
      throw new GrusError(
        code,
        `[${where}] ${here} needs sequences [B, T, I], but vectors come out of ${maker}; set returnSequences: true there`,
      )
    }
    if (!gru.returnSequences) maker = here
  })
}

function checkMasking(where: string, code: GrusErrorCode, here: string, i: number, count: number): void {
  if (i > 0) throw new GrusError(code, `[${where}] ${here} must be the first layer: it looks for steps of the input`)
  if (count === 1) throw new GrusError(code, `[${where}] ${here} must have a layer after it: by itself it computes nothing`)
}

function checkSoftmax(where: string, code: GrusErrorCode, here: string, spec: DenseSpec | ActivationSpec, size: number): void {
  if (spec.activation !== 'softmax' || size > 1) return
  throw new GrusError(code, `[${where}] ${here}: a softmax over 1 unit is always 1; use activation 'sigmoid', or 2 units`)
}
