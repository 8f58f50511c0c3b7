import type { ControlHost } from './control.js'
import { type Figures, merged } from './figures.js'
import { openPair, type Pair } from './pair.js'
import type { Contestant, Load, Suite } from './suite.js'

/** How long and how often to measure. */
export interface RoundParameters {
  readonly rounds: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** The number of slices: see `Suite`. Without it, 1. */
  readonly slices?: number
}

/** One round: every contestant under every load, one after the other. Load id → contestant id → figures. */
export interface Round {
  /** The time of a fixed amount of arithmetic before the round. It is longer on a busy machine. */
  readonly calibrationMs: number
  readonly order: readonly string[]
  readonly figures: Readonly<Record<string, Readonly<Record<string, Figures>>>>
}

/** An error during a run, and its place. A run with one is not saved. */
export interface Failure {
  readonly round?: number
  readonly contestant?: string
  readonly load?: string
  readonly error: string
}

/** The measurement that starts. */
export interface Step {
  readonly round: number
  readonly contestant: string
  readonly load: string
}

/**
 * Measures all contestants, interleaved. Every round has new processes. Under every load all contestants take turns, and
 * each round, load and slice starts with another one. A drift of the machine affects all of them alike.
 */
export async function measureRounds(
  host: ControlHost,
  suite: Suite,
  parameters: RoundParameters,
  onstep: (step: Step) => void,
): Promise<{ rounds: Round[]; failures: Failure[] }> {
  const rounds: Round[] = []
  const failures: Failure[] = []
  for (let round = 0; round < parameters.rounds; round++) {
    rounds.push(await measureRound(host, suite, parameters, round, onstep, failures))
  }
  return { rounds, failures }
}

async function measureRound(
  host: ControlHost,
  suite: Suite,
  parameters: RoundParameters,
  round: number,
  onstep: (step: Step) => void,
  failures: Failure[],
): Promise<Round> {
  const calibrationMs = calibrate()
  const order = rotated(suite.contestants, round)
  const figures: Record<string, Record<string, Figures>> = {}
  const pairs = new Map<Contestant, Pair>()
  const fail = (contestant: Contestant, error: unknown, load?: Load): void => {
    const text = error instanceof Error ? error.message : String(error)
    failures.push({ round, contestant: contestant.id, ...(load && { load: load.id }), error: text })
  }
  const { warmUpMs, measureMs, slices = 1 } = parameters
  try {
    for (const contestant of order) {
      try {
        pairs.set(contestant, await openPair(host, suite.name, contestant))
      } catch (error) {
        fail(contestant, error)
      }
    }
    for (const [index, load] of suite.loads.entries()) {
      const parts = new Map<Contestant, Figures[]>()
      const attempt = async (
        contestant: Contestant,
        work: (pair: Pair) => Promise<unknown>,
      ): Promise<void> => {
        const pair = pairs.get(contestant)
        if (!pair || contestant.skips?.(load)) return
        try {
          await work(pair)
        } catch (error) {
          fail(contestant, error, load)
          pairs.delete(contestant)
          parts.delete(contestant)
          await pair.close()
        }
      }
      for (let slice = 0; slice < slices; slice++) {
        const turns = rotated(order, index + slice)
        // Of two neighbours, such as a contestant before and after a change, each one is first in half of the slices.
        for (const contestant of (round + slice) % 2 === 0 ? turns : turns.reverse()) {
          await attempt(contestant, async (pair) => {
            if (slice === 0) {
              onstep({ round, contestant: contestant.id, load: load.id })
              parts.set(contestant, [])
              await pair.warmUp(load, warmUpMs)
            }
            parts.get(contestant)?.push(await pair.run(load, measureMs / slices))
          })
        }
      }
      figures[load.id] = Object.fromEntries([...parts].map(([{ id }, measured]) => [id, merged(measured)]))
    }
  } finally {
    await Promise.all([...pairs.values()].map((pair) => pair.close()))
  }
  return { calibrationMs, order: order.map(({ id }) => id), figures }
}

/** The items from that index on, then the items before it. */
export function rotated<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}

const CALIBRATION_STEPS = 20_000_000

function calibrate(): number {
  const startedAt = performance.now()
  let state = 1
  for (let step = 0; step < CALIBRATION_STEPS; step++)
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
  // The result is used, so that the compiler cannot remove the loop.
  return performance.now() - startedAt + (state === 0 ? 1e-9 : 0)
}
