import type { Layer } from '@mcpwire/core'

/** A layer whose connections can drop messages without an error. */
export interface HalfOpen {
  readonly layer: Layer
  /** Drops all further messages in both directions, errors, and the end. */
  drop(): void
  /** Stops dropping. Dropped messages stay lost. */
  restore(): void
}

/**
 * Creates a layer that drops messages on demand, as a peer that lost its network. A fault for tests of layers.
 *
 * @example
 * ```ts
 * const line = halfOpen()
 * const transport = withLayers(near, line.layer)
 * line.drop()
 * ```
 */
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
