import type { AuthInfo } from '@mcpwire/core'
import { TokenError, type VerifiedToken } from '../../token-verifier.js'

/** The claims of a verified token, or the members of an introspection response. */
export type Claims = Readonly<Record<string, unknown>>

/** What a claim has to be. */
export interface ClaimRules {
  readonly requiredClaims: readonly string[]
  readonly requiredScopes: readonly string[]
}

/** The scopes of a token: `scope` (RFC 9068, RFC 7662) or `scp` (as of some servers), as a text or a list. */
function scopesIn(claims: Claims): string[] {
  const given = claims['scope'] ?? claims['scp']
  if (typeof given === 'string') return given.split(' ').filter((scope) => scope !== '')
  return Array.isArray(given) ? given.filter((scope) => typeof scope === 'string') : []
}

/** The token as `authInfo`. Throws a `TokenError` where a claim is missing. */
export function verifiedToken(token: string, claims: Claims, rules: ClaimRules): VerifiedToken {
  for (const name of rules.requiredClaims) {
    if (!Object.hasOwn(claims, name) || claims[name] === null || claims[name] === '')
      throw new TokenError('invalid_token', `the token has no claim "${name}"`)
  }
  const scopes = scopesIn(claims)
  const missing = rules.requiredScopes.filter((scope) => !scopes.includes(scope))
  if (missing.length > 0)
    throw new TokenError('insufficient_scope', `the token lacks the scope ${missing.join(' ')}`)
  const { sub, iss, exp } = claims
  const clientId = textIn(claims, 'client_id') ?? textIn(claims, 'azp') ?? textIn(claims, 'sub')
  if (clientId === undefined)
    throw new TokenError('invalid_token', 'the token names no client: it has none of client_id, azp and sub')
  const extra = {
    ...(typeof sub === 'string' && { sub }),
    ...(typeof iss === 'string' && { iss }),
  }
  const authInfo: AuthInfo = {
    token,
    clientId,
    scopes,
    ...(typeof exp === 'number' && { expiresAt: exp }),
    extra,
  }
  return { authInfo, ...(typeof exp === 'number' && { expiresAt: exp * 1_000 }) }
}

function textIn(claims: Claims, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}
