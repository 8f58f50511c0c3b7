import type { Check, ScenarioResult } from './checks.js'
import type { Run } from './plan.js'

/** The result of a run. */
export interface Verdict {
  readonly passed: number
  readonly failed: number
  /** Failed checks of scenarios that no revision requires. */
  readonly unscored: number
  /** One line for each failure, also for those that do not count. */
  readonly problems: readonly string[]
}

/** Extensions of the protocol. The fixtures implement none. They use no other part of a transport. */
const EXTENSIONS = [
  /^tasks-/,
  /^auth\/(client-credentials-(jwt|basic)|enterprise-managed-authorization|dpop|dpop-nonce|wif-jwt-bearer)$/,
]

/**
 * Evaluates a run by its checks. These fail too: a warning, a scenario without checks, and a run with fewer scenarios
 * or checks than planned.
 */
export function judge(run: Run, results: readonly ScenarioResult[], timedOut: boolean): Verdict {
  const scored = results.filter(({ scenario }) => isScored(run, scenario))
  const failures = scored.flatMap(failuresIn)
  const passed = scored.flatMap(({ checks }) => checks.filter(({ status }) => status === 'SUCCESS')).length
  const shortcomings = [
    ...(timedOut ? [`it took longer than ${run.limitMs} ms`] : []),
    ...(results.length === run.scenarios
      ? []
      : [`${results.length} scenarios ran, expected ${run.scenarios}`]),
    ...(failures.length > 0 || passed >= run.checks
      ? []
      : [`${passed} checks succeeded, expected ${run.checks}`]),
  ]
  const unscored = results.filter(({ scenario }) => !isScored(run, scenario)).flatMap(failuresIn)
  return {
    passed,
    failed: failures.length + shortcomings.length,
    unscored: unscored.length,
    problems: [...shortcomings, ...failures, ...unscored.map((line) => `(not scored) ${line}`)],
  }
}

/**
 * The suite starts all clients of a selection at once, and `sse-retry` measures half a second: among the others it
 * would measure the load of the machine. It has a run of its own.
 */
function isScored({ side, scenarios }: Run, scenario: string): boolean {
  if (side === 'client' && scenario === 'sse-retry') return scenarios === 1
  return !EXTENSIONS.some((pattern) => pattern.test(scenario))
}

function failuresIn({ scenario, checks }: ScenarioResult): string[] {
  const failures = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
  if (failures.length === 0 && !checks.some(({ status }) => status === 'SUCCESS')) {
    return [`${scenario}: no checks`]
  }
  return failures.map((check) => describe(scenario, check))
}

function describe(scenario: string, { id, status, errorMessage }: Check): string {
  return `${scenario}: ${id} ${status}${errorMessage === undefined ? '' : `: ${errorMessage}`}`
}
