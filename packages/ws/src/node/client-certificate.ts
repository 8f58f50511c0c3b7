import type { TLSSocket } from 'node:tls'
import type { Refusal } from '@mcpwire/core'
import { type TlsServerEnd, tlsMeaningOf } from '@mcpwire/core/node'

/** Why the caller's certificate, or the lack of one, keeps it out; nothing where it may come in. */
export function certificateRefusal(
  socket: TLSSocket,
  { clientCertificates }: TlsServerEnd,
): Refusal | undefined {
  if (clientCertificates === 'none') return undefined
  if (!socket.getPeerX509Certificate())
    return clientCertificates === 'required' ? refuse('a client certificate is required') : undefined
  if (socket.authorized) return undefined
  // Declared as an error, yet a code.
  const code = String(socket.authorizationError)
  return refuse(`the client certificate was not accepted: ${tlsMeaningOf(code) ?? code}`)
}

function refuse(reason: string): Refusal {
  return { admit: false, status: 401, reason }
}
