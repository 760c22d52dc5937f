import { type CheckedInputs, checkInputs } from './data/inputs.js'
import { maskGradient } from './data/masking.js'
import type { Normalizer } from './data/normalizer.js'
import type { TextVectorizer } from './data/text.js'
import type { DeviceMemory } from './device-memory.js'
import { pickDevice, warnOfDevice } from './diagnose.js'
import { type CheckedEngineOptions, type DeviceName, lowerEngine, type Precision, settleEngine } from './engine-options.js'
import { GrusError } from './errors.js'
import { type LoadedStateDict, type LoadStateDictOptions, loadSchema } from './interop/pytorch/load-options.js'
import type { ForwardOptions, Model, ModelOptions, PredictOptions, PredictSyncOptions, PredictWithStatesOptions } from './model.js'
import { saveModel } from './model-file.js'
import { type ModelInternals, type ModelOutput, setModelInternals } from './model-internals.js'
import { buildSchema, forwardSchema, optionsSchema, predictSchema, statesSchema } from './model-options.js'
import { checkStates, predictBatches, stateShapes, toBatch } from './model-predict.js'
import { layerParams, shapeOf, summaryLines } from './model-summary.js'
import { allocating, checkLayout, checkWeights, flatten, initialWeights, type NamedTensors, unflatten } from './model-weights.js'
import { type NativeParameter, type NativeSession, native } from './native.js'
import { randomSeed } from './random.js'
import { lower, type Network } from './spec/lower.js'
import { checkLayers, gruOf, inputOf, type NamedLayer, type NetworkInput, placeLayers } from './spec/network.js'
import { parse } from './spec/parse.js'
import type { LayerSpec } from './spec/types.js'
import { checkKeys, OutputRoom } from './sync.js'
import { type FloatTensor, showShape, sizeOf, type Tensor, type TensorLike, toTensor } from './tensor.js'
import { Batcher } from './training/batcher.js'
import { predictTrimming } from './training/trimming.js'

/** What exists once the input is known. */
interface Built {
  network: Network
  session: NativeSession
  layout: NativeParameter[]
}

export class SequentialModel implements Model {
  readonly name: string
  readonly layers: readonly LayerSpec[]
  readonly seed: number
  tokenizer: TextVectorizer | undefined
  normalizer: Normalizer | undefined
  labels: readonly string[] | undefined
  readonly #layers: readonly NamedLayer[]
  readonly #engine: CheckedEngineOptions
  readonly #input: NetworkInput
  #built: Built | undefined
  #forwarded: { x: readonly number[]; y: readonly number[]; masked: Uint8Array | undefined } | undefined
  readonly #room = new OutputRoom()
  #disposed = false
  /** A transfer of weights that failed after its call had returned. */
  #failure: unknown

  /** @param restored - the input and the weights that a file holds, and who read it; otherwise weights are drawn */
  constructor(
    layers: readonly LayerSpec[],
    options: ModelOptions,
    restored?: { where: string; inputSize: number; sequence: boolean; weights: NamedTensors },
  ) {
    const where = restored?.where ?? 'sequential'
    const checked = parse(where, optionsSchema, options)
    this.#layers = checkLayers(where, layers)
    this.layers = this.#layers
    this.name = checked.name
    this.seed = checked.seed ?? randomSeed()
    this.#engine = settleEngine(where, checked)
    this.#input = inputOf(this.#layers)
    this.#useInputSize(where, checked.inputSize)
    setModelInternals(this, this.#internals())
    if (restored) this.#build(where, restored.inputSize, restored.sequence, restored.weights)
    else if (this.#input.size !== undefined && this.#input.sequence !== undefined)
      this.#build(where, this.#input.size, this.#input.sequence)
  }

  get device(): DeviceName {
    return this.#built?.session.device ?? pickDevice('model', this.#engine.device).device
  }

  get engine(): string {
    return this.#built?.session.engine ?? pickDevice('model', this.#engine.device).detail
  }

  get precision(): Precision {
    return this.#engine.precision
  }

  get built(): boolean {
    return this.#built !== undefined
  }

  get outputShape(): readonly (number | string)[] {
    return shapeOf(this.#need('model.outputShape').network.layers.at(-1)!)
  }

  build(inputSize: number): void {
    const where = 'model.build'
    this.#checkAlive(where)
    const { inputSize: features } = parse(where, buildSchema, { inputSize })
    this.#useInputSize(where, features)
    if (!this.#built) this.#build(where, features, this.#input.sequence ?? false)
  }

  countParams(): number {
    return this.#need('model.countParams').network.layers.reduce((sum, layer) => sum + layerParams(layer), 0)
  }

  summary(print?: (line: string) => void): string {
    const lines = summaryLines(this.name, this.#layers, this.#built?.network.layers)
    if (print) lines.forEach((line) => void print(line))
    return lines.join('\n')
  }

  async predict(x: TensorLike, options: PredictOptions = {}): Promise<FloatTensor> {
    const where = 'model.predict'
    this.#checkAlive(where)
    const { batchSize, signal, ...masks } = parse(where, predictSchema, options)
    const inputs = checkInputs(where, this, { x, ...masks })
    if (this.#stateful() && inputs.rows > batchSize && inputs.rows % batchSize !== 0) {
      const text = `a stateful model needs batches of one size: ${inputs.rows} rows are no multiple of batchSize ${batchSize}`
      throw new GrusError('INVALID_ARGUMENT', `[${where}] ${text}`)
    }
    const batcher = new Batcher(inputs, predictTrimming(this.#layers, inputs, this.#output(where)))
    const y = await predictBatches(where, this.#session(where), batcher, batchSize, this.#outputRow(inputs), signal)
    return { data: y, shape: this.#outputShapeOf(inputs) }
  }

  predictSync(x: TensorLike, options: PredictSyncOptions = {}): FloatTensor {
    const where = 'model.predictSync'
    this.#checkAlive(where)
    checkKeys(where, options, ['mask', 'lengths', 'out'])
    const { mask, lengths, out } = options
    const inputs = checkInputs(where, this, { x, mask, lengths })
    const shape = this.#outputShapeOf(inputs)
    const y = this.#room.take(where, 'out', out, sizeOf(shape))
    this.#session(where).predictSync(inputs.rows, inputs.steps, inputs.x, inputs.mask, y)
    return { data: this.#room.give(y), shape }
  }

  async predictWithStates(x: TensorLike, options: PredictWithStatesOptions = {}): Promise<{ y: FloatTensor; states: FloatTensor[] }> {
    const where = 'model.predictWithStates'
    this.#checkAlive(where)
    const { initialStates, ...masks } = parse(where, statesSchema, options)
    const inputs = checkInputs(where, this, { x, ...masks })
    const shapes = stateShapes(where, this.#layers, inputs.rows)
    const given = initialStates && checkStates(where, initialStates, shapes)
    const session = this.#session(where)
    // queued together, so that no other call's batch comes between
    const written = given ? session.writeStates(given, inputs.rows) : undefined
    const [, y, states] = await Promise.all([written, session.predict(toBatch(inputs, 0, inputs.rows)), session.readStates()])
    return {
      y: { data: y, shape: this.#outputShapeOf(inputs) },
      states: states.map((data, i) => ({ data, shape: shapes[i]!.shape })),
    }
  }

  async getWeights(): Promise<Map<string, FloatTensor>> {
    const where = 'model.getWeights'
    const { network, layout } = this.#need(where)
    return unflatten(layout, network.parameters, await this.#session(where).readParameters())
  }

  async setWeights(values: NamedTensors): Promise<void> {
    const where = 'model.setWeights'
    const { network, layout } = this.#need(where)
    const session = this.#session(where)
    await session.writeParameters(flatten(layout, network.parameters, checkWeights(where, values, network.parameters)))
  }

  async loadStateDict(path: string, options: LoadStateDictOptions = {}): Promise<LoadedStateDict> {
    const where = 'model.loadStateDict'
    const { network, layout } = this.#need(where)
    const { key, ...mapping } = parse(where, loadSchema, options)
    const [{ mapStateDict }, { readStateDict }] = await Promise.all([
      import('./interop/pytorch/map-state-dict.js'),
      import('./interop/pytorch/read-state-dict.js'),
    ])
    const stateDict = await readStateDict(where, path, key === undefined ? {} : { key })
    const { weights, missingKeys, unexpectedKeys } = mapStateDict(where, stateDict, network.layers, mapping)
    const kept = missingKeys.length > 0 ? await this.getWeights() : []
    const values = checkWeights(where, new Map([...kept, ...weights]), network.parameters)
    await this.#session(where).writeParameters(flatten(layout, network.parameters, values))
    return { missingKeys, unexpectedKeys }
  }

  async resetStates(): Promise<void> {
    this.#checkAlive('model.resetStates')
    if (this.#built) await this.#session('model.resetStates').writeStates([], 0)
  }

  async forward(x: TensorLike, options: ForwardOptions = {}): Promise<FloatTensor> {
    const where = 'model.forward'
    this.#checkAlive(where)
    const { training, ...masks } = parse(where, forwardSchema, options)
    const inputs = checkInputs(where, this, { x, ...masks })
    const session = this.#session(where)
    const shape = this.#outputShapeOf(inputs)
    this.#forwarded = { x: inputs.xShape, y: shape, masked: inputs.masked }
    return { data: await session.forward(toBatch(inputs, 0, inputs.rows), training), shape }
  }

  async backward(dy: Tensor): Promise<{ dx: FloatTensor | null; gradients: Map<string, FloatTensor> }> {
    const where = 'model.backward'
    this.#checkAlive(where)
    const forwarded = this.#forwarded
    if (!forwarded) throw new GrusError('INVALID_ARGUMENT', `[${where}] call forward first: backward belongs to one forward`)
    const { data, shape } = toTensor(where, 'dy', dy)
    if (showShape(shape) !== showShape(forwarded.y)) {
      throw new GrusError('SHAPE_MISMATCH', `[${where}] dy must have y's shape ${showShape(forwarded.y)}, got ${showShape(shape)}`)
    }
    const session = this.#session(where)
    this.#forwarded = undefined
    const [dx, gradients] = await Promise.all([session.backward(Float32Array.from(data)), this.#readGradients(where)])
    if (dx && forwarded.masked) maskGradient(dx, forwarded.masked)
    return { dx: dx && { data: dx, shape: forwarded.x }, gradients }
  }

  async save(path: string): Promise<void> {
    const { network } = this.#need('model.save')
    const { inputSize, sequence } = network.native
    await saveModel(path, this, { inputSize, sequence }, await this.getWeights())
  }

  async loadWeights(path: string): Promise<void> {
    const where = 'model.loadWeights'
    const { inputSize, sequence } = this.#need(where).network.native
    const [{ mapKerasWeights, readKerasWeights }, { detectFormat }] = await Promise.all([
      import('./interop/keras/weights.js'),
      import('./interop/detect.js'),
    ])
    const { format } = await detectFormat(where, path)
    if (format !== 'hdf5') {
      const hint = format === 'pytorch' ? 'loadStateDict reads it' : format === 'grus' ? 'loadModel reads it' : 'importModel reads models'
      throw new GrusError(
        'INVALID_ARGUMENT',
        `[${where}] ${path} must be a .weights.h5 file of Keras, got one of format '${format}': ${hint}`,
      )
    }
    const weights = mapKerasWeights(where, path, await readKerasWeights(where, path), this.#layers, inputSize, sequence)
    await this.setWeights(weights)
  }

  memory(): DeviceMemory {
    return this.#built?.session.memory() ?? { allocations: 0, bytes: 0 }
  }

  dispose(): void {
    this.#disposed = true
    this.#built?.session.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #build(where: string, inputSize: number, sequence: boolean, weights?: NamedTensors): void {
    const network = lower(where, this.#layers, inputSize, sequence, this.seed)
    const drawn = () => initialWeights(network.parameters, this.seed)
    const values = weights ? checkWeights(where, weights, network.parameters) : allocating(where, drawn)
    const session = new (native().Session)(network.native, lowerEngine(this.#engine))
    warnOfDevice(this.#engine.device, session.device)
    const layout = session.parameters()
    try {
      checkLayout(layout, network.parameters)
      const flat = allocating(where, () => flatten(layout, network.parameters, values))
      session.writeParameters(flat).catch((error: unknown) => {
        this.#failure = error
      })
    } catch (error) {
      session.dispose()
      throw error
    }
    this.#input.size = inputSize
    this.#input.sequence = sequence
    this.#built = { network, session, layout }
  }

  #useInputSize(where: string, features: number | undefined): void {
    if (features === undefined) return
    const known = this.#input.size
    if (known !== undefined && known !== features) {
      const source = this.#input.ids ? 'inputDim of the embedding' : this.built ? 'the model is built for' : 'inputSize of the first layer'
      throw new GrusError('INVALID_ARGUMENT', `[${where}] inputSize must be ${known} (${source}), got ${features}`)
    }
    this.#input.size = features
  }

  #checkAlive(where: string): void {
    if (this.#disposed) throw new GrusError('DISPOSED', `[${where}] the model has been disposed of`)
  }

  #need(where: string): Built {
    this.#checkAlive(where)
    if (this.#built) return this.#built
    throw new GrusError('INVALID_ARGUMENT', `[${where}] the model is not built yet: call build(inputSize), or give it data first`)
  }

  #session(where: string): NativeSession {
    const { session } = this.#need(where)
    if (this.#failure) throw this.#failure
    return session
  }

  async #readGradients(where: string): Promise<Map<string, FloatTensor>> {
    const { network, layout } = this.#need(where)
    return unflatten(layout, network.parameters, await this.#session(where).readGradients())
  }

  #stateful(): boolean {
    return this.#layers.some((layer) => gruOf(layer)?.stateful)
  }

  #output(where: string): ModelOutput {
    const { outputSize, sequence } = this.#need(where).network.layers.at(-1)!
    return { size: outputSize, sequence }
  }

  #outputShapeOf(inputs: CheckedInputs): number[] {
    const output = this.#output('model')
    return output.sequence ? [inputs.rows, inputs.steps, output.size] : [inputs.rows, output.size]
  }

  #outputRow(inputs: CheckedInputs): number {
    const output = this.#output('model')
    return output.sequence ? inputs.steps * output.size : output.size
  }

  #internals(): ModelInternals {
    return {
      session: (where) => this.#session(where),
      readGradients: (where) => this.#readGradients(where),
      checkAlive: (where) => this.#checkAlive(where),
      ensureBuilt: (where, x) => {
        if (!this.#built) this.#build(where, this.#input.size ?? x.shape.at(-1)!, this.#input.sequence ?? x.shape.length === 3)
      },
      preview: (where, x) => {
        const sequence = this.#input.sequence ?? x.shape.length === 3
        const placed = this.#built?.network.layers ?? placeLayers(where, this.#layers, this.#input.size ?? x.shape.at(-1)!, sequence)
        const last = placed.at(-1)!
        return { sequence, output: { size: last.outputSize, sequence: last.sequence } }
      },
      input: () => this.#input,
      output: (where) => this.#output(where),
      stateful: this.#stateful(),
      configuredBy: undefined,
    }
  }
}
