import { type Clock, type Layer, systemClock } from '@mcpwire/core'

/** How slow a reader is. */
export interface SlowReaderOptions {
  /** How long each message is held back before the next is looked at, in milliseconds. */
  readonly delayMs: number
  /** Where the delay comes from. */
  readonly clock?: Clock
}

/** Hears one message at a time, each after a delay and in order. A fault for the tests of layers. */
export function slowReader({ delayMs, clock = systemClock }: SlowReaderOptions): Layer {
  return (next) => ({
    ...next,
    connect: async (sink, signal) => {
      const over = new AbortController()
      let line: Promise<unknown> = Promise.resolve()
      const inTurn = (deliver: () => void): void => {
        line = line
          .then(() => clock.sleep(delayMs, over.signal))
          .then(deliver)
          .catch(() => {})
      }
      const channel = await next.connect(
        {
          ...sink,
          message: (message, context) => inTurn(() => sink.message(message, context)),
          end: (reason) => inTurn(() => sink.end(reason)),
        },
        signal,
      )
      return {
        ...channel,
        close: async (reason) => {
          over.abort()
          await channel.close(reason)
        },
      }
    },
  })
}
