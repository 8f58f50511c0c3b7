/** The parameters of a `WWW-Authenticate` challenge for bearer tokens (RFC 6750, section 3; RFC 9728, section 5.1). */
export interface ChallengeParameters {
  readonly realm?: string | undefined
  /** The URL of the protected-resource metadata, from which a client finds the authorization server. */
  readonly resourceMetadata?: string | undefined
  /** The scopes that the client has to ask for. */
  readonly scopes?: readonly string[] | undefined
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | undefined
  readonly errorDescription?: string | undefined
}

/**
 * Makes the `WWW-Authenticate` header of a refusal. Characters that a quoted string cannot carry become blanks.
 *
 * @example
 * ```ts
 * const challenge = bearerChallenge({ error: 'invalid_token', errorDescription: 'the token has expired' })
 * // Bearer error="invalid_token", error_description="the token has expired"
 * ```
 */
export function bearerChallenge(parameters: ChallengeParameters = {}): string {
  const { realm, resourceMetadata, scopes = [], error, errorDescription } = parameters
  const all: readonly [string, string | undefined][] = [
    ['realm', realm],
    ['error', error],
    ['error_description', errorDescription],
    ['scope', scopes.length > 0 ? scopes.join(' ') : undefined],
    ['resource_metadata', resourceMetadata],
  ]
  const given = all.filter(([, value]) => value !== undefined)
  return ['Bearer', given.map(([name, value]) => `${name}="${quotable(value as string)}"`).join(', ')]
    .filter((part) => part !== '')
    .join(' ')
}

/** RFC 6750 allows visible ASCII without quotation marks and backslashes. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, ' ')
}
