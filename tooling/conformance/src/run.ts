// `npm run conformance`: the official suite against servers and clients of both SDKs over our HTTP transports.
// Arguments narrow the runs: `server v2`, `client 2025-11-25`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Fixture, folderOf, perform, startServer } from './suite/perform.js'
import { type Run, runs } from './suite/plan.js'
import { stopAllAtExit } from './suite/processes.js'
import { lineOf, type Outcome, summaryOf, titleOf } from './suite/report.js'

const results = fileURLToPath(new URL('../../../.results/', import.meta.url))
const details = join(results, 'conformance')

async function outcomeOf(run: Run, index: number, url: string | undefined): Promise<Outcome> {
  const begun = performance.now()
  const verdict = await perform(run, url, folderOf(details, index, run))
  return { run: titleOf(run), ...verdict, seconds: (performance.now() - begun) / 1000 }
}

stopAllAtExit()
rmSync(details, { recursive: true, force: true })
mkdirSync(details, { recursive: true })

const wanted = process.argv.slice(2)
const chosen = runs.filter((run) => wanted.every((word) => titleOf(run).includes(word)))
const servers = new Map<Run['sdk'], Fixture>()
const outcomes: Outcome[] = []
for (const [index, run] of chosen.entries()) {
  if (run.side === 'server' && !servers.has(run.sdk)) servers.set(run.sdk, await startServer(run.sdk))
  const outcome = await outcomeOf(run, index, run.side === 'server' ? servers.get(run.sdk)?.url : undefined)
  outcomes.push(outcome)
  console.log(lineOf(outcome))
}
for (const server of servers.values()) server.stop()

const summary = summaryOf(outcomes)
writeFileSync(join(results, 'conformance.json'), `${JSON.stringify(summary, null, 2)}\n`)
console.log(`${summary.passed} checks passed, ${summary.failed} failed`)
if (summary.failed > 0 || outcomes.length === 0) process.exitCode = 1
