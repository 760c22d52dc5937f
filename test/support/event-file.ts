// TensorBoard's event files, read strictly: every checksum, every field, nothing left over.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type WireField, wire, wireFields } from '../../lib/files/protobuf.js'
import { maskedCrc32c } from '../../lib/tensorboard/record.js'

export interface SummaryEntry {
  tag: string
  plugin: string
  dataClass: number
  shape: number[]
  /** Of a float or double tensor, else the text. */
  content: number[] | string
}

export interface EventEntry {
  wallTime: number
  step: number
  version?: string
  values: SummaryEntry[]
}

/** The event files of a folder, by name. */
export function eventFilesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('events.out.tfevents.'))
    .sort()
    .map((name) => join(folder, name))
}

/** Throws where a file is not what TensorFlow's readers expect. */
export function readEvents(path: string): EventEntry[] {
  const events = [...records(readFileSync(path))].map(eventOf)
  if (events[0]?.version !== 'brain.Event:2') throw new Error('the first event must say brain.Event:2')
  return events
}

export function* records(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at))
    if (bytes.readUInt32LE(at + 8) !== maskedCrc32c(bytes.subarray(at, at + 8))) throw new Error(`checksum of the length at ${at}`)
    if (at + 16 + length > bytes.length) throw new Error(`the record at ${at} is cut off`)
    const record = bytes.subarray(at + 12, at + 12 + length)
    if (bytes.readUInt32LE(at + 12 + length) !== maskedCrc32c(record)) throw new Error(`checksum of the record at ${at}`)
    yield record
    at += 16 + length
  }
}

/** Fields by number; each may come once, those in `repeated` any number of times. */
function fieldsOf(bytes: Uint8Array, known: readonly number[], repeated: readonly number[] = []): Map<number, WireField[]> {
  const fields = new Map<number, WireField[]>()
  for (const field of wireFields(bytes)) {
    const { number } = field
    if (!known.includes(number) && !repeated.includes(number)) throw new Error(`unknown field ${number}`)
    const list = fields.get(number) ?? []
    if (list.length > 0 && !repeated.includes(number)) throw new Error(`field ${number} comes twice`)
    fields.set(number, [...list, field])
  }
  return fields
}

function eventOf(bytes: Uint8Array): EventEntry {
  const fields = fieldsOf(bytes, [1, 2, 3, 5])
  const only = (number: number): WireField | undefined => fields.get(number)?.[0]
  const [version, summary] = [only(3), only(5)]
  return {
    wallTime: wire.double(only(1)!),
    step: only(2) ? wire.int(only(2)!) : 0,
    ...(version && { version: wire.string(version) }),
    values: summary ? (fieldsOf(wire.bytes(summary), [], [1]).get(1) ?? []).map((value) => entryOf(wire.bytes(value))) : [],
  }
}

function entryOf(bytes: Uint8Array): SummaryEntry {
  const value = fieldsOf(bytes, [1, 8, 9])
  const metadata = fieldsOf(wire.bytes(value.get(9)![0]!), [1, 4])
  const plugin = fieldsOf(wire.bytes(metadata.get(1)![0]!), [1])
  const tensor = fieldsOf(wire.bytes(value.get(8)![0]!), [1, 2, 5, 6, 8])
  const sizes = fieldsOf(wire.bytes(tensor.get(2)![0]!), [], [2]).get(2) ?? []
  const type = wire.int(tensor.get(1)![0]!)
  return {
    tag: wire.string(value.get(1)![0]!),
    plugin: wire.string(plugin.get(1)![0]!),
    dataClass: wire.int(metadata.get(4)![0]!),
    shape: sizes.map((size) => wire.int(fieldsOf(wire.bytes(size), [1]).get(1)![0]!)),
    content: type === 1 ? wire.floats(tensor.get(5)![0]!) : type === 2 ? wire.doubles(tensor.get(6)![0]!) : wire.string(tensor.get(8)![0]!),
  }
}
