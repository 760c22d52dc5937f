#!/usr/bin/env node
// The command `grus`: one file for each subcommand beside this one.
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { GrusError } from '../errors.js'
import { benchCommand } from './bench.js'
import { doctorCommand } from './doctor.js'
import { exportCommand } from './export.js'
import { importCommand } from './import.js'
import { inspectCommand } from './inspect.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

const program = new Command('grus').description('GRU networks for Node').version(version)
for (const command of [doctorCommand(), importCommand(), exportCommand(), inspectCommand(), benchCommand(version)]) {
  program.addCommand(command)
}

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof GrusError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
