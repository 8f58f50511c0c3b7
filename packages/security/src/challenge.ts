import { optionError } from '@mcpwire/core/authoring'
import type { TokenErrorCode } from './token-verifier.js'

/** Parameters of the challenge `WWW-Authenticate: Bearer` that do not depend on the fault. */
export interface ChallengeParameters {
  /** The name of the protected area (RFC 9110, section 11.5). */
  readonly realm?: string | undefined
  /** The scopes that a token needs, separated by spaces (RFC 6750, section 3). */
  readonly scope?: string | undefined
  /** The URL of the metadata of the protected resource (RFC 9728, section 5.1). */
  readonly resource_metadata?: string | undefined
}

/** The fault of a token, as parameters of a challenge (RFC 6750, section 3). */
export interface ChallengeFault {
  readonly error: TokenErrorCode
  readonly error_description: string
}

const NAMES: readonly string[] = [
  'realm',
  'scope',
  'resource_metadata',
] satisfies (keyof ChallengeParameters)[]

/** The characters of RFC 6750, section 3: a quoted string of them needs no escapes. */
const VALUE = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** The longest description in a challenge, in characters. */
const MAX_DESCRIPTION = 200

/**
 * Makes the challenge for a caller without a valid token, for the `challenge` of a refusal. Its values cannot end the header
 * or a quoted string.
 *
 * @example
 * ```ts
 * const fault = { error: 'invalid_token', error_description: 'the token has expired' } as const
 * const challenge = bearerChallenge({ realm: 'wiki' }, fault)
 * // Bearer realm="wiki", error="invalid_token", error_description="the token has expired"
 * ```
 */
export function bearerChallenge(parameters: ChallengeParameters = {}, fault?: ChallengeFault): string {
  const { realm, scope, resource_metadata } = parameters
  const all: Record<string, string | undefined> = { realm, ...fault, scope, resource_metadata }
  const written = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${quotable(value)}"`],
  )
  return written.length === 0 ? 'Bearer' : `Bearer ${written.join(', ')}`
}

/** Throws `INVALID_OPTION` unless the value has the parameters of a challenge, with characters that it can contain. */
export function requireChallenge(option: string, value: unknown): asserts value is ChallengeParameters {
  if (typeof value !== 'object' || value === null) throw optionError(option, 'must be an object')
  for (const [name, each] of Object.entries(value)) {
    const member = `${option}.${name}`
    if (!NAMES.includes(name))
      throw optionError(member, 'is not known', { hint: `known: ${NAMES.join(', ')}` })
    if (each !== undefined && !(typeof each === 'string' && VALUE.test(each)))
      throw optionError(member, 'must be a string of printable ASCII without quotes and backslashes')
  }
}

/** A text for a challenge: one line of the permitted characters, cut to a limit. */
export function describeFault(text: string): string {
  return quotable(text.slice(0, MAX_DESCRIPTION))
}

function quotable(text: string): string {
  return text.replaceAll('"', "'").replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]+/g, ' ')
}
