import type { Readable } from 'node:stream'
import timers from 'node:timers'
import type { Flow } from '@mcpwire/core'

/** How many lines of noise are read until everything else gets its turn. */
const LINES_UNTIL_BREAK = 1_000

/** The flow of a stream that takes breaks from noise. */
export interface FlowWithBreaks extends Flow {
  /** Whether its consumer paused it. */
  readonly isHeld: boolean
  /** Counts a line of noise. */
  noise(): void
}

/**
 * Pauses a stream for the rest of a turn of the event loop where it carries much noise. As long as there is something
 * to read, Node goes on reading, up to 2 MiB: for a flood of short lines that is a tenth of a second for nothing else.
 */
export function flowWithBreaks(stream: Readable): FlowWithBreaks {
  let lines = 0
  let isHeld = false
  const breakIsOver = (): void => {
    lines = 0
    if (!isHeld) stream.resume()
  }
  return {
    get isHeld() {
      return isHeld
    },
    noise: () => {
      lines++
      if (lines !== LINES_UNTIL_BREAK) return
      stream.pause()
      timers.setImmediate(breakIsOver)
    },
    pause: () => {
      isHeld = true
      stream.pause()
    },
    resume: () => {
      isHeld = false
      if (lines < LINES_UNTIL_BREAK) stream.resume()
    },
  }
}
