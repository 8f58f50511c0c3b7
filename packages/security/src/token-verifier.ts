import type { AuthInfo, Handshake } from '@mcpwire/core'

/** What a verifier gets besides the token. */
export interface TokenContext {
  /** The caller, such as for tokens that are bound to a certificate (RFC 8705). */
  readonly handshake: Handshake
  /** Aborts when the decision comes too late, or when the listener closes. */
  readonly signal: AbortSignal
}

/** A valid token: the identity of its holder, and its end. */
export interface VerifiedToken {
  readonly authInfo: AuthInfo
  /** The end of the token, in milliseconds since the epoch. The connection then ends as `REFUSED`. */
  readonly expiresAt?: number
  /** Ends the connection as `REFUSED` when it aborts. */
  readonly revoked?: AbortSignal
}

/**
 * Verifies bearer tokens. It throws a `TokenError` for a token that is not valid. Any other error means that it could not
 * decide: the caller is then refused with 503.
 */
export interface TokenVerifier {
  verify(token: string, context: TokenContext): VerifiedToken | Promise<VerifiedToken>
}

/** An error code of bearer tokens (RFC 6750, section 3.1). */
export type TokenErrorCode = 'invalid_request' | 'invalid_token' | 'insufficient_scope'

/** The reason why a token is not valid. Its message crosses the wire: it never contains the token. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly code: TokenErrorCode

  constructor(code: TokenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
