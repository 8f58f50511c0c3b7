/**
 * Security of servers on every wire: gates, tokens, and hooks for HTTP. Pieces that need Node are in
 * `@mcpwire/security/node`.
 *
 * @packageDocumentation
 */
export { bearerChallenge, type ChallengeParameters } from './challenge.js'
export {
  type ProtectedResource,
  protectedResource,
  type ProtectedResourceOptions,
} from './resource/protected-resource.js'
export { requireScopes, type RequireScopesOptions, type ScopesByName } from './resource/require-scopes.js'
export {
  type TokenContext,
  TokenError,
  type TokenErrorCode,
  type TokenVerifier,
  type VerifiedToken,
} from './token-verifier.js'
