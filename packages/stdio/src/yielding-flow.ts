import type { Readable } from 'node:stream'
import timers from 'node:timers'
import type { Flow } from '@mcpwire/core'

/** Lines of stray output that are read before the stream yields to the event loop. */
const LINES_PER_TURN = 1_000

/** The flow of a stream that yields to the event loop during a flood of stray output. */
export interface YieldingFlow extends Flow {
  /** Whether the consumer paused the stream. */
  readonly isPaused: boolean
  /** Counts a line of stray output. */
  countStrayLine(): void
}

/**
 * Pauses a stream for the rest of a turn of the event loop after many lines of stray output.
 *
 * Node reads up to 2 MiB at once while data is available. For a flood of short lines that blocks the event loop for a
 * tenth of a second.
 */
export function yieldingFlow(stream: Readable): YieldingFlow {
  let lines = 0
  let isPaused = false
  const nextTurn = (): void => {
    lines = 0
    if (!isPaused) stream.resume()
  }
  return {
    get isPaused() {
      return isPaused
    },
    countStrayLine: () => {
      lines++
      if (lines !== LINES_PER_TURN) return
      stream.pause()
      timers.setImmediate(nextTurn)
    },
    pause: () => {
      isPaused = true
      stream.pause()
    },
    resume: () => {
      isPaused = false
      if (lines < LINES_PER_TURN) stream.resume()
    },
  }
}
