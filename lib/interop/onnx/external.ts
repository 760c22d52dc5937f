// Numbers that lie in files beside the model: in its folder or below, nowhere else, whatever the model says.
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { ProtobufError } from '../../files/protobuf.js'
import { checkLength } from './decode-tensor.js'
import { OnnxUnsupported } from './faults.js'
import type { OnnxTensor } from './proto.js'

/**
 * Replaces each external tensor's place by its bytes. Only so much is allocated as the files hold.
 *
 * @throws ProtobufError for a place that is not there or leaves the model's folder
 */
export async function loadExternal(path: string, tensors: readonly OnnxTensor[]): Promise<void> {
  const folder = await realpath(dirname(path))
  const files = new Map<string, FileHandle>()
  const read = new Map<string, Uint8Array>()
  // tensors may share bytes, but a file that is read again and again is no model
  let [allowed, total] = [0, 0]
  try {
    for (const tensor of tensors) {
      if (tensor.data instanceof Uint8Array) continue
      const { location, offset, length } = tensor.data
      let file = files.get(location)
      if (!file) {
        file = await openInside(folder, tensor.name, location)
        files.set(location, file)
        allowed += 2 * (await file.stat()).size
      }
      const place = `${location}:${offset}:${length}:${tensor.type}:${tensor.dims}`
      const bytes = read.get(place) ?? (await readPart(file, tensor, allowed - total))
      if (!read.has(place)) total += bytes.length
      read.set(place, bytes)
      tensor.data = bytes
    }
  } finally {
    for (const file of files.values()) await file.close()
  }
}

async function openInside(folder: string, name: string, location: string): Promise<FileHandle> {
  const steps = location.split(/[\\/]/)
  if (isAbsolute(location) || /^[a-z]:/i.test(location) || steps.includes('..') || location.includes('\0')) {
    throw new ProtobufError(`the tensor '${name}' lies at '${location}', which must be inside the model's folder`)
  }
  const target = await realpath(join(folder, ...steps)).catch((cause: Error) => {
    throw new ProtobufError(
      `the tensor '${name}' lies at '${location}', which cannot be read: ${cause.message}; put the file beside the model`,
    )
  })
  const inside = relative(folder, target)
  if (inside === '' || inside.split(sep)[0] === '..' || isAbsolute(inside)) {
    throw new ProtobufError(`the tensor '${name}' lies at '${location}', a link out of the model's folder`)
  }
  return open(target, 'r')
}

async function readPart(file: FileHandle, tensor: OnnxTensor, most: number): Promise<Uint8Array> {
  const { name, type, dims } = tensor
  const { offset = 0, length, location } = tensor.data as Exclude<OnnxTensor['data'], Uint8Array>
  const stat = await file.stat()
  if (!stat.isFile()) throw new ProtobufError(`the tensor '${name}' lies at '${location}', which is no regular file`)
  if (type === 'STRING') throw new OnnxUnsupported(`the tensor '${name}' holds strings`)
  const count = length ?? stat.size - offset
  if (count < 0 || offset + count > stat.size) {
    throw new ProtobufError(`the tensor '${name}' lies at ${offset} to ${offset + count} in '${location}', which has ${stat.size} bytes`)
  }
  checkLength(name, type, dims, count)
  if (count > most) throw new ProtobufError(`the tensor '${name}' lies in '${location}' over other tensors`)
  const bytes = new Uint8Array(new ArrayBuffer(count))
  for (let done = 0; done < count; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(count - done, 2 ** 30), offset + done)
    if (bytesRead === 0) throw new ProtobufError(`'${location}' became shorter while it was read`)
    done += bytesRead
  }
  return bytes
}
