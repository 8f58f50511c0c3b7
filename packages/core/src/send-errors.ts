import { TransportError } from './errors.js'
import type { JsonRpcMessage } from './message.js'

/** The JSON text of a message. Throws `SEND_FAILED` where there is none, as of a cycle or a `BigInt`. */
export function toJson(message: JsonRpcMessage): string {
  let cause: unknown
  try {
    const text: string | undefined = JSON.stringify(message)
    if (text !== undefined) return text
  } catch (error) {
    cause = error
  }
  throw new TransportError('SEND_FAILED', 'the message has no JSON text', { delivery: 'none' }, { cause })
}

/** The error for a message of our own that is over the limit. */
export function tooLargeToSend(bytes: number, maxMessageBytes: number): TransportError {
  const message = `a message of ${bytes} bytes is longer than maxMessageBytes (${maxMessageBytes}); nothing was sent`
  return new TransportError('MESSAGE_TOO_LARGE', message, { bytes, maxMessageBytes })
}

/** The error for a message that the outbound queue has no room for. */
export function overloaded(address: string, queuedBytes: number, maxQueuedBytes: number): TransportError {
  const message = `${queuedBytes} bytes would wait for ${address}, more than maxQueuedBytes (${maxQueuedBytes})`
  return new TransportError('OVERLOADED', message, { queuedBytes, maxQueuedBytes })
}
