import { TransportError, toError } from '../contract/errors.js'
import type { Peer } from '../contract/transport.js'

/** The error for a callback that threw or rejected. `what` names it in the text where the slot alone is not clear. */
export function callbackFailed(slot: string, cause: unknown, what: string = slot): TransportError {
  const message = `${what} failed: ${toError(cause).message}`
  return new TransportError('CALLBACK_FAILED', message, { slot }, { cause })
}

/** The error for an operation on a closed transport, with the reason unless the end was orderly. */
export function closedError(reason: Error | undefined): Error {
  const message = reason ? `the transport is closed: ${reason.message}` : 'the transport is closed'
  return new TransportError('CLOSED', message, undefined, { cause: reason })
}

/** The error for a peer that closed the connection during `connect`. */
export function hungUpError(peer: Peer | undefined, reason: Error | undefined): Error {
  if (reason) return reason
  const address = peer?.address ?? 'the other end'
  return new TransportError('CONNECT_FAILED', `${address} hung up while connecting`, { address })
}

/** The same for a transport without any facts about its peer. */
export function closedWhileConnecting(): TransportError {
  return new TransportError('CONNECT_FAILED', 'closed while connecting', { address: 'transport' })
}
