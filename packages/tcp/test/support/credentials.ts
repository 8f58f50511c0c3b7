import type { TlsClientOptions } from '@mcpwire/core'
import type { TlsServerOptions } from '@mcpwire/core/node'
import { createAuthority } from '@mcpwire/test-support/certificates'

/** The authority of this test run, and one that is not trusted. */
export const authority = createAuthority('test authority')
export const stranger = createAuthority('another authority')

export const serverCredential = authority.issue({ name: 'server', names: ['localhost', '127.0.0.1', '::1'] })
export const aliceCredential = authority.issue({
  name: 'alice',
  organization: 'Wonderland',
  names: ['alice.test'],
})

/** Options of both ends: with a server certificate, and with a client certificate too. */
export const tls: { readonly server: TlsServerOptions; readonly client: TlsClientOptions } = {
  server: serverCredential,
  client: { ca: authority.cert },
}
export const mutualTls: { readonly server: TlsServerOptions; readonly client: TlsClientOptions } = {
  server: { ...serverCredential, ca: authority.cert },
  client: { ca: authority.cert, ...aliceCredential },
}
