import type { TLSSocket } from 'node:tls'
import type { TlsFacts } from '../index.js'

/** What TLS established about the other end of a socket whose handshake is done. */
export function tlsFactsOf(socket: TLSSocket): TlsFacts {
  const certificate = socket.getPeerX509Certificate()
  const facts = {
    protocol: socket.getProtocol() ?? 'unknown',
    // There is none once the socket is destroyed, whatever its type says.
    cipher: socket.getCipher()?.name ?? 'unknown',
    authorized: socket.authorized,
  }
  if (!certificate) return Object.freeze(facts)
  return Object.freeze({
    ...facts,
    ...subjectOf(certificate),
    ...(certificate.subjectAltName !== undefined && { altNames: namesIn(certificate.subjectAltName) }),
    fingerprint256: certificate.fingerprint256,
  })
}

/** There is none in a certificate that has but alternative names (RFC 5280, section 4.1.2.6), whatever Node's type says. */
function subjectOf({ subject }: { readonly subject?: string | undefined }): { readonly subject?: string } {
  return subject === undefined || subject === '' ? {} : { subject: subject.split('\n').join(', ') }
}

/** `DNS:a, IP Address:127.0.0.1, URI:"with, comma"` as separate names. */
function namesIn(subjectAltName: string): readonly string[] {
  const names = subjectAltName.match(/[^:,]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? []
  return Object.freeze(names.map((name) => name.trim()))
}
