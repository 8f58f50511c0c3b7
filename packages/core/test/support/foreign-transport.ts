import type { Layer, TransportLike } from '../../src/index.js'

/** Notes what passes, in both directions, and lets everything through. */
export function noting(name: string, log: string[]): Layer {
  return (next) => ({
    async connect(sink, signal) {
      log.push(`${name} connects`)
      const channel = await next.connect(
        {
          ...sink,
          message(message, context) {
            log.push(`${name} receives`)
            sink.message(message, context)
          },
        },
        signal,
      )
      return {
        ...channel,
        send(message, options) {
          log.push(`${name} sends`)
          return channel.send(message, options)
        },
      }
    },
  })
}

/** A transport of somebody else, whose every step is in the hands of the test. */
export function foreign(parts: Partial<TransportLike> & Record<string, unknown> = {}): TransportLike {
  return { start: async () => {}, send: async () => {}, close: async () => {}, ...parts }
}
