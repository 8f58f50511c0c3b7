import { TransportError } from '../contract/errors.js'

/** That the conversation is over, and why unless its end was orderly. */
export function closedError(reason: Error | undefined): Error {
  const message = reason ? `the transport is closed: ${reason.message}` : 'the transport is closed'
  return new TransportError('CLOSED', message, undefined, { cause: reason })
}
