import { checkMask } from './data/inputs.js'
import type { DeviceMemory } from './device-memory.js'
import { warnOfDevice } from './diagnose.js'
import { type DeviceName, lowerEngine } from './engine-options.js'
import { GrusError } from './errors.js'
import {
  backwardSchema,
  type CheckedGruOptions,
  checkGruOptions,
  forwardSchema,
  type GruClassOptions,
  lowerGruOptions,
} from './gru-options.js'
import { drawWeight } from './initializers/draw.js'
import { unlikeGru } from './interop/pytorch/convention.js'
import { type LoadGruStateDictOptions, loadGruSchema } from './interop/pytorch/load-options.js'
import { allocating, checkWeights, flatten, type NamedTensors, unflatten, type WeightShape } from './model-weights.js'
import { type NativeGru, type NativeParameter, native } from './native.js'
import { RandomStream, randomSeed } from './random.js'
import { parse } from './spec/parse.js'
import type { Activation } from './spec/types.js'
import { checkKeys, OutputRoom } from './sync.js'
import { type FloatTensor, sameShape, showShape, sizeOf, type Tensor, type TensorLike, toTensor } from './tensor.js'

export interface GruForwardOptions {
  /** The first state, [L*D, B, H], layer-major. Default: zeros. */
  hx?: Tensor
  /** Valid steps of each row, counted from its start. Not with mask. */
  lengths?: readonly number[]
  /** [B, T] in both layouts, 1 valid and 0 not, in any pattern. Not with lengths. */
  mask?: TensorLike
  /** Keeps what backward needs. Default false. */
  training?: boolean
}

export interface GruForwardSyncOptions extends Omit<GruForwardOptions, 'training'> {
  /** Where the results go, each of just the length of its shape. hy may be the data of hx. Default: new arrays. */
  out?: { y?: Float32Array; hy?: Float32Array }
}

/** A call's arguments, checked. */
interface Call {
  batch: number
  steps: number
  x: Float32Array
  hx: Float32Array | undefined
  mask: Uint8Array | undefined
  yShape: number[]
  stateShape: number[]
}

/** What one forward call had, for the backward that follows. */
interface Forwarded {
  x: number[]
  y: number[]
  hx: number[]
}

/**
 * One GRU of any number of layers, forward and backward, with names and shapes as PyTorch has them: x [B, T, I], y [B, T, D*H] (time first with layout
 * 'TBI'), states [L*D, B, H]. y of direction 'backward' is aligned to the input's time; y of steps that do not count is 0, and hy is the state after each
 * row's last step that does.
 */
export class Gru {
  readonly #options: CheckedGruOptions
  readonly #native: NativeGru
  readonly #layout: NativeParameter[]
  readonly #shapes: readonly WeightShape[]
  #parameters: ReadonlyMap<string, FloatTensor>
  readonly #rooms = { y: new OutputRoom(), hy: new OutputRoom() }
  #forwarded: Forwarded | undefined
  #disposed = false
  #failure: unknown

  /**
   * Weights and biases start as U(±1/sqrt(hiddenSize)), drawn from `seed`.
   *
   * @throws GrusError INVALID_ARGUMENT naming the option; UNSUPPORTED; BACKEND_UNAVAILABLE for a device that cannot compute here
   */
  constructor(options: GruClassOptions) {
    this.#options = checkGruOptions(options)
    const { hiddenSize, updateGate } = this.#options
    this.#native = new (native().Gru)(lowerGruOptions(this.#options), lowerEngine(this.#options))
    warnOfDevice(this.#options.device, this.#native.device)
    this.#layout = this.#native.parameters()
    this.#shapes = this.#layout.map(({ name, shape }) => ({ name, shape, negateUpdate: updateGate === 'write' }))
    const seed = this.#options.seed ?? randomSeed()
    const draw = { initializer: 'torch', fanIn: 0, fanOut: 0, transposed: false, torch: { bound: 1 / Math.sqrt(hiddenSize) } } as const
    const draws = this.#shapes.map(({ name, shape }) => {
      const data = allocating('Gru', () => drawWeight(draw, sizeOf(shape), new RandomStream(seed, name)))
      return [name, { data, shape }] as const
    })
    this.#parameters = new Map(draws)
    this.#write()
  }

  get device(): DeviceName {
    return this.#native.device
  }

  /** What computes, e.g. `'cpu packed avx512'`. */
  get engine(): string {
    return this.#native.engine
  }

  /** Copies of all tensors: weight_ih_l0 [3H, I], weight_hh_l0 [3H, H], bias_ih_l0, bias_hh_l0 [3H], …, `_reverse`; gates r, z, n. */
  get parameters(): ReadonlyMap<string, FloatTensor> {
    return new Map([...this.#parameters].map(([name, { data, shape }]) => [name, { data: data.slice(), shape: [...shape] }]))
  }

  /**
   * Replaces all tensors, from the next call on.
   *
   * @throws GrusError INVALID_ARGUMENT for an unknown or missing name, SHAPE_MISMATCH for a shape; then nothing has changed
   */
  setParameters(values: NamedTensors): void {
    const where = 'Gru.setParameters'
    this.#checkAlive(where)
    const checked = checkWeights(where, values, this.#shapes)
    this.#parameters = new Map(this.#shapes.map(({ name, shape }) => [name, { data: checked.get(name)!.data.slice(), shape }]))
    this.#write()
  }

  /**
   * Replaces all tensors by those of an nn.GRU (or nn.GRUCell) in a PyTorch file: .safetensors, or what `torch.save(module.state_dict(), path)` wrote. Of a
   * larger module, the one part that has just these names and shapes.
   *
   * @throws GrusError INVALID_ARGUMENT if no part fits or several do; UNSUPPORTED for options that nn.GRU has not; CORRUPT_FILE. Then nothing has changed
   */
  async loadStateDict(path: string, options: LoadGruStateDictOptions = {}): Promise<void> {
    const where = 'Gru.loadStateDict'
    this.#checkAlive(where)
    const { module, ...others } = parse(where, loadGruSchema, options)
    checkLikeTorch(where, this.#options)
    const [{ gruWeights }, { readStateDict }] = await Promise.all([
      import('./interop/pytorch/gru-weights.js'),
      import('./interop/pytorch/read-state-dict.js'),
    ])
    const stateDict = await readStateDict(where, path, others)
    this.setParameters(gruWeights(where, stateDict, this.#shapes, module))
  }

  /**
   * @param x - float32 [B, T, I], or [T, B, I] with layout 'TBI'
   * @throws GrusError SHAPE_MISMATCH, INVALID_ARGUMENT, DISPOSED
   */
  async forward(x: TensorLike, options: GruForwardOptions = {}): Promise<{ y: FloatTensor; hy: FloatTensor }> {
    const where = 'Gru.forward'
    this.#checkAlive(where)
    const { hx, training, lengths, mask } = parse(where, forwardSchema, options)
    const { yShape, stateShape, ...checked } = this.#check(where, x, hx, lengths, mask)
    const timeMajor = this.#options.layout === 'TBI'
    const call: Parameters<NativeGru['forward']>[0] = { ...checked, timeMajor, training }
    if (training) this.#forwarded = { x: [yShape[0]!, yShape[1]!, this.#options.inputSize], y: yShape, hx: stateShape }
    const { y, hy } = await this.#native.forward(call)
    return { y: { data: y, shape: yShape }, hy: { data: hy, shape: stateShape } }
  }

  /**
   * As forward without training, computed before it returns: for streams of small steps, where a promise would cost more than the step. To carry the
   * state along, give the hy of one call as the hx of the next; nothing else runs in this thread meanwhile.
   *
   * @param x - as forward's. Given as a tensor and with `out`, nothing is allocated but the two tensors that come back
   * @returns the same numbers as forward's; their data are those of `out` that were given
   * @throws GrusError SHAPE_MISMATCH, INVALID_ARGUMENT (also while a forward or backward has not settled: await it first), DISPOSED
   */
  forwardSync(x: TensorLike, options: GruForwardSyncOptions = {}): { y: FloatTensor; hy: FloatTensor } {
    const where = 'Gru.forwardSync'
    this.#checkAlive(where)
    checkKeys(where, options, ['hx', 'lengths', 'mask', 'out'])
    const { out } = options
    if (out !== undefined) checkKeys(where, out, ['y', 'hy'], 'out')
    const call = this.#check(where, x, options.hx, options.lengths, options.mask)
    const y = this.#rooms.y.take(where, 'out.y', out?.y, sizeOf(call.yShape))
    const hy = this.#rooms.hy.take(where, 'out.hy', out?.hy, sizeOf(call.stateShape))
    this.#native.forwardSync(call.batch, call.steps, this.#options.layout === 'TBI', call.x, call.hx, call.mask, y, hy)
    return { y: { data: this.#rooms.y.give(y), shape: call.yShape }, hy: { data: this.#rooms.hy.give(hy), shape: call.stateShape } }
  }

  /**
   * Gradients of the last forward with `training: true`; each such forward can be followed by one backward.
   *
   * @param grads - dy shaped as y, dhy as hy; one of them may be left out
   * @returns dx shaped as x, dhx as hx, and the gradient of each parameter under its name
   */
  async backward(grads: {
    dy?: Tensor
    dhy?: Tensor
  }): Promise<{ dx: FloatTensor; dhx: FloatTensor; gradients: ReadonlyMap<string, FloatTensor> }> {
    const where = 'Gru.backward'
    this.#checkAlive(where)
    const { dy, dhy } = parse(where, backwardSchema, grads)
    const forwarded = this.#forwarded
    if (!forwarded) throw new GrusError('INVALID_ARGUMENT', `[${where}] call forward with training: true first; each allows one backward`)
    if (dy === undefined && dhy === undefined) throw new GrusError('INVALID_ARGUMENT', `[${where}] give dy, dhy or both`)
    const call: Parameters<NativeGru['backward']>[0] = {}
    if (dy !== undefined) call.dy = checkShape(where, 'dy', dy, forwarded.y)
    if (dhy !== undefined) call.dhy = checkShape(where, 'dhy', dhy, forwarded.hx)
    this.#forwarded = undefined
    const { dx, dhx, gradients } = await this.#native.backward(call)
    return {
      dx: { data: dx, shape: forwarded.x },
      dhx: { data: dhx, shape: forwarded.hx },
      gradients: unflatten(this.#layout, this.#shapes, gradients),
    }
  }

  /** What is held on the device. Also after dispose. */
  memory(): DeviceMemory {
    return this.#native.memory()
  }

  /** Frees the device's memory; later calls fail with DISPOSED. Any number of times. */
  dispose(): void {
    this.#disposed = true
    this.#native.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #check(where: string, x: TensorLike, hx?: Tensor, lengths?: readonly number[], mask?: TensorLike): Call {
    const { inputSize, hiddenSize, numLayers, layout, direction } = this.#options
    const directions = direction === 'both' ? 2 : 1
    const { data, shape } = toTensor(where, 'x', x)
    if (shape.length !== 3 || shape[2] !== inputSize || shape.includes(0)) {
      const wanted = layout === 'BTI' ? `[B, T, ${inputSize}]` : `[T, B, ${inputSize}]`
      throw new GrusError('SHAPE_MISMATCH', `[${where}] x must be ${wanted} with at least one row and step, got shape ${showShape(shape)}`)
    }
    const timeMajor = layout === 'TBI'
    const batch = shape[timeMajor ? 1 : 0]!
    const steps = shape[timeMajor ? 0 : 1]!
    const stateShape = [numLayers * directions, batch, hiddenSize]
    return {
      batch,
      steps,
      x: floats(data),
      hx: hx === undefined ? undefined : checkShape(where, 'hx', hx, stateShape),
      mask: checkMask(where, true, batch, steps, { lengths, mask }),
      yShape: [shape[0]!, shape[1]!, directions * hiddenSize],
      stateShape,
    }
  }

  #write(): void {
    this.#native.writeParameters(flatten(this.#layout, this.#shapes, this.#parameters)).catch((error: unknown) => {
      this.#failure = error
    })
  }

  #checkAlive(where: string): void {
    if (this.#disposed) throw new GrusError('DISPOSED', `[${where}] the Gru has been disposed of`)
    if (this.#failure) throw this.#failure
  }
}

/** @throws GrusError UNSUPPORTED for what nn.GRU cannot be */
function checkLikeTorch(where: string, options: CheckedGruOptions): void {
  const pair = (option: 'activation' | 'recurrentActivation', i: 0 | 1): Activation => {
    const given = options[option]
    return Array.isArray(given) ? given[i] : given
  }
  for (const i of [0, 1] as const) {
    const reason = unlikeGru({ ...options, activation: pair('activation', i), recurrentActivation: pair('recurrentActivation', i) })
    if (reason !== undefined) throw new GrusError('UNSUPPORTED', `[${where}] this Gru has ${reason}`)
  }
}

function checkShape(where: string, name: string, value: Tensor, shape: readonly number[]): Float32Array {
  const given = toTensor(where, name, value)
  if (sameShape(given.shape, shape)) return floats(given.data)
  throw new GrusError('SHAPE_MISMATCH', `[${where}] ${name} must have shape ${showShape(shape)}, got ${showShape(given.shape)}`)
}

function floats(data: Float32Array | Int32Array): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data)
}
