// The zip archive that torch.load(weights_only=True) reads: a pickle of protocol 2 that makes an OrderedDict of float32 tensors, and a file for each.
import { writeZip, type ZipEntry } from '../../files/zip.js'
import type { FloatTensor } from '../../tensor.js'

export async function writeTorchArchive(where: string, path: string, tensors: ReadonlyMap<string, FloatTensor>): Promise<void> {
  const files = [...tensors.values()].map(({ data }, i): ZipEntry => {
    return { name: `archive/data/${i}`, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
  })
  await writeZip(where, path, [
    { name: 'archive/data.pkl', data: pickleOf(tensors) },
    { name: 'archive/byteorder', data: Buffer.from('little') },
    ...files,
    { name: 'archive/version', data: Buffer.from('3\n') },
  ])
}

const op = {
  protocol2: [0x80, 2],
  mark: [0x28],
  emptyTuple: [0x29],
  tuple: [0x74],
  reduce: [0x52],
  persistentId: [0x51],
  false: [0x89],
  setItems: [0x75],
  stop: [0x2e],
} as const

function pickleOf(tensors: ReadonlyMap<string, FloatTensor>): Buffer {
  const parts: Uint8Array[] = []
  const put = (...pieces: (Uint8Array | readonly number[])[]) => void parts.push(...pieces.map((piece) => Uint8Array.from(piece)))
  const orderedDict = [global('collections', 'OrderedDict'), op.emptyTuple, op.reduce]
  put(op.protocol2, ...orderedDict, op.mark)
  let key = 0
  for (const [name, { data, shape }] of tensors) {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((n, m) => n * m, 1))
    put(text(name), global('torch._utils', '_rebuild_tensor_v2'), op.mark)
    put(op.mark, text('storage'), global('torch', 'FloatStorage'), text(String(key++)), text('cpu'), integer(data.length), op.tuple)
    put(op.persistentId, integer(0), ...tuple(shape), ...tuple(strides), op.false, ...orderedDict, op.tuple, op.reduce)
  }
  put(op.setItems, op.stop)
  return Buffer.concat(parts)
}

function global(module: string, name: string): Uint8Array {
  return Buffer.from(`c${module}\n${name}\n`)
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value)
  const head = Buffer.alloc(5, 'X')
  head.writeUInt32LE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

function integer(value: number): Uint8Array {
  const bytes = Buffer.alloc(5, 'J')
  bytes.writeInt32LE(value, 1)
  return bytes
}

function tuple(values: readonly number[]): (Uint8Array | readonly number[])[] {
  return [op.mark, ...values.map(integer), op.tuple]
}
