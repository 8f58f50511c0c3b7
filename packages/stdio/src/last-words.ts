import type { Readable } from 'node:stream'
import type { Clock } from '@mcpwire/core'

/** How long nothing may come, twice in a row, until nothing more is expected. */
const QUIET_MS = 10
/** How long a process that is gone may go on speaking: beyond that it is somebody else. */
const LONGEST_MS = 50

/**
 * Resolves when everything was read that a process wrote before it exited. That is the end of the stream; where
 * somebody else holds the pipe open it is silence, looked for twice so that there was a read in between even on a
 * machine that is busy. Waits while its consumer holds it.
 */
export function lastWords(
  stream: Readable,
  clock: Clock,
  isHeld: () => boolean = () => stream.isPaused(),
): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) {
      resolve()
      return
    }
    const start = clock.now()
    let looks = 0
    let next = clock.deadline(QUIET_MS, look)
    function look(): void {
      looks = isHeld() ? 0 : looks + 1
      if (looks === 2 || (!isHeld() && clock.now() - start >= LONGEST_MS)) done()
      else next = clock.deadline(QUIET_MS, look)
    }
    function heard(): void {
      looks = 0
    }
    function done(): void {
      next[Symbol.dispose]()
      stream.off('data', heard).off('close', done)
      resolve()
    }
    stream.on('data', heard).once('close', done)
  })
}
