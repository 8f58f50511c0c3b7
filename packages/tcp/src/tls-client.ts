import { isIP, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { TransportError } from '@mcpwire/core'
import { ALPN_PROTOCOL, type TlsEnd, tlsMeaningOf } from '@mcpwire/core/node'

/** What the client side of TLS needs besides its material. */
export interface TlsTarget {
  readonly end: TlsEnd
  readonly serverName: string
  readonly address: string
}

/** Puts TLS on a connected socket. Rejects with `CONNECT_FAILED`, in words that say whose fault it is. */
export function secured(
  socket: Socket,
  { end, serverName, address }: TlsTarget,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = connect({
      ...end.current(),
      socket,
      minVersion: end.minVersion,
      ALPNProtocols: [ALPN_PROTOCOL],
      // A name, not an address, goes into the handshake (RFC 6066, section 3); both are verified.
      ...(isIP(serverName) === 0 && { servername: serverName }),
      host: serverName,
    })
    const abort = (): void => {
      tls.destroy()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    const settled = (): void => {
      signal.removeEventListener('abort', abort)
      socket.off('close', hungUp)
    }
    const hungUp = (): void => {
      settled()
      reject(failed(address, new Error('it hung up during the TLS handshake')))
    }
    socket.once('close', hungUp)
    tls.once('error', (cause) => {
      settled()
      reject(failed(address, cause))
    })
    tls.on('error', () => {})
    tls.once('secureConnect', () => {
      settled()
      resolve(tls)
    })
  })
}

function failed(address: string, cause: Error): Error {
  const message = `cannot connect to ${address}: ${tlsMeaningOf(cause) ?? cause.message}`
  return new TransportError('CONNECT_FAILED', message, { address }, { cause })
}
