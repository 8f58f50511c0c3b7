import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Figures, Metric } from './figures.js'
import { benchmarksRoot, type Circumstances } from './machine.js'
import type { Failure, Round, RoundParameters } from './rounds.js'
import { type Spread, spreadOf } from './statistics.js'
import type { Load } from './suite.js'

/** The results of one run of a suite. Written as JSON. */
export interface Results extends Circumstances {
  readonly suite: string
  readonly question: string
  readonly reference: string
  /** The other checkout whose packages were measured in the same run, if one was. */
  readonly against?: Pick<Circumstances, 'commit' | 'dirty'>
  readonly parameters: RoundParameters & { readonly quick: boolean }
  readonly contestants: readonly { readonly id: string; readonly label: string }[]
  readonly loads: readonly Load[]
  /** Load id → contestant id → metric → median and quartiles over the rounds. */
  readonly summary: Summary
  readonly rounds: readonly Round[]
  readonly failures: readonly Failure[]
}

export type Summary = Readonly<
  Record<string, Readonly<Record<string, Readonly<Partial<Record<Metric, Spread>>>>>>
>

/** The folders of the committed results and of the last ones. */
export const committedFolder: string = join(benchmarksRoot, 'results')
export const latestFolder: string = join(benchmarksRoot, '.results')

/** Medians and quartiles over the rounds. */
export function summaryOf(rounds: readonly Round[]): Summary {
  const values: Record<string, Record<string, Partial<Record<Metric, number[]>>>> = {}
  for (const { figures } of rounds) {
    for (const [load, row] of Object.entries(figures)) {
      for (const [contestant, measured] of Object.entries(row)) {
        values[load] ??= {}
        values[load][contestant] ??= {}
        const cell = values[load][contestant]
        for (const [metric, value] of Object.entries(measured) as [Metric, number][]) {
          cell[metric] ??= []
          cell[metric].push(value)
        }
      }
    }
  }
  return mapValues(values, (row) => mapValues(row, (cell) => mapValues(cell, spreadOf)))
}

/** One metric of one contestant under one load, per round. `undefined` for a round that lacks it. */
export function perRound(
  rounds: readonly Round[],
  load: string,
  contestant: string,
  metric: Metric,
): (number | undefined)[] {
  return rounds.map(({ figures }) => figures[load]?.[contestant]?.[metric as keyof Figures])
}

/** Reads results. */
export function readResults(path: string): Results {
  return JSON.parse(readFileSync(path, 'utf8')) as Results
}

/** The committed results of all suites, by name. */
export function committedResults(folder: string = committedFolder): Map<string, Results> {
  const files = existsSync(folder)
    ? readdirSync(folder).filter((file) => /^(?!soak-).*\.json$/.test(file))
    : []
  return new Map(files.sort().map((file) => [file.slice(0, -5), readResults(join(folder, file))]))
}

/** Writes data as JSON, atomically. Figures have six significant digits. */
export function writeJson(path: string, data: unknown): void {
  const expanded = JSON.stringify(
    data,
    (_key, value) => (isFraction(value) ? Number(value.toPrecision(6)) : value),
    1,
  )
  // Objects and lists without nested ones take one line. One line per measurement is readable in a diff.
  const text = expanded.replace(/[{[]\n[^{}[\]]*[}\]]/g, (flat) => flat.replace(/\n\s*/g, ' '))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.part`, `${text}\n`)
  renameSync(`${path}.part`, path)
}

function isFraction(value: unknown): value is number {
  return typeof value === 'number' && !Number.isInteger(value)
}

function mapValues<V, W>(record: Partial<Record<string, V>>, map: (value: V) => W): Record<string, W> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, value]) => (value === undefined ? [] : [[key, map(value)]])),
  )
}
