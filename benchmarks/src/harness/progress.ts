import type { RoundParameters, Step } from './rounds.js'
import type { Suite } from './suite.js'

/** Progress of a run on standard error. */
export interface Progress {
  readonly step: (step: Step) => void
  end(): void
}

/** Rewrites one line on a terminal. Elsewhere it prints one line per round. */
export function createProgress(suite: Suite, parameters: RoundParameters): Progress {
  const total = measurementsIn(suite) * parameters.rounds
  const startedAt = performance.now()
  const isTerminal = process.stderr.isTTY
  let done = 0
  let lastRound = -1
  return {
    step: ({ round, contestant, load }) => {
      const head = `${suite.name}: round ${round + 1} of ${parameters.rounds}`
      const left =
        done === 0 ? '' : `, ${duration(((performance.now() - startedAt) / done) * (total - done))} left`
      if (isTerminal) process.stderr.write(`\r\x1b[2K${head}, ${load}, ${contestant}${left}`)
      else if (round !== lastRound) process.stderr.write(`${head}${left}\n`)
      lastRound = round
      done++
    },
    end: () => {
      if (isTerminal) process.stderr.write('\r\x1b[2K')
    },
  }
}

function measurementsIn({ loads, contestants }: Suite): number {
  return loads.reduce((sum, load) => sum + contestants.filter(({ skips }) => !skips?.(load)).length, 0)
}

function duration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
}
