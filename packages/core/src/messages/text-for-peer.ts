import { isTransportError, type TransportErrorCode } from '../contract/errors.js'

/** Errors about what the peer did itself, or about what was decided about it. */
const ABOUT_PEER: readonly TransportErrorCode[] = [
  'AUTH_REQUIRED',
  'MALFORMED_MESSAGE',
  'MESSAGE_TOO_LARGE',
  'REFUSED',
]

/** An address, each of which starts with its scheme: `tcp://`, `unix:/`, `stdio:`. */
const ADDRESS = /[a-z]:\S/i

/**
 * What the peer at that address may read of why its conversation ends, if anything: nobody knows what other texts give
 * away. One that names another address is about an upstream that `pipe` leads to.
 */
export function textForPeer(reason: Error | undefined, address: string): string | undefined {
  if (!isTransportError(reason) || !ABOUT_PEER.includes(reason.code)) return undefined
  return ADDRESS.test(reason.message.replaceAll(address, '')) ? undefined : reason.message
}
