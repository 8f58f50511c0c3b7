import { TransportError } from '@mcpwire/core'
import { callback, callbackFailed, objectWith } from '@mcpwire/core/authoring'
import type { Fetch } from '../engines/engine.js'
import { challengeParameter } from '../headers/challenge.js'
import type { HttpAuth, HttpAuthContext } from './call/authorization.js'

/** The part of an SDK's `OAuthClientProvider` that `oauth()` itself uses. */
export interface OAuthProvider {
  tokens(): OAuthTokens | undefined | Promise<OAuthTokens | undefined>
}

/** The stored tokens of a provider. */
export interface OAuthTokens {
  readonly access_token: string
  /** The granted scopes, separated by spaces. */
  readonly scope?: string | undefined
}

/** The options of an SDK's `auth()`. v1 ignores `iss` and `forceReauthorization`. */
export interface OAuthRequest {
  serverUrl: URL
  fetchFn: Fetch
  resourceMetadataUrl?: URL
  scope?: string
  authorizationCode?: string
  iss?: string
  forceReauthorization?: boolean
}

/** The function `auth()` of an SDK. */
export type OAuthFlow<P> = (provider: P, request: OAuthRequest) => Promise<'AUTHORIZED' | 'REDIRECT'>

/** The query parameters of the redirect from the authorization server. */
export interface OAuthCallback {
  readonly code: string
  readonly iss?: string | undefined
}

/**
 * Makes the option `auth` from the `OAuthClientProvider` and the function `auth()` of either SDK. After 401 it runs the
 * OAuth flow with the challenge of the server. After 403 for a missing scope it requests the union of the granted
 * scopes and the missing ones.
 *
 * @param onRedirect Called after `auth()` has sent the user to the authorization server. Returns the parameters of the
 * redirect back, within `authTimeoutMs`. Without it `send()` rejects with `AUTH_REQUIRED`: complete the flow with
 * `auth()` and the code, then connect again. If it returns no code, `send()` rejects with `CALLBACK_FAILED`.
 * @throws TransportError `INVALID_OPTION` for a provider without `tokens()`, or another argument that is no function
 * @example
 * ```ts
 * import { auth } from '@modelcontextprotocol/client'
 *
 * const transport = httpClient({ url: 'https://mcp.example/mcp', auth: oauth(provider, auth) })
 * ```
 */
export function oauth<P extends OAuthProvider>(
  provider: P,
  auth: OAuthFlow<P>,
  onRedirect?: () => OAuthCallback | Promise<OAuthCallback>,
): Required<HttpAuth> {
  objectWith<P>(['tokens'], 'an OAuthClientProvider').check('provider', provider)
  callback().check('auth', auth)
  if (onRedirect !== undefined) callback().check('onRedirect', onRedirect)

  async function authorize(
    { response, serverUrl, fetchFn }: HttpAuthContext,
    more: Pick<OAuthRequest, 'scope' | 'forceReauthorization'>,
  ): Promise<void> {
    const metadata = parameterIn(response, 'resource_metadata') ?? ''
    const request: OAuthRequest = {
      serverUrl,
      fetchFn,
      ...(URL.canParse(metadata) && { resourceMetadataUrl: new URL(metadata) }),
      ...more,
    }
    const asked = more.forceReauthorization ? withoutRefresh(provider) : provider
    if ((await auth(asked, request)) === 'AUTHORIZED') return
    if (!onRedirect) throw pending(response, 'the user was redirected')
    const { code, iss } = requireCode(await onRedirect())
    const complete = { ...request, authorizationCode: code, ...(iss !== undefined && { iss }) }
    if ((await auth(provider, complete)) !== 'AUTHORIZED')
      throw pending(response, 'auth() redirected the user again')
  }

  return {
    token: async () => (await provider.tokens())?.access_token,
    onUnauthorized: (context) => {
      const scope = parameterIn(context.response, 'scope')
      return authorize(context, scope ? { scope } : {})
    },
    onInsufficientScope: async (context) => {
      const granted = scopesIn((await provider.tokens())?.scope)
      const scopes = new Set([...granted, ...scopesIn(parameterIn(context.response, 'scope'))])
      // A refresh cannot add scopes (RFC 6749, section 6).
      const forceReauthorization = scopes.size > new Set(granted).size
      const scope = [...scopes].join(' ')
      return authorize(context, { forceReauthorization, ...(scope !== '' && { scope }) })
    },
  }
}

/** The provider without a refresh token: `auth()` of v1 would refresh, and get no more scopes. */
function withoutRefresh<P extends OAuthProvider>(provider: P): P {
  return new Proxy(provider, {
    get(target, name) {
      if (name === 'tokens') return async () => ({ ...(await target.tokens()), refresh_token: undefined })
      const value: unknown = Reflect.get(target, name, target)
      // A provider may have private members.
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function parameterIn({ headers }: Response, name: string): string | undefined {
  return challengeParameter(headers.get('www-authenticate'), name)
}

/** Its errors contain no values: a code is a credential. */
function requireCode(given: OAuthCallback): OAuthCallback {
  const { code, iss } = (given ?? {}) as { code?: unknown; iss?: unknown }
  const isValid = typeof code === 'string' && code !== '' && (iss === undefined || typeof iss === 'string')
  if (!isValid)
    throw callbackFailed('onRedirect', new Error('it must return the texts "code" and "iss"'), 'onRedirect()')
  return given
}

function scopesIn(scope = ''): string[] {
  return scope.split(/\s+/).filter((each) => each !== '')
}

function pending({ status, headers }: Response, reason: string): TransportError {
  const challenge = headers.get('www-authenticate')
  return new TransportError('AUTH_REQUIRED', `authorization is pending: ${reason}`, {
    status,
    ...(challenge !== null && { challenge }),
    hint: 'complete the flow with auth() and the authorization code, then connect again',
  })
}
