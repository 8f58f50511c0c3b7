import { type Peer, TransportError } from '../index.js'

const TLS_HANDSHAKE = 0x16
const TLS_ALERT = 0x15
const TLS_VERSION = 0x03

/** What is wrong with a peer that begins to speak TLS where this end does not: its bytes would pass for a line. */
export function inspectTlsBytes(chunk: Uint8Array, { address }: Peer): Error | undefined {
  if ((chunk[0] !== TLS_HANDSHAKE && chunk[0] !== TLS_ALERT) || chunk[1] !== TLS_VERSION) return undefined
  const message = `lost ${address}: it speaks TLS, and this end does not (tls)`
  return new TransportError('PEER_LOST', message, { address })
}
