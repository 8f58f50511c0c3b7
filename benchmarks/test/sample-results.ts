import type { Figures } from '../src/harness/figures.js'
import { type Results, summaryOf } from '../src/harness/results.js'
import type { Round } from '../src/harness/rounds.js'
import type { Load } from '../src/harness/suite.js'

/** Messages per second of each contestant, per round. */
export type Rates = Readonly<Record<string, readonly number[]>>

/** Results of a suite with one load, made up from rates. Other figures follow from them. */
export function resultsFrom(rates: Rates, more: Partial<Results> = {}): Results {
  const rounds = roundsFrom({ 'round-trips-64': rates })
  return {
    suite: 'sample',
    question: 'How many per second?',
    reference: 'floor',
    date: '2026-11-23T00:00:00.000Z',
    commit: '0123456789abcdef',
    dirty: false,
    node: 'v20.20.2',
    machine: {
      cpu: 'A <processor>',
      cores: 2,
      memoryBytes: 2 ** 34,
      freeMemoryBytes: 2 ** 33,
      kernel: 'Linux 6.1',
      arch: 'x64',
    },
    busyBefore: 0.01,
    versions: { '@mcpwire/core': '0.1.0', '@modelcontextprotocol/sdk': '1.32.2' },
    parameters: { rounds: rounds.length, warmUpMs: 300, measureMs: 600, quick: false },
    contestants: Object.keys(rates).map((id) => ({ id, label: `the ${id}` })),
    loads: [{ id: 'round-trips-64', label: '64 in flight' }],
    summary: summaryOf(rounds),
    rounds,
    failures: [],
    ...more,
  }
}

/** Results of several loads. */
export function resultsOfLoads(loads: readonly Load[], rates: Readonly<Record<string, Rates>>): Results {
  const rounds = roundsFrom(rates)
  return resultsFrom({}, { loads, rounds, summary: summaryOf(rounds) })
}

function roundsFrom(loads: Readonly<Record<string, Rates>>): Round[] {
  const count = Math.max(
    ...Object.values(loads).flatMap((rates) => Object.values(rates).map(({ length }) => length)),
    0,
  )
  return Array.from({ length: count }, (_, round) => ({
    calibrationMs: 20,
    order: [],
    figures: Object.fromEntries(
      Object.entries(loads).map(([load, rates]) => [load, figuresIn(rates, round)]),
    ),
  }))
}

function figuresIn(rates: Rates, round: number): Record<string, Figures> {
  return Object.fromEntries(
    Object.entries(rates).flatMap(([contestant, values]) => {
      const rate = values[round]
      return rate === undefined ? [] : [[contestant, figuresOf(rate)]]
    }),
  )
}

/** What one contestant showed, made up from its rate. */
export function figuresOf(rate: number): Figures {
  return {
    messages: rate,
    messagesPerSecond: rate,
    microsPerMessage: 1e6 / rate,
    cpuMicrosPerMessage: 1e6 / rate,
    rssBytes: 50e6,
    p50Micros: 1e6 / rate,
    p99Micros: 2e6 / rate,
  }
}
