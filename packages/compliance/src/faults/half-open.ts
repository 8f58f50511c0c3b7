import type { Layer } from '@mcpwire/core'

/** A connection whose other end can vanish without a word. */
export interface HalfOpen {
  readonly layer: Layer
  /** From now on everything that is sent is taken and lost, and nothing is heard any more, not even the end. */
  vanish(): void
  /** Undoes that for what is sent and heard from now on. */
  reappear(): void
}

/** Makes the other end of connections vanish on demand. A fault for the tests of layers. */
export function halfOpen(): HalfOpen {
  let isVanished = false
  return {
    layer: (next) => ({
      ...next,
      connect: async (sink, signal) => {
        const channel = await next.connect(
          {
            message: (message, context) => {
              if (!isVanished) sink.message(message, context)
            },
            error: (error) => {
              if (!isVanished) sink.error(error)
            },
            end: (reason) => {
              if (!isVanished) sink.end(reason)
            },
          },
          signal,
        )
        return {
          ...channel,
          send: async (message, options) => {
            if (!isVanished) await channel.send(message, options)
          },
        }
      },
    }),
    vanish: () => {
      isVanished = true
    },
    reappear: () => {
      isVanished = false
    },
  }
}
