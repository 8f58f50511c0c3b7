import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { onTestFinished } from 'vitest'

/** An authorization server that is not ours. Its user `alice` consents to everything. */
export interface AuthorizationServer {
  readonly issuer: string
  /** The redirects of the user, as the scopes that were asked for. */
  readonly requested: string[]
  /** The grants by which tokens were issued. */
  readonly grants: string[]
  /** The browser of the user: follows the redirects from an authorization URL to the client. */
  readonly follow: (url: URL) => Promise<{ code: string; iss?: string }>
}

/** Starts an `oidc-provider` on this host. Access tokens are JWTs for one resource, and live for `tokenSeconds`. */
export async function startAuthorizationServer(tokenSeconds: () => number): Promise<AuthorizationServer> {
  let provider: Provider | undefined
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/interaction/')) void interact(provider as Provider, request, response)
    else void provider?.callback()(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const key = { ...privateKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }
  const scopes = 'mcp:read mcp:write'
  provider = new Provider(issuer, {
    clients: [client],
    jwks: { keys: [key] } as never,
    cookies: { keys: ['test'] },
    scopes: ['openid', 'offline_access', ...scopes.split(' ')],
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => ({
          scope: scopes,
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: tokenSeconds(),
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    pkce: { required: () => true },
  })
  const requested: string[] = []
  const grants: string[] = []
  provider.on('grant.success', ({ oidc }) => grants.push(String(oidc.params?.['grant_type'])))
  const follow = async (url: URL): Promise<{ code: string; iss?: string }> => {
    requested.push(url.searchParams.get('scope') ?? '')
    return followRedirects(url)
  }
  return { issuer, requested, grants, follow }
}

/** Registered in advance: the SDKs register a client for the scopes of its first request only. */
export const client = {
  client_id: 'editor',
  redirect_uris: ['http://127.0.0.1/callback'],
  application_type: 'native' as const,
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code' as const],
  token_endpoint_auth_method: 'none' as const,
}

/** Logs the user in, and consents. */
async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: 'alice' } })
    return
  }
  const accountId = session?.accountId ?? 'alice'
  const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) })
  const scope = String(params['scope'] ?? '')
  grant.addOIDCScope(`openid offline_access ${scope}`)
  grant.addResourceScope(String(params['resource']), scope)
  const grantId = await grant.save()
  await provider.interactionFinished(request, response, { consent: { grantId } })
}

const MAX_REDIRECTS = 10

/** Follows redirects with cookies, up to the one to the client. */
async function followRedirects(start: URL): Promise<{ code: string; iss?: string }> {
  const cookies = new Map<string, string>()
  let url = start
  for (let count = 0; count < MAX_REDIRECTS; count++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
    const text = await response.text()
    for (const each of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) throw new Error(`no redirect from ${url.href}: ${response.status} ${text}`)
    url = new URL(location, url)
    const code = url.searchParams.get('code')
    const iss = url.searchParams.get('iss')
    if (code !== null) return { code, ...(iss !== null && { iss }) }
    if (url.searchParams.has('error')) throw new Error(url.search)
  }
  throw new Error('too many redirects')
}
