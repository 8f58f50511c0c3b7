import { TransportError } from '../contract/errors.js'
import { kindOf } from '../contract/options.js'

/** The error for an outgoing message over the limit. */
export function tooLargeToSend(bytes: number, maxMessageBytes: number): TransportError {
  const message = `cannot send a message of ${bytes} bytes: the limit is maxMessageBytes (${maxMessageBytes})`
  return new TransportError('MESSAGE_TOO_LARGE', message, { bytes, maxMessageBytes })
}

/** The error for a send after the end of the output, with the reason where it is known. */
export function notWritable(address: string, cause?: Error): TransportError {
  const message = `cannot send to ${address}: ${cause?.message ?? 'the connection is closing'}`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' }, { cause })
}

/** The error for a value that is sent but is no message. */
export function noMessage(given: unknown): TransportError {
  const message = `a message must be an object; received ${kindOf(given)}`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' })
}

/** The error for a received message over the limit. */
export function tooLargeToAccept(
  bytes: number,
  maxMessageBytes: number,
  address: string,
): TransportError<'MESSAGE_TOO_LARGE'> {
  return new TransportError(
    'MESSAGE_TOO_LARGE',
    `${address} sent a message longer than maxMessageBytes (${maxMessageBytes})`,
    { bytes, maxMessageBytes, option: 'maxMessageBytes', hint: 'raise it to accept more' },
  )
}

/** The error for a message that exceeds the free space of the send queue. */
export function overloaded(address: string, queuedBytes: number, maxQueuedBytes: number): TransportError {
  const message = `send queue for ${address} is full: ${queuedBytes} bytes exceed maxQueuedBytes (${maxQueuedBytes})`
  return new TransportError('OVERLOADED', message, { queuedBytes, maxQueuedBytes })
}
