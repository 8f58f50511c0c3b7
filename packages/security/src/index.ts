/**
 * Security of servers on every wire: gates, tokens, and hooks for HTTP. Pieces that need Node are in
 * `@mcpwire/security/node`.
 *
 * @packageDocumentation
 */
export { bearerChallenge, type ChallengeFault, type ChallengeParameters } from './challenge.js'
export {
  type ProtectedResource,
  protectedResource,
  type ProtectedResourceOptions,
} from './resource/protected-resource.js'
export { requireScopes, type RequireScopesOptions, type ScopesByName } from './resource/require-scopes.js'
export { anyOf, anyOfDefaults, type AnyOfOptions } from './any-of.js'
export { cors, corsDefaults, type CorsOptions } from './hooks/cors.js'
export { httpHooks } from './hooks/http-hooks.js'
export {
  securityHeaders,
  securityHeadersDefaults,
  type SecurityHeadersOptions,
} from './hooks/security-headers.js'
export { proxyIdentityDefaults, type ProxyIdentityOptions } from './proxies/proxy-identity.js'
export {
  type TrustedProxies,
  trustedProxies,
  trustedProxiesDefaults,
  type TrustedProxiesOptions,
} from './proxies/trusted-proxies.js'
export { bearer, bearerDefaults, type BearerOptions } from './bearer.js'
export { hostIn } from './host-in.js'
export { mutualTls, mutualTlsDefaults, type MutualTlsOptions } from './mutual-tls.js'
export { originIn, originInDefaults, type OriginInOptions } from './origin-in.js'
export { remoteIn } from './remote-in.js'
export {
  type TokenContext,
  TokenError,
  type TokenErrorCode,
  type TokenVerifier,
  type VerifiedToken,
} from './token-verifier.js'
