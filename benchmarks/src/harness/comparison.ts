import { beforeIdOf } from './against.js'
import { isMoreBetter, type Metric } from './figures.js'
import { perRound, type Results } from './results.js'
import { iqrOf, type Spread, spreadOf } from './statistics.js'

/** How one figure changed between two runs. */
export interface Change {
  readonly load: string
  readonly contestant: string
  readonly metric: Metric
  /**
   * Whether the figure is a ratio to the suite's reference within each run, absolute for the reference itself, or
   * compared round by round within one run.
   */
  readonly basis: 'ratio' | 'absolute' | 'round'
  readonly before: Spread
  readonly after: Spread
  /** The change of the median: 0.1 is ten per cent more. */
  readonly change: number
  /** The change that the spread of both runs explains. */
  readonly noise: number
  readonly verdict: 'better' | 'worse' | 'same'
}

const METRICS: readonly Metric[] = ['messagesPerSecond', 'cpuMicrosPerMessage', 'p50Micros', 'p99Micros']
/** Below that no run on a shared machine tells one from the other. */
const LEAST_NOISE = 0.03

/**
 * What changed from one run of a suite to another. A contestant is compared by its ratio to the reference of its own
 * run, because absolute figures of different runs drift with the machine; the reference is shown as it is.
 *
 * A change counts when it is larger than the spread of both runs explains: half of their interquartile ranges added,
 * at least 3 %, and the ranges do not touch.
 */
export function changesBetween(before: Results, after: Results): Change[] {
  if (before.suite !== after.suite) throw new Error(`${before.suite} and ${after.suite} are different suites`)
  return after.loads.flatMap(({ id: load }) =>
    after.contestants.flatMap(({ id: contestant }) =>
      METRICS.flatMap((metric) => {
        const basis = contestant === after.reference ? 'absolute' : 'ratio'
        const old = valuesOf(before, load, contestant, metric, basis)
        const now = valuesOf(after, load, contestant, metric, basis)
        if (old.length === 0 || now.length === 0) return []
        return [{ load, contestant, metric, basis, ...judge(spreadOf(old), spreadOf(now), metric) }]
      }),
    ),
  )
}

/**
 * What changed from the packages of another checkout to ours, both measured in one run. The change is the median of the
 * changes in each round, the noise half of their interquartile range.
 */
export function changesWithin({ loads, contestants, rounds }: Results): Change[] {
  return loads.flatMap(({ id: load }) =>
    contestants.flatMap(({ id: contestant }) =>
      [...METRICS, 'bytesPerConnection' as const].flatMap((metric) => {
        const old = perRound(rounds, load, beforeIdOf(contestant), metric)
        const now = perRound(rounds, load, contestant, metric)
        const pairs = now.flatMap((after, round) => {
          const before = old[round]
          return before === undefined || after === undefined ? [] : [{ before, after }]
        })
        if (pairs.length === 0) return []
        const changes = spreadOf(pairs.map(({ before, after }) => after / before - 1))
        return [
          {
            load,
            contestant,
            metric,
            basis: 'round' as const,
            before: spreadOf(pairs.map(({ before }) => before)),
            after: spreadOf(pairs.map(({ after }) => after)),
            ...verdictOn(changes, metric),
          },
        ]
      }),
    ),
  )
}

function verdictOn(changes: Spread, metric: Metric): Pick<Change, 'change' | 'noise' | 'verdict'> {
  const change = changes.median
  const noise = Math.max(LEAST_NOISE, iqrOf(changes) / 2)
  const apart = changes.q1 > 0 || changes.q3 < 0
  return { change, noise, verdict: verdictOf(change, apart && Math.abs(change) > noise, metric) }
}

function verdictOf(change: number, counts: boolean, metric: Metric): Change['verdict'] {
  if (!counts) return 'same'
  return change > 0 === isMoreBetter(metric) ? 'better' : 'worse'
}

function valuesOf(
  results: Results,
  load: string,
  contestant: string,
  metric: Metric,
  basis: Change['basis'],
): number[] {
  const own = perRound(results.rounds, load, contestant, metric)
  const reference = perRound(results.rounds, load, results.reference, metric)
  return own.flatMap((value, round) => {
    if (value === undefined) return []
    if (basis === 'absolute') return [value]
    const base = reference[round]
    return base === undefined ? [] : [value / base]
  })
}

function judge(
  before: Spread,
  after: Spread,
  metric: Metric,
): Pick<Change, 'before' | 'after' | 'change' | 'noise' | 'verdict'> {
  const change = after.median / before.median - 1
  const noise = Math.max(LEAST_NOISE, (iqrOf(before) + iqrOf(after)) / 2 / before.median)
  const apart = after.q1 > before.q3 || after.q3 < before.q1
  const verdict = verdictOf(change, apart && Math.abs(change) > noise, metric)
  return { before, after, change, noise, verdict }
}
