/**
 * Security of servers on every wire: gates, tokens, and hooks for HTTP. Pieces that need Node are in
 * `@mcpwire/security/node`.
 *
 * @packageDocumentation
 */
export { anyOf, anyOfDefaults, type AnyOfOptions } from './any-of.js'
export { bearer, bearerDefaults, type BearerOptions } from './bearer.js'
export type { ChallengeParameters } from './challenge.js'
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
