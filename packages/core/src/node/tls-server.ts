import { createServer, type Server, type TLSSocket } from 'node:tls'
import { toError } from '../authoring.js'
import { type Refusal, TransportError } from '../index.js'
import { ALPN_PROTOCOL } from './tls-options.js'
import { describeTlsError } from './tls-peer.js'
import type { TlsServerEnd } from './tls-server-options.js'

/** Terminates TLS on the sockets that it receives through `server.emit('connection', socket)`. */
export interface TlsTerminator {
  readonly server: Server
  /** Stops the use of new material. */
  readonly stop: () => void
}

/**
 * Creates a TLS terminator. `certificateRefusal` verifies client certificates instead of Node, which would close the
 * connection without a message. New material of the source applies as in `watchTls`.
 */
export function createTlsTerminator(tls: TlsServerEnd, report: (error: Error) => void): TlsTerminator {
  const server = createServer({
    ...tls.current(),
    minVersion: tls.minVersion,
    ALPNProtocols: [ALPN_PROTOCOL],
    handshakeTimeout: tls.handshakeTimeoutMs,
    requestCert: tls.clientCertificates !== 'none',
    rejectUnauthorized: false,
  })
  const watching = watchTls(server, tls, report)
  return { server, stop: () => watching[Symbol.dispose]() }
}

/**
 * Applies new material of the source to new connections, and reports failed handshakes. Old connections continue.
 * Old sessions cannot be resumed, since the old ticket keys are gone. Invalid material is reported, and the old one
 * stays. Errors of the source are reported too. Dispose of it when the server closes.
 *
 * @example
 * ```ts
 * const watching = watchTls(server, loadTlsServer(options), (error) => sink.error(error))
 * ```
 */
export function watchTls(server: Server, tls: TlsServerEnd, report: (error: Error) => void): Disposable {
  let isClosing = false
  server.on('tlsClientError', (cause, socket) => {
    const address = socket.remoteAddress ?? 'a client'
    // Node leaves the socket open after a handshake timeout.
    socket.destroy()
    if (isClosing) return
    const { reason, ...advice } = describeTlsError(cause) ?? { reason: cause.message }
    const message = `TLS handshake with ${address} failed: ${reason}`
    report(new TransportError('PEER_LOST', message, { address, ...advice }, { cause }))
  })
  const following = tls.source?.onChange(() => {
    try {
      server.setSecureContext({ ...tls.current(), minVersion: tls.minVersion })
    } catch (error) {
      report(toError(error))
    }
  })
  const errors = tls.source?.onError?.((error) => report(toError(error)))
  return {
    [Symbol.dispose]: () => {
      isClosing = true
      following?.[Symbol.dispose]()
      errors?.[Symbol.dispose]()
    },
  }
}

/** The refusal for a client certificate that is missing or not accepted; nothing if the client may connect. */
export function certificateRefusal(socket: TLSSocket, tls: TlsServerEnd): Refusal | undefined {
  if (tls.clientCertificates === 'none') return undefined
  if (!socket.getPeerX509Certificate()) {
    return tls.clientCertificates === 'required' ? refuse('a client certificate is required') : undefined
  }
  if (socket.authorized) return undefined
  // Declared as an error, yet a code.
  const code = String(socket.authorizationError)
  return refuse(`the client certificate was not accepted: ${describeTlsError(code)?.reason ?? code}`)
}

function refuse(reason: string): Refusal {
  return { admit: false, status: 401, reason }
}
