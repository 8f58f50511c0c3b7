import type { TlsClientOptions } from '@mcpwire/core'
import type { TlsServerOptions } from '@mcpwire/core/node'
import { createAuthority } from '../../../../tooling/certificates.js'

/** Who makes the certificates of this run, and somebody else who does. */
export const authority = createAuthority('test authority')
export const stranger = createAuthority('another authority')

export const serverCredential = authority.issue({ name: 'server', names: ['localhost', '127.0.0.1', '::1'] })
export const aliceCredential = authority.issue({
  name: 'alice',
  organization: 'Wonderland',
  names: ['alice.test'],
})

/** Both ends, with a certificate of the server alone, and with one of the client too. */
export const tls: { readonly server: TlsServerOptions; readonly client: TlsClientOptions } = {
  server: serverCredential,
  client: { ca: authority.cert },
}
export const mutualTls: { readonly server: TlsServerOptions; readonly client: TlsClientOptions } = {
  server: { ...serverCredential, ca: authority.cert },
  client: { ca: authority.cert, ...aliceCredential },
}
