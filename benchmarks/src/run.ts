import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { against, builtCheckout } from './harness/against.js'
import { changesWithin } from './harness/comparison.js'
import { type ControlHost, listenForWorkers } from './harness/control.js'
import { evaluate } from './harness/evaluate.js'
import { circumstances, fingerprintOfBuilds, ownCheckout, revisionOf } from './harness/machine.js'
import { createProgress } from './harness/progress.js'
import { committedFolder, latestFolder, type Results, summaryOf, writeJson } from './harness/results.js'
import { type Failure, measureRounds, type RoundParameters } from './harness/rounds.js'
import { iqrOf, spreadOf } from './harness/statistics.js'
import type { Suite } from './harness/suite.js'
import { loadSuite, suiteNames } from './harness/suites.js'
import { changesText, resultsText, verdictsText } from './harness/tables.js'
import { targets } from './harness/targets.js'

const USAGE = `bench <suite …|all> [options]

  --save          also write benchmarks/results/<suite>.json, which is committed
  --quick         two short rounds, as a test of the suite; never saved
  --rounds <n>    rounds (7)
  --measure <ms>  time of each measurement (600, or the time of the suite)
  --warm-up <ms>  time of the warm-up before it (300, or the time of the suite)
  --only <ids>    contestants, with commas between them; never saved
  --against <checkout>  also measures our contestants with the packages that are built in another checkout of this
                  repository, in the same rounds; never saved
  --json          print the results as JSON instead of tables

The last results of a suite are always in benchmarks/.results/<suite>.json.`

const rebuilt: Failure = { error: 'a build changed during the run' }
const BUSY_SHARE = 0.1
const STEADY_SHARE = 0.1

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    save: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    measure: { type: 'string' },
    'warm-up': { type: 'string' },
    only: { type: 'string' },
    against: { type: 'string' },
  },
})

if (values.help || positionals.length === 0) {
  console.log(`${USAGE}\n\nSuites: ${suiteNames().join(', ')}`)
  process.exit(values.help ? 0 : 2)
}

const names = positionals.includes('all') ? suiteNames() : positionals
const other = values.against === undefined ? undefined : builtCheckout(values.against)
const suites = await Promise.all(names.map(loadSuite))
const host = await listenForWorkers()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Workers exit when their connection closes, as it does with this process.
  process.once(signal, () => {
    host.close()
    process.exit(130)
  })
}
try {
  for (const suite of suites) {
    try {
      const chosen = only(suite, values.only)
      await runSuite(host, other === undefined ? chosen : against(chosen, other))
    } catch (error) {
      // The remaining suites are measured anyway.
      console.error(error)
      process.exitCode = 1
    }
  }
} finally {
  host.close()
}

async function runSuite(control: ControlHost, suite: Suite): Promise<void> {
  const parameters = parametersFrom(values, suite)
  const where = await circumstances()
  if (where.busyBefore > BUSY_SHARE)
    console.error(
      `other processes use ${Math.round(where.busyBefore * 100)} % of this machine: expect spread`,
    )
  const checkouts = other === undefined ? [ownCheckout] : [ownCheckout, other]
  const built = fingerprintOfBuilds(checkouts)
  const progress = createProgress(suite, parameters)
  const { rounds, failures } = await measureRounds(control, suite, parameters, progress.step)
  progress.end()
  const results: Results = {
    suite: suite.name,
    question: suite.question,
    reference: suite.reference,
    ...where,
    ...(other !== undefined && { against: revisionOf(other) }),
    parameters: { ...parameters, quick: values.quick },
    contestants: suite.contestants.map(({ id, label }) => ({ id, label })),
    loads: suite.loads,
    summary: summaryOf(rounds),
    rounds,
    failures: built === fingerprintOfBuilds(checkouts) ? failures : [...failures, rebuilt],
  }
  const { median, ...quartiles } = spreadOf(rounds.map(({ calibrationMs }) => calibrationMs))
  if (iqrOf({ median, ...quartiles }) > median * STEADY_SHARE)
    console.error('the machine was not steady: the calibration took different times in the rounds')
  writeJson(join(latestFolder, `${suite.name}.json`), results)
  if (values.save && isComplete(results)) writeJson(join(committedFolder, `${suite.name}.json`), results)
  print(results)
}

function print(results: Results): void {
  for (const { contestant, load, round, error } of results.failures) {
    const where = round === undefined ? '' : `round ${round + 1}, ${contestant}, ${load ?? 'starting'}: `
    console.error(`${results.suite}: ${where}${error}`)
    process.exitCode = 1
  }
  if (values.json) {
    console.log(JSON.stringify(results))
    return
  }
  const verdicts = targets
    .filter(({ suite }) => suite === results.suite)
    .map((target) => evaluate(target, results))
  console.log(`${resultsText(results)}\n\n${verdictsText(verdicts)}\n`)
  if (results.against)
    console.log(
      `${results.suite}: from ${results.against.commit} (before) to ${results.commit}\n${changesText(changesWithin(results), true)}\n`,
    )
}

/** Incomplete results are not saved. */
function isComplete({ failures, suite }: Results): boolean {
  const reason = values.quick
    ? '--quick'
    : values.only
      ? '--only'
      : values.against !== undefined
        ? '--against'
        : failures.length > 0
          ? 'failures'
          : undefined
  if (reason) {
    console.error(`${suite}: not saved, because of ${reason}`)
    process.exitCode = 1
  }
  return reason === undefined
}

function only(suite: Suite, ids: string | undefined): Suite {
  if (ids === undefined) return suite
  const wanted = ids.split(',')
  return { ...suite, contestants: suite.contestants.filter(({ id }) => wanted.includes(id)) }
}

function parametersFrom(given: typeof values, suite: Suite): RoundParameters {
  const number = (option: 'rounds' | 'measure' | 'warm-up', full: number, quick: number): number => {
    const value = given[option] === undefined ? (given.quick ? quick : full) : Number(given[option])
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${option} must be a positive integer`)
    return value
  }
  return {
    rounds: number('rounds', 7, 2),
    measureMs: number('measure', suite.measureMs ?? 600, 60),
    warmUpMs: number('warm-up', suite.warmUpMs ?? 300, 40),
    slices: values.quick ? 1 : (suite.slices ?? 1),
  }
}
