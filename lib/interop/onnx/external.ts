// Numbers that lie in files beside the model: in its folder or below, nowhere else, whatever the model says.
import { realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { type OpenFile, openRegular, readAt } from '../../files/open-file.js'
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
  if (tensors.every(({ data }) => data instanceof Uint8Array)) return
  const folder = await realpath(dirname(path)).catch((cause: Error) => {
    throw new ProtobufError(`the model's folder cannot be read: ${cause.message}`)
  })
  const files = new Map<string, OpenFile>()
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
        allowed += 2 * file.size
      }
      const place = `${location}:${offset}:${length}:${tensor.type}:${tensor.dims}`
      const bytes = read.get(place) ?? (await readPart(file, tensor, allowed - total))
      if (!read.has(place)) total += bytes.length
      read.set(place, bytes)
      tensor.data = bytes
    }
  } finally {
    for (const { file } of files.values()) await file.close()
  }
}

async function openInside(folder: string, name: string, location: string): Promise<OpenFile> {
  const steps = location.split(/[\\/]/)
  if (isAbsolute(location) || /^[a-z]:/i.test(location) || steps.includes('..') || location.includes('\0')) {
    throw new ProtobufError(`the tensor '${name}' lies at '${location}', which must be inside the model's folder`)
  }
  const unreadable = (cause: Error) => {
    const text = `the tensor '${name}' lies at '${location}', which cannot be read: ${cause.message}; put the file beside the model`
    throw new ProtobufError(text)
  }
  const target = await realpath(join(folder, ...steps)).catch(unreadable)
  const inside = relative(folder, target)
  if (inside === '' || inside.split(sep)[0] === '..' || isAbsolute(inside)) {
    throw new ProtobufError(`the tensor '${name}' lies at '${location}', a link out of the model's folder`)
  }
  return await openRegular(target).catch(unreadable)
}

async function readPart({ file, size }: OpenFile, tensor: OnnxTensor, most: number): Promise<Uint8Array> {
  const { name, type, dims } = tensor
  const { offset = 0, length, location } = tensor.data as Exclude<OnnxTensor['data'], Uint8Array>
  if (type === 'STRING') throw new OnnxUnsupported(`the tensor '${name}' holds strings`)
  const count = length ?? size - offset
  if (count < 0 || offset + count > size) {
    throw new ProtobufError(`the tensor '${name}' lies at ${offset} to ${offset + count} in '${location}', which has ${size} bytes`)
  }
  checkLength(name, type, dims, count)
  if (count > most) throw new ProtobufError(`the tensor '${name}' lies in '${location}' over other tensors`)
  return await readAt(file, offset, count).catch((cause: Error) => {
    throw new ProtobufError(`the tensor '${name}' lies at '${location}', which cannot be read: ${cause.message}`)
  })
}
