// Large weights in a file of their own beside the model.
import { byteLength, type GraphToWrite, type TensorInParts } from './encode.js'

/** Smaller tensors stay in the model, as ONNX' own tools have it. */
const smallest = 1024
/** What onnx.proto advises, so that files can be mapped into memory. */
const alignment = 4096

/** The graph with its large tensors pointing into the file `location`, and what to write there. */
export function moveOut(graph: GraphToWrite, location: string): { graph: GraphToWrite; parts: Uint8Array[] } {
  const parts: Uint8Array[] = []
  let end = 0
  const initializers = graph.initializers.map((tensor): TensorInParts => {
    const pieces = tensor.data instanceof Uint8Array ? [tensor.data] : tensor.data
    if ('location' in pieces) return tensor
    const length = byteLength(pieces)
    if (length < smallest) return tensor
    const offset = Math.ceil(end / alignment) * alignment
    if (offset > end) parts.push(new Uint8Array(offset - end))
    parts.push(...pieces)
    end = offset + length
    return { ...tensor, data: { location, offset, length } }
  })
  return { graph: { ...graph, initializers }, parts }
}
