import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { changesBetween } from './harness/comparison.js'
import { committedFolder, latestFolder, readResults } from './harness/results.js'
import { changesText } from './harness/tables.js'

const USAGE = `compare <before.json> <after.json>   two runs of one suite
compare <suite>                      its committed results and its last run

  --all    also show what did not change`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: 'boolean', default: false } },
})
const [first, second] = positionals
if (first === undefined) {
  console.error(USAGE)
  process.exit(2)
}
const paths = second === undefined ? ofSuite(first) : ([first, second] as const)
const [before, after] = [readResults(paths[0]), readResults(paths[1])]
if (before.machine.cpu !== after.machine.cpu || before.node !== after.node)
  console.error(
    `different machines or versions: ${before.node}, ${before.machine.cpu} → ${after.node}, ${after.machine.cpu}`,
  )
console.log(changesText(changesBetween(before, after), values.all))

function ofSuite(name: string): readonly [string, string] {
  return [join(committedFolder, `${name}.json`), join(latestFolder, `${name}.json`)]
}
