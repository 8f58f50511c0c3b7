import type { Readable } from 'node:stream'
import type { Clock } from '@mcpwire/core'

/** One period without data. Two in a row count as the end of the output. */
const SILENCE_MS = 10
/** Output that arrives later than this after the exit comes from another process on the same pipe. */
const MAX_DRAIN_MS = 50

/**
 * Resolves when everything is read that a process wrote before it exited.
 *
 * That is the end of the stream. Where another process holds the pipe open, it is two silent periods in a row: on a
 * busy machine a single one can pass without a read. The wait continues while the consumer pauses the stream.
 */
export function drainOutput(stream: Readable, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) {
      resolve()
      return
    }
    const start = clock.now()
    let silentPeriods = 0
    let next = clock.deadline(SILENCE_MS, check)
    function check(): void {
      silentPeriods = stream.isPaused() ? 0 : silentPeriods + 1
      if (silentPeriods === 2 || (!stream.isPaused() && clock.now() - start >= MAX_DRAIN_MS)) done()
      else next = clock.deadline(SILENCE_MS, check)
    }
    function ondata(): void {
      silentPeriods = 0
    }
    function done(): void {
      next[Symbol.dispose]()
      stream.off('data', ondata).off('close', done)
      resolve()
    }
    stream.on('data', ondata).once('close', done)
  })
}
