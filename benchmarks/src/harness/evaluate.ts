import { isMoreBetter, type Metric } from './figures.js'
import type { Results } from './results.js'
import type { Round } from './rounds.js'
import { exponentOf, type Spread, spreadOf } from './statistics.js'
import type { Quantity, Target } from './targets.js'

/** The evaluation of a target. */
export interface Verdict {
  readonly target: Target
  /** The value over the rounds. Absent when the results lack its figures. */
  readonly value?: Spread
  readonly met?: boolean
}

/** Evaluates a target by the median of its values in the rounds. */
export function evaluate(target: Target, results: Results | undefined): Verdict {
  const values = results === undefined ? [] : perRoundQuantity(target.quantity, results)
  if (values.length === 0) return { target }
  const value = spreadOf(values)
  const { atLeast = -Infinity, atMost = Infinity } = target
  return { target, value, met: value.median >= atLeast && value.median <= atMost }
}

/** The quantity in every round that has its figures. */
export function perRoundQuantity(quantity: Quantity, results: Results): number[] {
  return results.rounds
    .map((round) => quantityIn(quantity, round, results))
    .filter((value): value is number => value !== undefined && Number.isFinite(value))
}

function quantityIn(quantity: Quantity, round: Round, { loads }: Results): number | undefined {
  const { of, metric } = quantity
  const figure = (load: string, contestant: string) => round.figures[load]?.[contestant]?.[metric]
  switch (quantity.kind) {
    case 'ratio': {
      const above = figure(quantity.load, of)
      const others = [quantity.to].flat().map((contestant) => figure(quantity.load, contestant))
      const below = bestOf(others, metric)
      return above === undefined || below === undefined ? undefined : above / below
    }
    case 'difference': {
      const above = figure(quantity.load, of)
      const below = figure(quantity.load, quantity.minus)
      return above === undefined || below === undefined ? undefined : (above - below) / (quantity.per ?? 1)
    }
    case 'exponent':
      return exponentOf(
        quantity.loads.flatMap((id) => {
          const bytes = (loads.find((load) => load.id === id) as { bytes?: number } | undefined)?.bytes
          const value = figure(id, of)
          return bytes === undefined || value === undefined ? [] : [[bytes, value] as const]
        }),
      )
  }
}

function bestOf(values: readonly (number | undefined)[], metric: Metric): number | undefined {
  const known = values.filter((value) => value !== undefined)
  if (known.length === 0) return undefined
  return isMoreBetter(metric) ? Math.max(...known) : Math.min(...known)
}
