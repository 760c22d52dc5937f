// The record of npm run test:gpu, as scripts/gpu/record.mjs describes it.
import { z } from 'zod'

const text = z.string().min(1)
const state = z.enum(['passed', 'failed', 'out of time', 'left out', 'not here'])
const count = z.number().int().min(0)
const errors = z.strictObject({ forward: z.number().min(0), gradients: z.number().min(0), cases: count })

const step = z.strictObject({
  part: text,
  name: text,
  state,
  seconds: z.number().min(0),
  suites: count.optional(),
  passed: count.optional(),
  failed: count.optional(),
  skipped: count.optional(),
  leftOut: count.optional(),
  errors: count.optional(),
  messages: z.array(text).optional(),
  skips: z.array(text).optional(),
  failures: z.array(text).max(20).optional(),
  parity: z.partialRecord(z.enum(['float32', 'tf32', 'bfloat16', 'float16']), errors).optional(),
  why: text.optional(),
  said: z.string().optional(),
})
const part = z.strictObject({ state: z.enum([...state.options, 'running', 'waiting']), seconds: z.number(), passed: count, failed: count })

export const testRecord = z.strictObject({
  date: z.iso.datetime(),
  simulated: z.literal(true).optional(),
  device: z.record(z.enum(['gpu', 'capability', 'driver', 'cuda', 'cudnn', 'cublas', 'cpu']), text.nullable()),
  grus: text,
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .nullable(),
  build: z.strictObject({ commit: text, changed: z.boolean(), nvcc: text, architectures: text }).partial().optional(),
  node: text,
  all: z.boolean(),
  minutes: z.number().positive(),
  lanes: z.number().int().positive(),
  cudaPath: text.optional(),
  parts: z.array(text).nonempty(),
  match: text.optional(),
  states: z.record(text, part),
  stopped: text.optional(),
  seconds: z.number(),
  passed: count,
  failed: count,
  ended: z.boolean(),
  ok: z.boolean(),
  steps: z.array(step),
  probe: z.array(z.strictObject({ point: z.string().regex(/^8\.\d+$/), question: text, answer: z.unknown() })),
  kernels: z.array(z.strictObject({ name: text, count, us: z.number().min(0) })).optional(),
  bench: z
    .string()
    .regex(/^[^/]+-bench(-\d+)?\.json$/)
    .nullable(),
})
