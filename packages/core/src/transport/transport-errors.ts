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

/** The error for a peer that closed the connection while it was being opened, unless there is a reason. */
export function closedByPeer(peer: Peer | undefined, reason: Error | undefined): Error {
  if (reason) return reason
  const address = peer?.address ?? 'the peer'
  return new TransportError('CONNECT_FAILED', `${address} closed the connection while it was being opened`, {
    address,
  })
}

/** The same for a transport without facts about its peer. */
export function closedWhileStarting(): TransportError {
  const message = 'the transport closed during start()'
  return new TransportError('CONNECT_FAILED', message, { address: 'transport' })
}
