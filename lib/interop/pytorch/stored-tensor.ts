// What the callables of a torch.save pickle stand for: storages by name, and tensors as views of them.
import { elementSize, type ReadableType } from '../../files/elements.js'
import type { PickleErrors, PickleRules } from './pickle.js'
import { Dict, Global, Made, show, Tuple, type Value } from './pickle-values.js'

/** A file of the archive: numbers one after the other. */
export class Storage extends Made {
  /** The name in safetensors of what it holds, or PyTorch's name of a type that cannot be read. */
  readonly type: ReadableType | (string & {})
  readonly key: string
  /** Of its elements. */
  readonly count: number
  constructor(type: string, key: string, count: number) {
    super()
    this.type = type
    this.key = key
    this.count = count
  }
}

/** A view of a storage, which has been checked to lie within it. */
export class StoredTensor extends Made {
  readonly storage: Storage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    super()
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

const readable: Readonly<Record<string, ReadableType>> = {
  'torch.FloatStorage': 'F32',
  'torch.DoubleStorage': 'F64',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.IntStorage': 'I32',
  'torch.LongStorage': 'I64',
}

const unreadable: Readonly<Record<string, string>> = {
  'torch.BoolStorage': 'bool',
  'torch.ByteStorage': 'uint8',
  'torch.CharStorage': 'int8',
  'torch.ShortStorage': 'int16',
  'torch.ComplexFloatStorage': 'complex64',
  'torch.ComplexDoubleStorage': 'complex128',
  'torch.storage.UntypedStorage': 'untyped bytes',
}

const [rebuildTensor, rebuildParameter] = ['torch._utils._rebuild_tensor_v2', 'torch._utils._rebuild_parameter']
const mostDimensions = 64

export function tensorRules(errors: PickleErrors): PickleRules {
  const corrupt = (text: string) => errors.corrupt(`data.pkl ${text}`)
  return {
    globals: new Set([...Object.keys(readable), ...Object.keys(unreadable), rebuildTensor, rebuildParameter, 'collections.OrderedDict']),
    call: (name, args) => {
      if (name === rebuildTensor) return tensorOf(args, errors)
      if (name !== rebuildParameter) throw errors.unsupported(`data.pkl calls ${name}, which no state dict needs`)
      const [tensor] = args
      if (!(tensor instanceof StoredTensor) || args.length !== 3) throw corrupt(`makes a parameter of ${show(tensor)}`)
      return tensor
    },
    persistent: (id) => {
      if (!(id instanceof Tuple) || id.items.length !== 5 || id.items[0] !== 'storage') {
        throw corrupt("has a persistent id that is not ('storage', type, key, device, length)")
      }
      const [, type, key, , count] = id.items
      const name = type instanceof Global ? (readable[type.name] ?? unreadable[type.name]) : undefined
      if (name === undefined) throw corrupt(`has a storage of type ${show(type)}`)
      if (typeof key !== 'string' || !isSize(count)) throw corrupt(`has a storage with the key ${show(key)} and the length ${show(count)}`)
      return new Storage(name, key, count)
    },
  }
}

/** storage, offset, size, stride, requires_grad, backward_hooks and, since PyTorch 2, metadata. */
function tensorOf(args: readonly Value[], errors: PickleErrors): StoredTensor {
  const [storage, offset, size, stride, , , metadata] = args
  const corrupt = (text: string) => errors.corrupt(`data.pkl has a tensor ${text}`)
  if (args.length < 6 || args.length > 7 || !(storage instanceof Storage) || !isSize(offset)) throw corrupt(`that is no view of a storage`)
  const [shape, strides] = [sizes(size), sizes(stride)]
  if (!shape || !strides || shape.length !== strides.length || shape.length > mostDimensions) {
    throw corrupt('whose sizes and strides are no two tuples of as many numbers of at least 0')
  }
  if (metadata !== undefined && metadata !== null && !(metadata instanceof Dict && metadata.items.size === 0)) {
    throw errors.unsupported('data.pkl has a tensor that is conjugated or negated: call .resolve_conj() and .resolve_neg() before saving')
  }
  const count = shape.reduce((n, m) => n * m, 1)
  const last = offset + shape.reduce((sum, n, i) => sum + (n - 1) * strides[i]!, 0)
  const within = count === 0 ? offset <= storage.count : last < storage.count
  if (!within) throw corrupt(`of shape [${shape.join(', ')}] that reaches beyond the ${storage.count} elements of its storage`)
  if (count > storage.count) {
    throw errors.unsupported(
      `data.pkl has a tensor of shape [${shape.join(', ')}] over ${storage.count} elements (an expanded one): call .contiguous() before saving`,
    )
  }
  return new StoredTensor(storage, offset, shape, strides)
}

function sizes(value: Value | undefined): number[] | undefined {
  return value instanceof Tuple && value.items.every(isSize) ? (value.items as number[]) : undefined
}

function isSize(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Bytes of a storage's file; undefined for a type that cannot be read. */
export function storageBytes({ type, count }: Storage): number | undefined {
  return Object.values(readable).includes(type as ReadableType) ? count * elementSize(type as ReadableType) : undefined
}
