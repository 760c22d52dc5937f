// Which goals of docs/gpu.md the records of a GPU meet, and what they decide. The exit status is 0 when every goal that was measured is
// met, 1 when one is missed, 2 when there is nothing to judge. With --docs it writes what the newest record in docs/gpu says into
// docs/gpu.md.

import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fill } from '../fill-page.mjs'
import { decide } from './judge/decisions.mjs'
import { BadRecord, merge, newestRecords, readRecords } from './judge/records.mjs'
import { goalsTable, noRecord, toBlock, toText } from './judge/text.mjs'
import { judge } from './judge/verdicts.mjs'

const usage = 'node scripts/gpu/judge.mjs [--json] docs/gpu/<record>.json ... | --docs [--root <folder>]'

function judgeRecords(records) {
  const merged = merge(records)
  return { records, merged, ...judge(merged), decisions: decide(merged) }
}

/** As data: what was judged by, and what came out. */
function toJson({ records, merged, verdicts, points, decisions }) {
  const { simulated, leftOut } = merged
  const about = records.map(({ file, what, date, device, commit }) => ({ file, what, date, gpu: device.gpu, commit }))
  return JSON.stringify({ records: about, simulated, goals: verdicts, points, decisions: decisions ?? null, leftOut }, null, 2)
}

function writeDocs(root) {
  const page = join(root, 'docs/gpu.md')
  const records = newestRecords(join(root, 'docs/gpu'))
  const block = records.length > 0 ? toBlock(judgeRecords(records), ({ file }) => basename(file)) : noRecord
  try {
    fill(page, 'goals', goalsTable())
    fill(page, 'gpu', block)
  } catch (error) {
    throw new BadRecord(`expected a page to write into below '${root}': ${error.message}`)
  }
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      root: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
    },
  })
  if (values.docs) {
    if (positionals.length > 0) throw new BadRecord(`--docs takes the records in docs/gpu, got '${positionals[0]}' beside it`)
    writeDocs(values.root)
    return 0
  }
  if (positionals.length === 0) throw new BadRecord(`expected a record of test:gpu or bench:gpu, got none: ${usage}`)
  const judgement = judgeRecords(readRecords(positionals))
  console.log(values.json ? toJson(judgement) : toText(judgement))
  return judgement.verdicts.some(({ state }) => state === 'missed') ? 1 : 0
}

try {
  process.exitCode = main()
} catch (error) {
  const isInput = error instanceof BadRecord || error.code?.startsWith('ERR_PARSE_ARGS')
  if (!isInput) throw error
  console.error(`[judge] ${error.message.split('\n')[0]}`)
  process.exitCode = 2
}
