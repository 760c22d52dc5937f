// TensorFlow's messages Event, Summary, SummaryMetadata and TensorProto, of which TensorBoard's plugins for scalars, histograms and text need little.
import { ProtobufWriter } from '../files/protobuf.js'
import { bucketCount, bucketsOf } from './buckets.js'

/** One figure, distribution or text: a Summary.Value. */
export type SummaryValue = ProtobufWriter

const [float, double, string] = [1, 2, 7]
/** What TensorBoard may do with a plugin's tensors: thin out time series of scalars, or of others. */
const dataClass = { scalars: 1, histograms: 2, text: 2 } as const

/** The first event of every file. */
export function versionEvent(wallTime: number): Buffer {
  return new ProtobufWriter().double(1, wallTime).string(3, 'brain.Event:2').finish()
}

/** @param wallTime - seconds since 1970 */
export function summaryEvent(wallTime: number, step: number, values: readonly SummaryValue[]): Buffer {
  const summary = new ProtobufWriter()
  for (const value of values) summary.message(1, value)
  return new ProtobufWriter().double(1, wallTime).int(2, step).message(5, summary).finish()
}

/** Float32, as TensorFlow writes it. */
export function scalarValue(tag: string, value: number): SummaryValue {
  return summaryValue(tag, 'scalars', tensorProto(float, []).floats(5, [value]))
}

/** The distribution of the finite values; if there are others, a scalar `TAG/not_finite` says how many. */
export function histogramValues(tag: string, values: Float32Array | Int32Array): SummaryValue[] {
  const finite = values.filter((value) => Number.isFinite(value))
  const tensor = tensorProto(double, [bucketCount, 3]).doubles(6, bucketsOf(finite))
  const rest = values.length - finite.length
  return [summaryValue(tag, 'histograms', tensor), ...(rest > 0 ? [scalarValue(`${tag}/not_finite`, rest)] : [])]
}

export function textValue(tag: string, markdown: string): SummaryValue {
  return summaryValue(tag, 'text', tensorProto(string, []).string(8, markdown))
}

function summaryValue(tag: string, plugin: keyof typeof dataClass, tensor: ProtobufWriter): SummaryValue {
  const metadata = new ProtobufWriter().message(1, new ProtobufWriter().string(1, plugin)).int(4, dataClass[plugin])
  return new ProtobufWriter().string(1, tag).message(9, metadata).message(8, tensor)
}

function tensorProto(type: number, shape: readonly number[]): ProtobufWriter {
  const dimensions = new ProtobufWriter()
  for (const size of shape) dimensions.message(2, new ProtobufWriter().int(1, size))
  return new ProtobufWriter().int(1, type).message(2, dimensions)
}
