import type { Change } from './comparison.js'
import type { Verdict } from './evaluate.js'
import type { Metric } from './figures.js'
import { compact, metricLabels, percent, textTable } from './format.js'
import { perRound, type Results } from './results.js'
import { iqrOf, type Spread, spreadOf } from './statistics.js'
import type { Load } from './suite.js'

const COLUMNS: readonly Metric[] = [
  'messagesPerSecond',
  'megabytesPerSecond',
  'p50Micros',
  'p99Micros',
  'cpuMicrosPerMessage',
  'rssBytes',
  'bytesPerConnection',
]

/** The figures of one load: a head, then a row per contestant. A ratio is the median of the ratios in the rounds. */
export function loadRows(results: Results, load: Load): string[][] {
  const cells = results.summary[load.id] ?? {}
  const columns = COLUMNS.filter((metric) => Object.values(cells).some((cell) => cell[metric] !== undefined))
  const head = ['', ...columns.map((metric) => metricLabels[metric]), `× ${results.reference}`]
  const body = results.contestants.flatMap(({ id, label }) => {
    const cell = cells[id]
    if (!cell) return []
    return [
      [label, ...columns.map((metric) => withSpread(cell[metric])), ratioToReference(results, load, id)],
    ]
  })
  return [head, ...body]
}

function ratioToReference({ rounds, reference }: Results, load: Load, contestant: string): string {
  const own = perRound(rounds, load.id, contestant, 'messagesPerSecond')
  const base = perRound(rounds, load.id, reference, 'messagesPerSecond')
  const ratios = own.flatMap((value, round) => {
    const below = base[round]
    return value === undefined || below === undefined ? [] : [value / below]
  })
  return ratios.length === 0 ? '–' : spreadOf(ratios).median.toFixed(2)
}

function withSpread(spread: Spread | undefined): string {
  if (!spread) return '–'
  const share = spread.median === 0 ? 0 : iqrOf(spread) / 2 / spread.median
  return `${compact(spread.median)} ± ${(share * 100).toFixed(0)} %`
}

/** All tables of a suite, for a terminal. */
export function resultsText(results: Results): string {
  return results.loads
    .map((load) => `${results.suite}: ${load.label}\n${textTable(loadRows(results, load))}`)
    .join('\n\n')
}

/** Which targets hold, one line each. */
export function verdictsText(verdicts: readonly Verdict[]): string {
  return textTable(
    verdicts.map((verdict) => [
      wordFor(verdict),
      `${verdict.target.suite}: ${verdict.target.claim}`,
      valueText(verdict),
    ]),
  )
}

/** `met`, `missed`, or `not measured`. */
export function wordFor({ met }: Verdict): string {
  if (met === undefined) return 'not measured'
  return met ? 'met' : 'missed'
}

/** The value, with half its interquartile range. */
export function valueText({ value }: Verdict): string {
  return value ? `${value.median.toFixed(2)} ± ${(iqrOf(value) / 2).toFixed(2)}` : ''
}

/** The changes as text for a terminal. */
export function changesText(changes: readonly Change[], showAll: boolean): string {
  const shown = showAll ? changes : changes.filter(({ verdict }) => verdict !== 'same')
  const head = ['load', 'contestant', 'figure', 'before', 'after', 'change', 'spread', 'verdict']
  const body = shown.map(({ load, contestant, metric, basis, before, after, change, spread, verdict }) => [
    load,
    contestant,
    basis === 'ratio' ? `${metricLabels[metric]} × reference` : metricLabels[metric],
    compact(before.median),
    compact(after.median),
    percent(change),
    `±${(spread * 100).toFixed(1)} %`,
    verdict,
  ])
  const same = changes.length - changes.filter(({ verdict }) => verdict !== 'same').length
  const summary = `${changes.length - same} of ${changes.length} figures changed by more than their spread`
  return shown.length === 0 ? summary : `${textTable([head, ...body])}\n\n${summary}`
}
