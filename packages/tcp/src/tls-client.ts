import { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { TransportError } from '@mcpwire/core'
import { toRefusalMessage } from '@mcpwire/core/authoring'
import { ALPN_PROTOCOL, type TlsEnd, tlsMeaningOf } from '@mcpwire/core/node'

/** What the client side of TLS needs besides its material. */
export interface TlsTarget {
  readonly end: TlsEnd
  readonly serverName: string
  readonly address: string
}

/**
 * Puts TLS on a connected socket. Rejects with `CONNECT_FAILED`, in words that say whose fault it is, or with
 * `signal.reason`; the socket is destroyed then.
 */
export function secured(socket: Socket, target: TlsTarget, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { address } = target
    let tls: TLSSocket | undefined
    const settled = (): void => {
      signal.removeEventListener('abort', abort)
      socket.off('close', hungUp)
    }
    const fail = (reason: unknown): void => {
      settled()
      tls?.destroy()
      socket.destroy()
      reject(reason)
    }
    const abort = (): void => fail(signal.reason)
    const hungUp = (): void => fail(failed(address, new Error('it hung up during the TLS handshake')))
    if (signal.aborted) {
      abort()
      return
    }
    try {
      tls = handshake(socket, target)
    } catch (cause) {
      // A source may yield what cannot work.
      fail(cause)
      return
    }
    const opened = tls
    signal.addEventListener('abort', abort, { once: true })
    socket.once('close', hungUp)
    opened.once('error', (cause) => fail(failed(address, cause)))
    // Stays for good: between here and the channel's own listener an error would otherwise be uncaught.
    opened.on('error', () => {})
    opened.once('secureConnect', () => {
      if (opened.authorized) {
        settled()
        resolve(opened)
        return
      }
      const reason = verdictOn(opened)
      socket.off('close', hungUp)
      socket.once('close', () => fail(failed(address, reason)))
      sendCloseReason(opened, reason)
    })
  })
}

function handshake(socket: Socket, { end, serverName }: TlsTarget): TLSSocket {
  return connect({
    ...end.current(),
    socket,
    minVersion: end.minVersion,
    ALPNProtocols: [ALPN_PROTOCOL],
    // A name, not an address, goes into the handshake (RFC 6066, section 3); both are verified.
    ...(isIP(serverName) === 0 && { servername: serverName }),
    host: serverName,
    ...(isIP(serverName) !== 0 && { checkServerIdentity: checkAddress }),
    // Judged by `authorized` above, which also holds where NODE_TLS_REJECT_UNAUTHORIZED is 0.
    rejectUnauthorized: false,
  })
}

/** Asks OpenSSL, since Node 22 does not recognise IPv6 addresses among the names of a certificate. */
function checkAddress(address: string, { raw }: PeerCertificate): Error | undefined {
  if (new X509Certificate(raw).checkIP(address) !== undefined) return undefined
  return Object.assign(new Error(`${address} is not in the certificate`), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
}

function verdictOn(tls: TLSSocket): Error {
  // Declared as an error, yet a code.
  const code = String(tls.authorizationError)
  return Object.assign(new Error(tlsMeaningOf(code) ?? code), { code })
}

/** Node has no way to send the alert that TLS has for this: the server would only see the connection end. */
function sendCloseReason(tls: TLSSocket, reason: Error): void {
  const words = `the certificate of the server was not accepted: ${reason.message}`
  const message = toRefusalMessage({ admit: false, status: 403, reason: words })
  tls.resume()
  tls.end(`${JSON.stringify(message)}\n`, () => tls.destroySoon())
}

function failed(address: string, cause: Error): Error {
  const message = `cannot connect to ${address}: ${tlsMeaningOf(cause) ?? cause.message}`
  return new TransportError('CONNECT_FAILED', message, { address }, { cause })
}
