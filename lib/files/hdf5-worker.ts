// What the worker thread of Hdf5 runs: its text is all that the thread is given, so it names nothing from outside itself.

/** Bytes of one dataset as the file has them, row-major. */
export interface RawDataset {
  path: string
  shape: number[]
  /** `<f` of 4 bytes; opaque bytes are `opaque`, all else `other`. */
  kind: 'float' | 'integer' | 'opaque' | 'other'
  size: number
  bytes: Uint8Array
}

export interface RawAttributes {
  /** Of the group or dataset. */
  path: string
  /** Text only: others are left out. */
  values: Record<string, string | string[]>
}

export interface RawContents {
  datasets: RawDataset[]
  attributes: RawAttributes[]
}

export type Hdf5Request =
  | { read: Uint8Array; skip: readonly string[]; attributes: readonly string[]; memory: number }
  | { write: { path: string; shape: readonly number[]; data: Float32Array }[]; memory: number }

export type Hdf5Reply =
  | { contents: RawContents }
  | { file: Uint8Array }
  | { damaged: string }
  | { unsupported: string }
  | { failed: string }

/** What is used of h5wasm. */
interface Library {
  ready: Promise<Module>
  File: new (name: string, mode: string) => Group & { file_id: bigint; close(): void }
}
interface Group {
  create_group(name: string): Group
  create_dataset(options: { name: string; data: Float32Array; shape: readonly number[]; dtype: string }): unknown
  get(name: string): unknown
}
interface Module {
  FS: { writeFile(name: string, data: Uint8Array): void; readFile(name: string): Uint8Array; unlink(name: string): void }
  HEAPU8: Uint8Array
  H5G_GROUP: number
  H5G_DATASET: number
  H5T_class_t: Record<'H5T_FLOAT' | 'H5T_INTEGER' | 'H5T_STRING' | 'H5T_OPAQUE', { value: number }>
  _malloc(bytes: number): number
  _free(at: number): void
  get_names(file: bigint, path: string, recursive: boolean): string[]
  get_type(file: bigint, path: string): number
  get_dataset_metadata(file: bigint, path: string): Metadata
  get_dataset_filters(file: bigint, path: string): { name: string }[]
  get_dataset_data(file: bigint, path: string, count: null, offset: null, strides: null, to: bigint): number
  get_attribute_names(file: bigint, path: string): string[]
}
interface Metadata {
  type: number
  size: number
  total_size: number
  shape: number[] | null
  littleEndian: boolean
  virtual_sources?: unknown[]
}
/** Not among the types of Node or of the language. */
declare const WebAssembly: {
  Memory: { prototype: { grow(this: { buffer: ArrayBuffer }, pages: number): number } }
  RuntimeError: new () => Error
}
interface Port {
  on(event: 'message', listener: (request: Hdf5Request) => void): void
  postMessage(reply: Hdf5Reply, transfer: ArrayBufferLike[]): void
}

/** Answers requests, one at a time. */
export async function serveHdf5(library: Library, port: Port): Promise<void> {
  const module = await library.ready
  const most = { objects: 65_536, depth: 16, attribute: 2 ** 26 }
  let memory = 0
  // datasets carry the time they were made at: the same weights are to give the same bytes
  Date.now = () => 0
  // what a file claims must not become memory: malloc then fails, and so does the reading
  const grow = WebAssembly.Memory.prototype.grow
  WebAssembly.Memory.prototype.grow = function (pages) {
    if (this.buffer.byteLength + 65_536 * pages > memory) throw new RangeError('more memory than this file can need')
    return grow.call(this, pages)
  }

  class Refusal extends Error {
    readonly kind: 'damaged' | 'unsupported'
    constructor(kind: 'damaged' | 'unsupported', text: string) {
      super(text)
      this.kind = kind
    }
  }

  function read(file: Group & { file_id: bigint }, request: Extract<Hdf5Request, { read: unknown }>): RawContents {
    const { skip, attributes: wanted } = request
    const fileSize = request.read.length
    const { file_id: id } = file
    const contents: RawContents = { datasets: [], attributes: [] }
    let [objects, bytes] = [0, 0]
    const attributesOf = (path: string, object: unknown) => {
      if (wanted.length === 0) return
      const names = module.get_attribute_names(id, path)
      const values: Record<string, string | string[]> = Object.create(null)
      const attributes = (object as { attrs: Record<string, { metadata: Metadata; value: unknown }> }).attrs
      for (const name of names) {
        if (!wanted.includes(name)) continue
        const attribute = attributes[name]
        if (!attribute) throw new Refusal('damaged', `'${path}' lacks its attribute '${name}'`)
        const { type, size, total_size: count } = attribute.metadata
        if (type !== module.H5T_class_t.H5T_STRING.value) continue
        if (!(size * count <= most.attribute)) throw new Refusal('damaged', `'${path}': the attribute '${name}' is too large`)
        const value = attribute.value
        if (typeof value === 'string' || (Array.isArray(value) && value.every((text) => typeof text === 'string'))) values[name] = value
      }
      contents.attributes.push({ path, values })
    }
    const dataset = (path: string) => {
      const { type, size, total_size: count, shape, littleEndian, virtual_sources: sources } = module.get_dataset_metadata(id, path)
      const length = size * count
      if (shape === null) throw new Refusal('damaged', `'${path}' has no shape`)
      if (sources && sources.length > 0) throw new Refusal('unsupported', `'${path}' is made of other files' datasets`)
      const [filter] = module.get_dataset_filters(id, path)
      if (filter) throw new Refusal('unsupported', `'${path}' is stored through the filter '${filter.name}'; store it uncompressed`)
      bytes += length
      if (!(bytes <= fileSize)) throw new Refusal('damaged', `'${path}' claims ${length} bytes, the file has ${fileSize}`)
      const at = module._malloc(Math.max(length, 1))
      if (at === 0) throw new Refusal('damaged', `'${path}': no memory for ${length} bytes`)
      try {
        if (module.get_dataset_data(id, path, null, null, null, BigInt(at)) < 0) throw new Refusal('damaged', `'${path}' cannot be read`)
        const { H5T_FLOAT, H5T_INTEGER, H5T_OPAQUE } = module.H5T_class_t
        const kinds: [number, RawDataset['kind']][] = [
          [H5T_FLOAT.value, littleEndian ? 'float' : 'other'],
          [H5T_INTEGER.value, 'integer'],
          [H5T_OPAQUE.value, 'opaque'],
        ]
        const kind = kinds.find(([value]) => value === type)?.[1] ?? 'other'
        contents.datasets.push({ path: path.slice(1), shape, kind, size, bytes: module.HEAPU8.slice(at, at + length) })
      } finally {
        module._free(at)
      }
    }
    const group = (path: string, depth: number) => {
      attributesOf(path === '' ? '/' : path, path === '' ? file : file.get(path))
      for (const name of module.get_names(id, path === '' ? '/' : path, false)) {
        const inner = `${path}/${name}`
        if (depth === 0 && skip.includes(name)) continue
        if (++objects > most.objects || depth >= most.depth) throw new Refusal('damaged', `'${inner}' is one group too many`)
        const type = module.get_type(id, inner)
        if (type === module.H5G_GROUP) group(inner, depth + 1)
        else if (type === module.H5G_DATASET) {
          dataset(inner)
          attributesOf(inner, file.get(inner))
        } else if (type >= 0) throw new Refusal('unsupported', `'${inner}' is a link or a type, groups and datasets can be read`)
        else throw new Refusal('damaged', `'${inner}' cannot be opened`)
      }
    }
    group('', 0)
    return contents
  }

  function write(file: Group, { write: datasets }: Extract<Hdf5Request, { write: unknown }>): void {
    const groups = new Map<string, Group>([['', file]])
    const groupAt = (path: string): Group => {
      const known = groups.get(path)
      if (known) return known
      const cut = path.lastIndexOf('/')
      const made = groupAt(path.slice(0, Math.max(cut, 0))).create_group(path.slice(cut + 1))
      groups.set(path, made)
      return made
    }
    for (const { path, shape, data } of datasets) {
      const cut = path.lastIndexOf('/')
      groupAt(path.slice(0, Math.max(cut, 0))).create_dataset({ name: path.slice(cut + 1), data, shape, dtype: '<f' })
    }
  }

  function answer(request: Hdf5Request): Hdf5Reply {
    memory = request.memory
    let file: InstanceType<Library['File']> | undefined
    try {
      if ('write' in request) {
        file = new library.File('w.h5', 'w')
        write(file, request)
        file.close()
        file = undefined
        return { file: module.FS.readFile('w.h5') }
      }
      module.FS.writeFile('r.h5', request.read)
      file = new library.File('r.h5', 'r')
      if (file.file_id < 0n) return { damaged: 'it cannot be opened' }
      return { contents: read(file, request) }
    } catch (error) {
      const text = String((error as Error)?.message ?? error)
      if (error instanceof Refusal) return error.kind === 'damaged' ? { damaged: text } : { unsupported: text }
      // a trap or a lack of memory leaves the library in no state to go on with
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) return { failed: text }
      return { damaged: `the library cannot read it: ${text}` }
    } finally {
      try {
        file?.close()
      } catch {
        // it could not be opened as a whole
      }
      for (const name of ['r.h5', 'w.h5']) {
        try {
          module.FS.unlink(name)
        } catch {
          // the other one
        }
      }
    }
  }

  port.on('message', (request) => {
    const reply = answer(request)
    const transfer: ArrayBufferLike[] =
      'contents' in reply ? reply.contents.datasets.map(({ bytes }) => bytes.buffer) : 'file' in reply ? [reply.file.buffer] : []
    port.postMessage(reply, transfer)
  })
}
