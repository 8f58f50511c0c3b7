import { type Layer, TransportError } from '@mcpwire/core'

/** When a connection breaks. */
export interface BreakAfterOptions {
  /** The message to be sent at which it breaks, counted from 1. That one is lost. */
  readonly sent?: number
  /** The received message at which it breaks, counted from 1. That one is lost. */
  readonly received?: number
}

/** Breaks every connection at its nth message, as `PEER_LOST`. A fault for the tests of layers. */
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
            else breakOff()
          },
          end: (reason) => {
            if (!isBroken) sink.end(reason)
          },
        },
        signal,
      )
      const { address } = channel.peer
      const lost = (): TransportError =>
        new TransportError('PEER_LOST', `${address} was cut off`, { address })
      function breakOff(): void {
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
          breakOff()
          throw new TransportError('SEND_FAILED', `${address} was cut off`, { delivery: 'unknown' })
        },
        close: async (reason) => {
          if (!isBroken) await channel.close(reason)
        },
      }
    },
  })
}
