import { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { TransportError } from '@mcpwire/core'
import { ignore, onAbort, toRefusalMessage } from '@mcpwire/core/authoring'
import { ALPN_PROTOCOL, describeTlsError, type TlsEnd } from '@mcpwire/core/node'

/** TLS settings of a client, and the server to verify. */
export interface TlsTarget {
  readonly end: TlsEnd
  readonly serverName: string
  readonly address: string
}

/**
 * Performs the TLS handshake on a connected socket and verifies the server. Rejects with `CONNECT_FAILED` or
 * `signal.reason`, and destroys the socket then.
 */
export function secureSocket(socket: Socket, target: TlsTarget, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { address } = target
    let tls: TLSSocket
    try {
      signal.throwIfAborted()
      tls = handshake(socket, target)
    } catch (cause) {
      // A source may return invalid material.
      socket.destroy()
      reject(cause)
      return
    }
    const settle = (): void => {
      unsubscribe()
      socket.off('close', onclose)
    }
    const fail = (reason: unknown): void => {
      settle()
      tls.destroy()
      socket.destroy()
      reject(reason)
    }
    const onclose = (): void => fail(failed(address, new Error('it disconnected during the TLS handshake')))
    const unsubscribe = onAbort(signal, () => fail(signal.reason))
    socket.once('close', onclose)
    tls.once('error', (cause) => fail(failed(address, cause)))
    // Never removed: between here and the channel's own listener an error would otherwise be uncaught.
    tls.on('error', ignore)
    tls.once('secureConnect', () => {
      if (tls.authorized) {
        settle()
        resolve(tls)
        return
      }
      const reason = verificationError(tls)
      socket.off('close', onclose)
      socket.once('close', () => fail(failed(address, reason)))
      sendRefusal(tls, reason)
    })
  })
}

function handshake(socket: Socket, { end, serverName }: TlsTarget): TLSSocket {
  return connect({
    ...end.current(),
    socket,
    minVersion: end.minVersion,
    ALPNProtocols: [ALPN_PROTOCOL],
    // Only a name, not an address, may be sent as SNI (RFC 6066, section 3); both are verified.
    ...(isIP(serverName) === 0 && { servername: serverName }),
    host: serverName,
    ...(isIP(serverName) !== 0 && { checkServerIdentity: checkAddress }),
    // Verified by `authorized` above, which also holds when NODE_TLS_REJECT_UNAUTHORIZED is 0.
    rejectUnauthorized: false,
  })
}

/** Uses OpenSSL, since Node 22 does not recognise IPv6 addresses among the names of a certificate. */
function checkAddress(address: string, { raw }: PeerCertificate): Error | undefined {
  if (new X509Certificate(raw).checkIP(address) !== undefined) return undefined
  return Object.assign(new Error(`${address} is not in the certificate`), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
}

function verificationError(tls: TLSSocket): Error {
  // Declared as an error, yet a code.
  const code = String(tls.authorizationError)
  return Object.assign(new Error(describeTlsError(code)?.reason ?? code), { code })
}

/** Sends the reason as a refusal: Node cannot send the TLS alert, so that the server would see a plain close. */
function sendRefusal(tls: TLSSocket, reason: Error): void {
  const text = `the certificate of the server was not accepted: ${reason.message}`
  const message = toRefusalMessage({ admit: false, status: 403, reason: text })
  tls.resume()
  tls.end(`${JSON.stringify(message)}\n`, () => tls.destroySoon())
}

function failed(address: string, cause: Error): Error {
  const { reason, ...advice } = describeTlsError(cause) ?? { reason: cause.message }
  const message = `cannot connect to ${address}: ${reason}`
  return new TransportError('CONNECT_FAILED', message, { address, ...advice }, { cause })
}
