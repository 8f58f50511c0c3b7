import { TransportError } from '../contract/errors.js'
import { kindOf } from '../contract/options.js'

/** The error for a message of our own that is over the limit. */
export function tooLargeToSend(bytes: number, maxMessageBytes: number): TransportError {
  const message = `a message of ${bytes} bytes is longer than maxMessageBytes (${maxMessageBytes}); nothing was sent`
  return new TransportError('MESSAGE_TOO_LARGE', message, { bytes, maxMessageBytes })
}

/** What a send is answered with once nothing can leave any more, for that reason where one is known. */
export function notWritable(address: string, cause?: Error): TransportError {
  const message = `${address} takes no more messages${cause ? `: ${cause.message}` : ''}`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' }, { cause })
}

/** The error for what was to be sent and is no message. */
export function noMessage(given: unknown): TransportError {
  const message = `a message must be an object; received ${kindOf(given)}`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' })
}

/** The error for a message of the peer that is over the limit. */
export function tooLargeToAccept(bytes: number, maxMessageBytes: number, address: string): TransportError {
  const message = `${address} sent a message longer than maxMessageBytes (${maxMessageBytes}); raise it to accept more`
  return new TransportError('MESSAGE_TOO_LARGE', message, { bytes, maxMessageBytes })
}

/** The error for a message that the outbound queue has no room for. */
export function overloaded(address: string, queuedBytes: number, maxQueuedBytes: number): TransportError {
  const message = `${queuedBytes} bytes would wait for ${address}, more than maxQueuedBytes (${maxQueuedBytes})`
  return new TransportError('OVERLOADED', message, { queuedBytes, maxQueuedBytes })
}
