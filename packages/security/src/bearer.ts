/*
 *   Authorization                        result
 *   none, or another scheme              401, challenge without an error
 *   no token, several, other characters  400 invalid_request
 *   a token ──▶ verifier ──TokenError──▶ 400, 401 or 403 by its code
 *                  │ └─────other error─▶ 503, the error goes to `onerror` of the listener
 *                  └─▶ requiredScopes ─▶ 403 insufficient_scope, or admitted until the token expires
 */
import type { Admission, Gate, Handshake, Refusal } from '@mcpwire/core'
import {
  defaultsOf,
  list,
  matching,
  type OptionDefaults,
  objectWith,
  options,
  rule,
} from '@mcpwire/core/authoring'
import { bearerChallenge, type ChallengeParameters, describeFault, requireChallenge } from './challenge.js'
import { headerOf, refusal } from './handshake-headers.js'
import { hideSecret, withoutSecret } from './redaction.js'
import type { TokenError, TokenErrorCode, TokenVerifier, VerifiedToken } from './token-verifier.js'

/** Options of `bearer`. */
export interface BearerOptions {
  /**
   * Scopes that a token needs for every request. A token without one of them is refused with 403.
   * @defaultValue []
   */
  requiredScopes?: readonly string[] | undefined
  /**
   * Parameters of the challenge for refused callers, or a function that returns them for a caller. The default of its
   * `scope` are the required scopes.
   * @defaultValue {}
   */
  challenge?: ChallengeParameters | ((handshake: Handshake) => ChallengeParameters) | undefined
}

/** One scope (RFC 6749, section 3.3). */
const scope = matching<string>(
  (value) => typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value),
  'a scope: printable ASCII without blanks, quotes and backslashes',
)

const table = options<BearerOptions>({
  requiredScopes: { ...list(scope), defaultValue: [] },
  challenge: rule<NonNullable<BearerOptions['challenge']>, ChallengeParameters>((option, value) => {
    if (typeof value !== 'function') requireChallenge(option, value)
  }, {}),
})

/** Defaults of the options of `bearer`. */
export const bearerDefaults: OptionDefaults<BearerOptions> = /* @__PURE__ */ defaultsOf(table)

const verifierRule = objectWith<TokenVerifier>(['verify'], 'a TokenVerifier')

const STATUS: Readonly<Record<TokenErrorCode, 400 | 401 | 403>> = {
  invalid_request: 400,
  invalid_token: 401,
  insufficient_scope: 403,
}

/** The scheme, and all after it (RFC 9110, section 11.4). */
const SCHEME = /^bearer(?:[ \t]+(.*))?$/is
/** The characters of a token (RFC 6750, section 2.1). */
const TOKEN = /^[\w\-.~+/]+=*$/

/**
 * Makes a gate that admits callers with a valid token in `Authorization: Bearer` (RFC 6750), until the token expires. The
 * scheme has no case. Tokens in a query or a body are not read.
 *
 * - Without a token the caller gets 401 and the challenge `Bearer`.
 * - With a malformed header, or several tokens, it gets 400 `invalid_request`.
 * - A `TokenError` of the verifier becomes 400, 401 or 403.
 * - If the verifier fails otherwise, the caller gets 503. The error goes to `onerror` of the listener, without the token.
 *
 * On TCP and Unix sockets the header comes in the preamble, and from pages over WebSocket in a subprotocol (option
 * `tokenInSubprotocol` of the server).
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const gate = bearer(verifier, { requiredScopes: ['mcp'] })
 * ```
 */
export function bearer(verifier: TokenVerifier, given: BearerOptions = {}): Gate {
  verifierRule.check('verifier', verifier)
  const { requiredScopes, challenge } = table.read(given)
  const scopes = [...requiredScopes]
  const parametersFor = (handshake: Handshake): ChallengeParameters => {
    const parameters = typeof challenge === 'function' ? challenge(handshake) : challenge
    return scopes.length === 0 ? parameters : { scope: scopes.join(' '), ...parameters }
  }
  const refuse = (handshake: Handshake, error: TokenErrorCode, description: string): Refusal => {
    const error_description = describeFault(description)
    const fault = { error, error_description }
    return refusal(STATUS[error], error_description, bearerChallenge(parametersFor(handshake), fault))
  }
  return {
    async admit(handshake, signal) {
      const match = SCHEME.exec(headerOf(handshake, 'authorization') ?? '')
      if (!match) {
        return refusal(401, 'a bearer token is required', bearerChallenge(parametersFor(handshake)))
      }
      const token = match[1]?.trim() ?? ''
      if (!TOKEN.test(token))
        return refuse(handshake, 'invalid_request', 'the Authorization header must have one bearer token')
      let verified: VerifiedToken
      try {
        verified = await verifier.verify(token, { handshake, signal })
      } catch (error) {
        if (isTokenError(error)) return refuse(handshake, error.code, hideSecret(error.message, token))
        throw withoutSecret(error, token)
      }
      const admission = admissionOf(verified)
      const held = admission.authInfo.scopes
      if (scopes.every((each) => held.includes(each))) return admission
      return refuse(handshake, 'insufficient_scope', `the token needs the scopes: ${scopes.join(' ')}`)
    },
  }
}

/** By name: an application may have several copies of this package. */
function isTokenError(error: unknown): error is TokenError {
  const { name, code } = (error ?? {}) as Partial<TokenError>
  return error instanceof Error && name === 'TokenError' && Object.hasOwn(STATUS, String(code))
}

/** The admission of a token. Throws where the verifier has returned none: an invalid end must not count as unlimited. */
function admissionOf(verified: VerifiedToken): Admission & Required<Pick<Admission, 'authInfo'>> {
  const { authInfo, expiresAt = Infinity, revoked } = verified ?? {}
  if (typeof authInfo?.clientId !== 'string' || !Array.isArray(authInfo.scopes))
    throw new Error('the verifier returned no authInfo with clientId and scopes')
  const inSeconds = authInfo.expiresAt ?? Infinity
  if (typeof expiresAt !== 'number' || typeof inSeconds !== 'number')
    throw new Error('the verifier returned an expiresAt that is no number')
  const end = Math.min(expiresAt, inSeconds * 1_000)
  // No end means no limit. An end that is not a number must not mean the same.
  if (Number.isNaN(end)) throw new Error('the verifier returned an expiresAt that is no number')
  return {
    admit: true,
    authInfo: end === Infinity ? authInfo : { ...authInfo, expiresAt: Math.floor(end / 1_000) },
    ...(end !== Infinity && { expiresAt: end }),
    ...(revoked !== undefined && { revoked }),
  }
}
