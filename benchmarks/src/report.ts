// Draws docs/performance.md and the charts from the committed results. `--check` fails when they are out of date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { chartOf } from './harness/chart.js'
import { fillBlocks, suiteSection, targetsTable } from './harness/document.js'
import { benchmarksRoot } from './harness/machine.js'
import { overviewOf, throughputByWire } from './harness/overview.js'
import { committedFolder, committedResults } from './harness/results.js'
import { targets } from './harness/targets.js'
import { committedSoaks } from './soak/soak-results.js'

const page = join(benchmarksRoot, '../docs/performance.md')
const overview = join(committedFolder, 'overview.svg')

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const stale = [...drawn()].filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text)
for (const [path, text] of stale) {
  const shown = relative(join(benchmarksRoot, '..'), path)
  if (values.check) console.error(`${shown}: out of date; run pnpm --filter @mcpwire/benchmarks report`)
  else {
    writeFileSync(path, text)
    console.log(`wrote ${shown}`)
  }
}
if (values.check && stale.length > 0) process.exitCode = 1

/** The charts and the page: path → text. */
function drawn(): Map<string, string> {
  const results = committedResults()
  const files = new Map<string, string>()
  const sections = [...results].map(([suite, found]) => {
    files.set(join(committedFolder, `${suite}.svg`), chartOf(found))
    return suiteSection(found, `../benchmarks/results/${suite}.svg`)
  })
  const text = fillBlocks(readFileSync(page, 'utf8'), {
    targets: targetsTable(targets, results, committedSoaks()),
    results: sections.length === 0 ? 'Nothing was measured yet.' : sections.join('\n\n'),
  })
  files.set(overview, overviewOf(throughputByWire(results)))
  return files.set(page, text)
}
