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
  /** A change up to this size is within the spread. */
  readonly spread: number
  readonly verdict: 'better' | 'worse' | 'same'
}

const METRICS: readonly Metric[] = ['messagesPerSecond', 'cpuMicrosPerMessage', 'p50Micros', 'p99Micros']
/** A smaller change is not significant on a shared machine. */
const LEAST_NOISE = 0.03

/**
 * The changes from one run of a suite to another. A contestant is compared by its ratio to the reference of the same
 * run, because absolute figures drift with the machine. The reference itself is compared by absolute figures.
 *
 * A change is significant when it exceeds half the sum of both interquartile ranges and 3 %, and when the ranges do not
 * overlap.
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
 * The changes from the packages of another checkout to ours, measured in one run. A change is the median of the changes
 * in the rounds. Its spread is half of their interquartile range.
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

function verdictOn(changes: Spread, metric: Metric): Pick<Change, 'change' | 'spread' | 'verdict'> {
  const change = changes.median
  const spread = Math.max(LEAST_NOISE, iqrOf(changes) / 2)
  const apart = changes.q1 > 0 || changes.q3 < 0
  return { change, spread, verdict: verdictOf(change, apart && Math.abs(change) > spread, metric) }
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
): Pick<Change, 'before' | 'after' | 'change' | 'spread' | 'verdict'> {
  const change = after.median / before.median - 1
  const spread = Math.max(LEAST_NOISE, (iqrOf(before) + iqrOf(after)) / 2 / before.median)
  const apart = after.q1 > before.q3 || after.q3 < before.q1
  const verdict = verdictOf(change, apart && Math.abs(change) > spread, metric)
  return { before, after, change, spread, verdict }
}
