import type { Server, TLSSocket, TlsOptions } from 'node:tls'
import { type Refusal, toError } from '../index.js'
import { tlsMeaningOf } from './tls-errors.js'
import { ALPN_PROTOCOL, type TlsServerEnd } from './tls-options.js'

/**
 * The options for a server of `node:tls`. Certificates of callers are judged by `certificateRefusal` instead of by
 * Node, which hangs up on a caller without a word.
 */
export function tlsServerOptions(tls: TlsServerEnd): TlsOptions {
  return {
    ...tls.current(),
    minVersion: tls.minVersion,
    ALPNProtocols: [ALPN_PROTOCOL],
    handshakeTimeout: tls.handshakeTimeoutMs,
    requestCert: tls.clientCertificates !== 'none',
    rejectUnauthorized: false,
  }
}

/**
 * Gives a server new material whenever its source has some. Connections go on as they are; sessions of before are
 * not resumed, since the keys of their tickets go with the old material. Material that cannot work is reported, and
 * the old one stays.
 */
export function followTlsSource(server: Server, tls: TlsServerEnd, report: (error: Error) => void): void {
  const following = tls.source?.onchange(() => {
    try {
      server.setSecureContext({ ...tls.current(), minVersion: tls.minVersion })
    } catch (error) {
      report(toError(error))
    }
  })
  server.once('close', () => following?.[Symbol.dispose]())
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
