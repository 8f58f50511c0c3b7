import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { onTestFinished } from 'vitest'

/** An authorization server of a test: its metadata, its keys, and the tokens that it issues. */
export interface Issuer {
  readonly url: string
  readonly keysUrl: string
  /** A token for that audience, valid for five minutes. */
  token(claims: JWTPayload & { readonly aud: string }): Promise<string>
}

/** Starts an authorization server on this host. */
export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const key = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  const server = createServer((request, response) => {
    const found = documents()[request.url ?? '']
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ?? {}))
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const keysUrl = `${url}/keys`
  const documents = (): Record<string, object> => ({
    '/.well-known/oauth-authorization-server': { issuer: url, jwks_uri: keysUrl },
    '/keys': { keys: [key] },
  })
  return {
    url,
    keysUrl,
    token: (claims) =>
      new SignJWT({ client_id: 'desk', sub: 'ada', ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt' })
        .setIssuer(url)
        .setIssuedAt()
        .setExpirationTime(claims.exp ?? '5m')
        .sign(privateKey),
  }
}
