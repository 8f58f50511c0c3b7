// `npm run interop`: SDKs of other languages, and other JavaScript runtimes, against our transports.
// `-- --only go,python-2 --match http` selects peers, and cells whose name contains the text.
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Outcome } from './cell.js'
import { MissingPeerError } from './peer.js'
import { peers } from './peers/peers.js'
import { cellsOf, type Ours } from './plan.js'
import { lineOf, type PeerReport, writeMatrix } from './report.js'
import { runCell } from './run-cell.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    match: { type: 'string' },
    folder: { type: 'string', default: join(tmpdir(), 'mcpwire-interop-peers') },
  },
})
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const ours: Ours = {
  program: { argv: [process.execPath, here('./ours/program.js')] },
  mcpwire: { argv: [process.execPath, here('../../../packages/mcpwire/dist/bin.js')] },
}

mkdirSync(values.folder, { recursive: true })
const wanted = values.only?.split(',')
const chosen = peers.filter(({ id }) => wanted?.includes(id) ?? true)
const reports: PeerReport[] = []
for (const peer of chosen) {
  try {
    const program = peer.install(values.folder)
    const cells = cellsOf(peer, program, ours).filter(
      ({ direction, wire }) => values.match === undefined || `${direction} ${wire}`.includes(values.match),
    )
    const outcomes: Outcome[] = []
    for (const cell of cells) {
      const outcome = await runCell(cell, ours)
      outcomes.push(outcome)
      console.log(lineOf(outcome))
    }
    reports.push({ label: peer.label, outcomes })
  } catch (error) {
    if (!(error instanceof MissingPeerError)) throw error
    console.warn(`SKIPPED: ${peer.label}: ${error.message}`)
    reports.push({ label: peer.label, outcomes: [], missing: error.message })
  }
}

const all = reports.flatMap(({ outcomes }) => outcomes)
const failed = all.filter(({ status }) => status === 'failed')
if (wanted === undefined && values.match === undefined) writeMatrix(here('../../../docs/interop.md'), reports)
const skipped = reports.filter(({ missing }) => missing !== undefined).length
console.log(`${skipped} of ${reports.length} peers skipped`)
console.log(`${all.length - failed.length} passed, ${failed.length} failed`)
if (failed.length > 0 || all.length === 0) process.exitCode = 1
