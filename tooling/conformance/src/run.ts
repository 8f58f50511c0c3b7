// `npm run conformance`: the official suite against servers and clients of both SDKs over our HTTP transports.
// Arguments narrow the runs: `server v2`, `client 2025-11-25`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Fixture, folderOf, perform, startFixture } from './suite/perform.js'
import { type Run, runs } from './suite/plan.js'
import { stopAllAtExit } from './suite/processes.js'
import { lineOf, type Outcome, summaryOf, titleOf } from './suite/report.js'

const results = fileURLToPath(new URL('../../../.results/', import.meta.url))
const details = join(results, 'conformance')

async function outcomeOf(run: Run, index: number, fixture: Fixture): Promise<Outcome> {
  const begun = performance.now()
  const verdict = await perform(run, fixture, folderOf(details, index, run))
  return { run: titleOf(run), ...verdict, seconds: (performance.now() - begun) / 1000 }
}

stopAllAtExit()
rmSync(details, { recursive: true, force: true })
mkdirSync(details, { recursive: true })

const wanted = process.argv.slice(2)
const chosen = runs.filter((run) => wanted.every((word) => titleOf(run).includes(word)))
const fixtures = new Map<string, Fixture>()
const outcomes: Outcome[] = []
for (const [index, run] of chosen.entries()) {
  const key = `${run.side} ${run.sdk}`
  const fixture = fixtures.get(key) ?? (await startFixture(run))
  fixtures.set(key, fixture)
  const outcome = await outcomeOf(run, index, fixture)
  outcomes.push(outcome)
  console.log(lineOf(outcome))
}
for (const fixture of fixtures.values()) fixture.stop()

const summary = summaryOf(outcomes)
writeFileSync(join(results, 'conformance.json'), `${JSON.stringify(summary, null, 2)}\n`)
console.log(`${summary.passed} checks passed, ${summary.failed} failed`)
if (summary.failed > 0 || outcomes.length === 0) process.exitCode = 1
