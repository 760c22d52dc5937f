import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { CountsReporter } from './test/support/counts-reporter.js'

export default defineConfig({
  // what the examples import by name is the library's source here
  resolve: { alias: { grus: fileURLToPath(new URL('lib/index.ts', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    maxConcurrency: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', new CountsReporter()],
    typecheck: { include: ['test/types/*.test-d.ts'], tsconfig: 'tsconfig.json' },
  },
})
