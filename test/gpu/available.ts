// Tests that need a CUDA device: a GPU, or the simulated CUDA.
import { diagnose } from '../../lib/index.js'

const report = diagnose().find(({ device }) => device === 'cuda')!

/** Why there is no CUDA device here; empty where there is one. */
export const missing: string = report.available ? '' : report.detail
if (missing) console.info(`skipped: ${missing.split('\n')[0]}`)

/** On a GPU the sizes that the project promises something about; small ones elsewhere, where a simulation computes them. */
export const fullSizes: boolean = process.env.GRUS_TEST_SIZES === 'full'
