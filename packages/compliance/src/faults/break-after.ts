import { type Layer, TransportError } from '@mcpwire/core'

/** The message at which a connection breaks. */
export interface BreakAfterOptions {
  /** The number of the sent message, from 1. This message is lost. */
  readonly sent?: number
  /** The number of the received message, from 1. This message is lost. */
  readonly received?: number
}

/**
 * Creates a layer that breaks every connection at its nth message, as `PEER_LOST`. A fault for tests of layers.
 *
 * @example
 * ```ts
 * const transport = withLayers(near, breakAfter({ sent: 3 }))
 * ```
 */
export function breakAfter(options: BreakAfterOptions): Layer {
  const { sent: lastSent = Infinity, received: lastReceived = Infinity } = options
  return (next) => ({
    ...next,
    connect: async (sink, signal) => {
      let sent = 0
      let received = 0
      let isBroken = false
      const channel = await next.connect(
        {
          ...sink,
          message: (message, context) => {
            if (isBroken) return
            if (++received < lastReceived) sink.message(message, context)
            else breakConnection()
          },
          end: (reason) => {
            if (!isBroken) sink.end(reason)
          },
        },
        signal,
      )
      const { address } = channel.peer
      const lost = (): TransportError =>
        new TransportError('PEER_LOST', `connection to ${address} lost: breakAfter`, { address })
      function breakConnection(): void {
        if (isBroken) return
        isBroken = true
        channel.close().catch(() => {})
        sink.end(lost())
      }
      return {
        ...channel,
        send: async (message, sendOptions) => {
          if (++sent < lastSent && !isBroken) {
            await channel.send(message, sendOptions)
            return
          }
          breakConnection()
          throw new TransportError('SEND_FAILED', `connection to ${address} lost: breakAfter`, {
            delivery: 'unknown',
          })
        },
        close: async (reason) => {
          if (!isBroken) await channel.close(reason)
        },
      }
    },
  })
}
