// The format of what a run writes and --compare reads.
import * as z from 'zod'
import { engineFields } from '../engine-options.js'
import { GrusError } from '../errors.js'
import { readWhole } from '../files/open-file.js'
import { flag, listOf, size } from '../spec/fields.js'
import { parse, schemaOf } from '../spec/parse.js'
import type { Limit } from './limits.js'
import { modes, type Row } from './rows.js'
import type { Statistics } from './statistics.js'

export const format = 'grus-bench'
/** Raised when a reader of the one before would misread it. */
export const formatVersion = 1

export interface MachineInfo {
  cpu: string
  cores: number
  threads: number
  platform: string
}

/** Null: not known. */
export interface GpuInfo {
  name: string
  /** the CUDA that the driver knows */
  cuda: string | null
  driver: string | null
  cudnn: string | null
  cublas: string | null
}

/** Of one GPU, from nvidia-smi: MHz, degrees, W. */
export interface Clocks {
  name: string
  sm: number | null
  memory: number | null
  maxSm: number | null
  temperature: number | null
  power: number | null
}

export interface ReportRow extends Row {
  engine?: string
  /** Of one pass. */
  ms?: Statistics
  /** On a GPU, of the CPU: enqueuing a pass; in a step the process' CPU time. */
  hostMs?: Statistics
  tflops?: number
  /** TFLOP/s of the large product beside this row, the larger one of before and after it; the share of it. */
  limit?: number
  percent?: number
  /** Why it has no time. */
  failed?: string
}

export interface Report {
  format: typeof format
  version: typeof formatVersion
  grus: string
  node: string
  date: string
  seconds: number
  device: string
  machine: MachineInfo
  /** Null: the CPU computed. */
  gpu: GpuInfo | null
  /** Null: not known. */
  clocks: { before: Clocks[] | null; after: Clocks[] | null }
  /** What was timed, and how. */
  method: string[]
  limits: Limit[]
  rows: ReportRow[]
  /** Names of rows. */
  leftOut: string[]
}

const text = z.string({ error: 'a string' })
const orNull = text.nullable()
const number = z.number({ error: 'a number' }).min(0, { error: 'a number of at least 0' })
const numberOrNull = z.number({ error: 'a number or null' }).nullable()
const { precision, algorithm } = engineFields
const clocks = z.array(
  z.strictObject({
    name: text,
    sm: numberOrNull,
    memory: numberOrNull,
    maxSm: numberOrNull,
    temperature: numberOrNull,
    power: numberOrNull,
  }),
)
const statistics = z.strictObject({ median: number, best: number, samples: z.array(number).min(1, { error: 'at least one number' }) })

export const reportSchema: z.ZodType<Report, Report> = schemaOf<Report, Report>()(
  z.strictObject({
    format: z.literal(format),
    version: z.literal(formatVersion),
    grus: text,
    node: text,
    date: text,
    seconds: number,
    device: text,
    machine: z.strictObject({ cpu: text, cores: size, threads: size, platform: text }),
    gpu: z.strictObject({ name: text, cuda: orNull, driver: orNull, cudnn: orNull, cublas: orNull }).nullable(),
    clocks: z.strictObject({ before: clocks.nullable(), after: clocks.nullable() }),
    method: z.array(text),
    limits: z.array(z.strictObject({ precision: precision.unwrap(), tflops: number, how: text })),
    rows: z.array(
      z.strictObject({
        mode: z.enum(modes, { error: listOf(modes) }),
        shape: z.strictObject({ hidden: size, input: size, batch: size, steps: size, layers: size, directions: size }),
        precision: precision.unwrap(),
        algorithm: algorithm.unwrap(),
        graphs: flag,
        engine: text.exactOptional(),
        ms: statistics.exactOptional(),
        hostMs: statistics.exactOptional(),
        tflops: number.exactOptional(),
        limit: number.exactOptional(),
        percent: number.exactOptional(),
        failed: text.exactOptional(),
      }),
    ),
    leftOut: z.array(text),
  }),
)

const mostBytes = 2 ** 28

/** @throws GrusError INVALID_ARGUMENT for what cannot be read, CORRUPT_FILE for what is no report */
export async function readReport(where: string, path: string): Promise<Report> {
  const bytes = await readWhole(where, path, mostBytes)
  const isNot = (why: string) => new GrusError('CORRUPT_FILE', `[${where}] ${path}: ${why}; expected what grus bench --json wrote`)
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw isNot(`it is no JSON, ${(cause as Error).message}`)
  }
  const { format: found, version } = Object(value) as { format?: unknown; version?: unknown }
  if (found !== format) throw isNot(`it has no format '${format}'`)
  if (version !== formatVersion) throw isNot(`it is of version ${JSON.stringify(version)}, this grus reads version ${formatVersion}`)
  try {
    return parse(where, reportSchema, value)
  } catch (cause) {
    throw isNot((cause as Error).message.replace(/^\[[^\]]*\] /, ''))
  }
}
