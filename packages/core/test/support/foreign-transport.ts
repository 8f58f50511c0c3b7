import type { Layer, TransportLike } from '../../src/index.js'

/** A layer that logs the messages of both directions. */
export function logging(name: string, log: string[]): Layer {
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

/** A foreign transport that the test controls. */
export function foreign(parts: Partial<TransportLike> & Record<string, unknown> = {}): TransportLike {
  return { start: async () => {}, send: async () => {}, close: async () => {}, ...parts }
}
