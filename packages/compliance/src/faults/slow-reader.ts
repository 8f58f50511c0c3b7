import { type Clock, type Layer, systemClock } from '@mcpwire/core'

/** Options of a slow reader. */
export interface SlowReaderOptions {
  /** The delay of each message after the message before it, in milliseconds. */
  readonly delayMs: number
  /** The clock for the delay. */
  readonly clock?: Clock
}

/**
 * Creates a layer that delivers one message at a time, in order and after a delay. A fault for tests of layers.
 *
 * @example
 * ```ts
 * const transport = withLayers(near, slowReader({ delayMs: 100 }))
 * ```
 */
export function slowReader({ delayMs, clock = systemClock }: SlowReaderOptions): Layer {
  return (next) => ({
    ...next,
    connect: async (sink, signal) => {
      const closing = new AbortController()
      let queue: Promise<unknown> = Promise.resolve()
      const enqueue = (deliver: () => void): void => {
        queue = queue
          .then(() => clock.sleep(delayMs, closing.signal))
          .then(deliver)
          .catch(() => {})
      }
      const channel = await next.connect(
        {
          ...sink,
          message: (message, context) => enqueue(() => sink.message(message, context)),
          end: (reason) => enqueue(() => sink.end(reason)),
        },
        signal,
      )
      return {
        ...channel,
        close: async (reason) => {
          closing.abort()
          await channel.close(reason)
        },
      }
    },
  })
}
