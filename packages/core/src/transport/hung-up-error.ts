import { TransportError } from '../contract/errors.js'
import type { Peer } from '../contract/transport.js'

/** Why a peer that went away while it was being connected to did so. */
export function hungUpError(peer: Peer | undefined, reason: Error | undefined): Error {
  if (reason) return reason
  const address = peer?.address ?? 'the other end'
  return new TransportError('CONNECT_FAILED', `${address} hung up while connecting`, { address })
}

/** The same of a transport of which nothing else is known. */
export function closedWhileConnecting(): TransportError {
  return new TransportError('CONNECT_FAILED', 'closed while connecting', { address: 'transport' })
}
