import type { Gate, HttpHooks } from '@mcpwire/core'
import { bearer, type ProtectedResource, protectedResource } from '@mcpwire/security'
import { discoverKeySet, jwtVerifier, remoteKeySet } from '@mcpwire/security/node'
import type { AccessFlags } from './access-flags.js'
import { forFlag } from './flag-errors.js'

/** The gate for tokens, and the metadata of this bridge as a resource. */
export interface TokenAccess {
  readonly gate: Gate
  readonly hooks: HttpHooks | undefined
}

/** The access by tokens of an authorization server, where `--jwt-issuer` names one. */
export function tokenAccess(flags: AccessFlags): TokenAccess | undefined {
  const { jwtIssuer: issuer, jwtAudience, jwksUrl, requireScope = [] } = flags
  if (issuer === undefined) return undefined
  const resource = resourceOf(flags, issuer)
  const keys =
    jwksUrl === undefined
      ? forFlag('--jwt-issuer', () => discoverKeySet(issuer))
      : forFlag('--jwks-url', () => remoteKeySet(jwksUrl))
  const audience = jwtAudience ?? resource?.audience ?? []
  const verifier = forFlag('--jwt-audience', () => jwtVerifier({ issuer, audience, keys }))
  const gate = forFlag('--require-scope', () =>
    bearer(verifier, { requiredScopes: requireScope, challenge: resource?.challenge ?? {} }),
  )
  return { gate, hooks: resource?.hooks }
}

function resourceOf({ publicUrl, requireScope }: AccessFlags, issuer: string): ProtectedResource | undefined {
  if (publicUrl === undefined) return undefined
  const scopes = requireScope?.length ? { scopes: requireScope } : {}
  return forFlag('--public-url', () =>
    protectedResource({ publicUrl, authorizationServers: [issuer], ...scopes }),
  )
}
