import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Refusal } from '../index.js'
import { watchTls } from './bind-server.js'
import { tlsMeaningOf } from './tls-errors.js'
import { ALPN_PROTOCOL, type TlsServerEnd } from './tls-options.js'

/** A server that speaks TLS on the sockets it is given with `emit('connection', socket)`. */
export interface TlsStage {
  readonly server: Server
  /** Uses new material of the source no more. */
  readonly stop: () => void
}

/**
 * Makes what speaks TLS. Certificates of callers are judged by `certificateRefusal` instead of by Node, which hangs
 * up on a caller without a word.
 *
 * Whenever the source has new material, new connections use it and old ones go on. Sessions of before are not
 * resumed, since the keys of their tickets go with the old material. Material that cannot work is reported, and the
 * old one stays.
 */
export function createTlsStage(tls: TlsServerEnd, report: (error: Error) => void): TlsStage {
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

/** Why the caller's certificate, or the lack of one, keeps it out; nothing where it may come in. */
export function certificateRefusal(socket: TLSSocket, tls: TlsServerEnd): Refusal | undefined {
  if (tls.clientCertificates === 'none') return undefined
  if (!socket.getPeerX509Certificate()) {
    return tls.clientCertificates === 'required' ? refuse('a client certificate is required') : undefined
  }
  if (socket.authorized) return undefined
  // Declared as an error, yet a code.
  const code = String(socket.authorizationError)
  return refuse(`the client certificate was not accepted: ${tlsMeaningOf(code) ?? code}`)
}

function refuse(reason: string): Refusal {
  return { admit: false, status: 401, reason }
}
