// `npm run interop`: SDKs of other languages, and other JavaScript runtimes, against our transports.
// `-- --only go,python-2 --match http` selects peers, whose sections of the page are replaced, and cells whose name contains
// the text, which writes no page. `--parallel` is the number
// of cells that run at once.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Cell, nameOf, type Outcome } from './cell.js'
import { MissingPeerError } from './peer.js'
import { peers } from './peers/peers.js'
import { cellsOf, type Ours } from './plan.js'
import { lineOf, matrixOf, type PeerReport, updatedMatrix } from './report.js'
import { runCell } from './run-cell.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    match: { type: 'string' },
    parallel: { type: 'string', default: '2' },
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
      (cell) => values.match === undefined || nameOf(cell).includes(values.match),
    )
    reports.push({ label: peer.label, notes: peer.notes ?? [], outcomes: await runAll(cells) })
  } catch (error) {
    if (!(error instanceof MissingPeerError)) throw error
    console.warn(`SKIPPED: ${peer.label}: ${error.message.replaceAll('\n', ' | ')}`)
    reports.push({ label: peer.label, notes: [], outcomes: [], missing: error.message })
  }
}

const all = reports.flatMap(({ outcomes }) => outcomes)
const failed = all.filter(({ status }) => status === 'failed')
if (values.match === undefined) {
  const page = here('../../../docs/interop.md')
  const text = wanted === undefined ? matrixOf(reports) : updatedMatrix(readFileSync(page, 'utf8'), reports)
  writeFileSync(page, text)
}
const skipped = reports.filter(({ missing }) => missing !== undefined).length
console.log(`${skipped} of ${reports.length} peers skipped`)
console.log(`${all.length - failed.length} passed, ${failed.length} failed`)
if (failed.length > 0 || all.length === 0) process.exitCode = 1

/** Runs some cells at a time. The outcomes have the order of the cells. */
async function runAll(cells: readonly Cell[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const waiting = [...cells.entries()]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const outcome = await runCell(next[1], ours)
      outcomes[next[0]] = outcome
      console.log(lineOf(outcome))
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Number(values.parallel)) }, work))
  return outcomes
}
