import type { Channel, Layer, Sink } from '../contract/connector.js'
import { toError } from '../contract/errors.js'
import type { JsonRpcMessage } from '../contract/message.js'
import { callback, optional } from '../contract/option-rules.js'
import { options } from '../contract/option-table.js'
import type { MessageContext, Peer, SendOptions } from '../contract/transport.js'
import { guarded } from '../timing/promises.js'
import { callbackFailed } from '../transport/transport-errors.js'

/** The callbacks of a tap. Each is called before the observed event continues. */
export interface TapCallbacks {
  /** A conversation opened. */
  onOpen?: ((peer: Peer) => void) | undefined
  /** A message is passed to the channel. The result of its `send()` is not known yet. */
  onSend?: ((message: JsonRpcMessage, options: SendOptions | undefined) => void) | undefined
  /** A message arrived. */
  onReceive?: ((message: JsonRpcMessage, context: MessageContext | undefined) => void) | undefined
  /** An error that did not end the conversation, or a failed connection. Not called for an aborted one. */
  onError?: ((error: Error) => void) | undefined
  /** An open conversation has ended or is being closed, for that reason unless the end is orderly. */
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
 * Makes a layer that observes messages and events and changes nothing. A callback that throws or rejects is reported as
 * `CALLBACK_FAILED`, and the observed event continues.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const transport = withLayers(tcpClient({ port: 7000 }), tap({ onSend: (message) => console.log(message) }))
 * ```
 */
export function tap(given: TapCallbacks): Layer {
  const callbacks = table.read(given)
  return (next) => ({
    ...next,
    connect: async (sink, signal) => {
      const { onOpen, onSend, onReceive, onError, onClose } = guardedCallbacks(callbacks, sink)
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

/** The same callbacks, which never throw. */
function guardedCallbacks(callbacks: TapCallbacks, sink: Sink): TapCallbacks {
  const guard = <A extends unknown[]>(slot: string, call: ((...args: A) => void) | undefined) => {
    if (!call) return undefined
    const failed = (cause: unknown): void => {
      sink.error(callbackFailed(slot, cause))
    }
    return (...args: A): void => guarded(() => call(...args), failed)
  }
  return {
    onOpen: guard('onOpen', callbacks.onOpen),
    onSend: guard('onSend', callbacks.onSend),
    onReceive: guard('onReceive', callbacks.onReceive),
    onError: guard('onError', callbacks.onError),
    onClose: guard('onClose', callbacks.onClose),
  }
}
