import type { Layer } from '@mcpwire/core'

/** A connection whose other end can drop without a word. */
export interface HalfOpen {
  readonly layer: Layer
  /** From now on everything that is sent is taken and lost, and nothing is heard any more, not even the end. */
  drop(): void
  /** Undoes that for what is sent and heard from now on. */
  restore(): void
}

/** Makes the other end of connections drop on demand. A fault for the tests of layers. */
export function halfOpen(): HalfOpen {
  let isDropping = false
  return {
    layer: (next) => ({
      ...next,
      connect: async (sink, signal) => {
        const channel = await next.connect(
          {
            message: (message, context) => {
              if (!isDropping) sink.message(message, context)
            },
            error: (error) => {
              if (!isDropping) sink.error(error)
            },
            end: (reason) => {
              if (!isDropping) sink.end(reason)
            },
          },
          signal,
        )
        return {
          ...channel,
          send: async (message, options) => {
            if (!isDropping) await channel.send(message, options)
          },
        }
      },
    }),
    drop: () => {
      isDropping = true
    },
    restore: () => {
      isDropping = false
    },
  }
}
