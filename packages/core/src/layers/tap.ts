import type { Channel, Layer, Sink } from '../contract/connector.js'
import { toError } from '../contract/errors.js'
import type { JsonRpcMessage } from '../contract/message.js'
import { callback, optional } from '../contract/option-rules.js'
import { options } from '../contract/option-table.js'
import type { MessageContext, Peer, SendOptions } from '../contract/transport.js'
import { guarded } from '../timing/promises.js'
import { callbackFailed } from '../transport/transport-errors.js'

/** What can be observed of a conversation. Each is called before what it tells of goes on. */
export interface TapCallbacks {
  /** A conversation opened. */
  onOpen?: ((peer: Peer) => void) | undefined
  /** A message is being sent. Whether it left is what its `send()` settles with. */
  onSend?: ((message: JsonRpcMessage, options: SendOptions | undefined) => void) | undefined
  /** A message arrived. */
  onReceive?: ((message: JsonRpcMessage, context: MessageContext | undefined) => void) | undefined
  /** Something went wrong that did not end the conversation, or one could not be opened; not that it was given up. */
  onError?: ((error: Error) => void) | undefined
  /** A conversation that had opened is over or is being closed, for that reason unless it is orderly. */
  onClose?: ((reason: Error | undefined) => void) | undefined
}

const table = options<TapCallbacks, keyof TapCallbacks>({
  onOpen: optional(callback()),
  onSend: optional(callback()),
  onReceive: optional(callback()),
  onError: optional(callback()),
  onClose: optional(callback()),
})

/**
 * Observes what passes and changes nothing. A callback that throws or rejects is reported as `CALLBACK_FAILED`;
 * what it was told of goes on all the same.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function tap(given: TapCallbacks): Layer {
  const callbacks = table.read(given)
  return (next) => ({
    ...next,
    connect: async (sink, signal) => {
      const { onOpen, onSend, onReceive, onError, onClose } = harmless(callbacks, sink)
      let life: 'connecting' | 'open' | 'over' = 'connecting'
      const closed = (reason: Error | undefined): void => {
        if (life === 'open') onClose?.(reason)
        else if (life === 'connecting' && reason) onError?.(reason)
        life = 'over'
      }
      let channel: Channel
      try {
        channel = await next.connect(
          {
            ...sink,
            message: (message, context) => {
              onReceive?.(message, context)
              sink.message(message, context)
            },
            error: (error) => {
              onError?.(error)
              sink.error(error)
            },
            end: (reason) => {
              closed(reason)
              sink.end(reason)
            },
          },
          signal,
        )
      } catch (error) {
        if (life === 'connecting' && !signal.aborted) onError?.(toError(error))
        throw error
      }
      if (life === 'connecting') {
        life = 'open'
        onOpen?.(channel.peer)
      }
      return {
        ...channel,
        send: (message, options) => {
          onSend?.(message, options)
          return channel.send(message, options)
        },
        close: (reason) => {
          closed(reason)
          return channel.close(reason)
        },
      }
    },
  })
}

/** The same callbacks, none of which throws. */
function harmless(callbacks: TapCallbacks, sink: Sink): TapCallbacks {
  const harmlessly = <A extends unknown[]>(slot: string, call: ((...told: A) => void) | undefined) => {
    if (!call) return undefined
    const failed = (cause: unknown): void => {
      sink.error(callbackFailed(slot, cause))
    }
    return (...told: A): void => guarded(() => call(...told), failed)
  }
  return {
    onOpen: harmlessly('onOpen', callbacks.onOpen),
    onSend: harmlessly('onSend', callbacks.onSend),
    onReceive: harmlessly('onReceive', callbacks.onReceive),
    onError: harmlessly('onError', callbacks.onError),
    onClose: harmlessly('onClose', callbacks.onClose),
  }
}
