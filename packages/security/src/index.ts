/**
 * Security of servers on every wire: gates, tokens, and hooks for HTTP. Pieces that need Node are in
 * `@mcpwire/security/node`.
 *
 * @packageDocumentation
 */
export {
  type TokenContext,
  TokenError,
  type TokenErrorCode,
  type TokenVerifier,
  type VerifiedToken,
} from './token-verifier.js'
