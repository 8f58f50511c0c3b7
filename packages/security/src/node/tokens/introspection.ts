import type { Clock, Handshake } from '@mcpwire/core'
import {
  callback,
  clock,
  defaultsOf,
  inRange,
  integer,
  type OptionDefaults,
  type OptionSettings,
  optional,
  options,
  rejectOption,
  rule,
  text,
} from '@mcpwire/core/authoring'
import {
  type TokenContext,
  TokenError,
  type TokenVerifier,
  type VerifiedToken,
} from '../../token-verifier.js'
import { type Fetch, fetchJson } from './bounded-fetch.js'
import { type ClaimRules, type Claims, verifiedToken } from './claims.js'
import { boundCertificate, requireCertificate } from './confirmation.js'
import { listOf, oneOrMoreTexts, secureUrl, texts } from './token-options.js'
import { digestOf, TokenCache } from './verified-tokens.js'

/** Options of `introspection`. */
export interface IntrospectionOptions {
  /** The introspection endpoint of the authorization server. */
  url: string | URL
  /** The client id of this resource server there. */
  clientId: string
  /** The secret of this resource server. */
  clientSecret: string
  /** The audience (`aud`) that a token must name: this resource, or one of several names of it. */
  audience: string | readonly string[]
  /**
   * The issuer (`iss`) that a response must name where it names one.
   * @defaultValue undefined
   */
  issuer?: string | undefined
  /**
   * Scopes that a token must have.
   * @defaultValue []
   */
  requiredScopes?: readonly string[] | undefined
  /**
   * The longest token, in characters.
   * @defaultValue 16_384
   */
  maxTokenLength?: number | undefined
  /**
   * The time limit of a request, in milliseconds.
   * @defaultValue 3_000
   */
  timeoutMs?: number | undefined
  /**
   * The longest response, in bytes.
   * @defaultValue 65_536
   */
  maxBytes?: number | undefined
  /**
   * The most active tokens that are stored, by their SHA-256. As many others are stored besides.
   * @defaultValue 1_000
   */
  maxCachedTokens?: number | undefined
  /**
   * The longest time for which a response is stored, in milliseconds. A token that is revoked opens connections no longer.
   * A connection that is open ends with the token (`exp`), since its token is not asked about again.
   * @defaultValue 30_000
   */
  cacheMs?: number | undefined
  /**
   * The most requests at once. Further tokens are refused with 503.
   * @defaultValue 100
   */
  maxRequests?: number | undefined
  /**
   * The function for requests, such as one with a proxy. Without it, the global `fetch`.
   * @defaultValue undefined
   */
  fetch?: Fetch | undefined
  /**
   * The source of time.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

const secret = rule<string>((option, value) => {
  if (typeof value !== 'string' || value === '') rejectOption(option, 'a text that is not empty')
})

const table = options<IntrospectionOptions, 'issuer' | 'fetch'>({
  url: secureUrl(),
  clientId: text(),
  clientSecret: secret,
  audience: oneOrMoreTexts(),
  issuer: optional(text()),
  requiredScopes: texts([]),
  maxTokenLength: integer(1, 1_048_576, 16_384),
  timeoutMs: inRange(1, Infinity, 3_000),
  maxBytes: integer(1, Infinity, 65_536),
  maxCachedTokens: integer(0, 1_000_000, 1_000),
  cacheMs: inRange(0, Infinity, 30_000),
  maxRequests: integer(1, Infinity, 100),
  fetch: optional(callback<Fetch>()),
  clock: clock(),
})

/** The defaults of `introspection`. */
export const introspectionDefaults: OptionDefaults<IntrospectionOptions, 'issuer' | 'fetch'> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * Makes a verifier of opaque tokens, for `bearer()`: it asks the authorization server about each (RFC 7662). One request at a
 * time asks about the same token, and responses are stored for a short time. A response without `active: true`, or for
 * another audience, refuses the token. When there is no response, callers are refused with 503.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const verifier = introspection({
 *   url: 'https://login.example.com/introspect',
 *   clientId: 'mcp-server',
 *   clientSecret: process.env.CLIENT_SECRET ?? '',
 *   audience: 'https://mcp.example.com/mcp',
 * })
 * ```
 */
export function introspection(given: IntrospectionOptions): TokenVerifier {
  return new Introspection(table.read(given))
}

/** The response about a token: its members, or that it is not active. */
type Answer = Claims | 'inactive'

class Introspection implements TokenVerifier {
  readonly #settings: OptionSettings<IntrospectionOptions, 'issuer' | 'fetch'>
  readonly #claimRules: ClaimRules
  readonly #active: TokenCache<Claims>
  /** Apart from the others: a caller needs no credential to send tokens that are not active. */
  readonly #inactive: TokenCache<'inactive'>
  /** The requests that are under way, by the digest of their token. */
  readonly #asking = new Map<string, Promise<Answer>>()

  constructor(settings: OptionSettings<IntrospectionOptions, 'issuer' | 'fetch'>) {
    this.#settings = settings
    this.#claimRules = { requiredClaims: [], requiredScopes: settings.requiredScopes }
    this.#active = new TokenCache(settings.maxCachedTokens, settings.clock)
    this.#inactive = new TokenCache(settings.maxCachedTokens, settings.clock)
  }

  verify(token: string, { handshake }: TokenContext): VerifiedToken | Promise<VerifiedToken> {
    const { maxTokenLength } = this.#settings
    if (token.length > maxTokenLength)
      throw new TokenError('invalid_token', `the token is longer than ${maxTokenLength} characters`)
    const digest = digestOf(token)
    const known = this.#active.get(digest) ?? this.#inactive.get(digest)
    if (known) return this.#accept(token, known, handshake)
    return this.#ask(token, digest).then((answer) => this.#accept(token, answer, handshake))
  }

  /** Not aborted with one of its callers: others may wait for the same response. */
  #ask(token: string, digest: string): Promise<Answer> {
    const pending = this.#asking.get(digest)
    if (pending) return pending
    const { maxRequests } = this.#settings
    if (this.#asking.size >= maxRequests)
      return Promise.reject(new Error(`maxRequests (${maxRequests}) introspection requests are under way`))
    const asking = this.#request(token).then((answer) => {
      this.#remember(digest, answer)
      return answer
    })
    this.#asking.set(digest, asking)
    return asking.finally(() => this.#asking.delete(digest))
  }

  async #request(token: string): Promise<Answer> {
    const { url, clientId, clientSecret } = this.#settings
    const response = await fetchJson(String(url), this.#settings, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        authorization: basic(clientId, clientSecret),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
    })
    return response['active'] === true ? response : 'inactive'
  }

  #remember(digest: string, answer: Answer): void {
    const { cacheMs, clock: time } = this.#settings
    const until = time.epochNow() + cacheMs
    if (answer === 'inactive') {
      this.#inactive.set(digest, answer, until)
      return
    }
    const { exp } = answer
    this.#active.set(digest, answer, typeof exp === 'number' ? Math.min(until, exp * 1_000) : until)
  }

  #accept(token: string, answer: Answer, { tls }: Handshake): VerifiedToken {
    if (answer === 'inactive') throw new TokenError('invalid_token', 'the token is not active')
    const { issuer, audience, clock: time } = this.#settings
    const { aud, iss, exp, nbf, cnf } = answer
    const now = time.epochNow() / 1_000
    const accepted = listOf(audience)
    const named: unknown[] = Array.isArray(aud) ? aud : [aud]
    if (!named.some((each) => typeof each === 'string' && accepted.includes(each)))
      throw new TokenError('invalid_token', 'the token is for another audience')
    if (issuer !== undefined && iss !== undefined && iss !== issuer)
      throw new TokenError('invalid_token', 'the token is from another issuer')
    if (![exp, nbf].every(isTimeOrNone))
      throw new TokenError('invalid_token', 'a time in the token is no number')
    if (typeof exp === 'number' && exp <= now) throw new TokenError('invalid_token', 'the token has expired')
    if (typeof nbf === 'number' && nbf > now)
      throw new TokenError('invalid_token', 'the token is not valid yet')
    requireCertificate(boundCertificate(cnf), tls)
    return verifiedToken(token, answer, this.#claimRules)
  }
}

/** A time that is no number must not count as no limit. */
function isTimeOrNone(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'number'
}

/** RFC 6749, section 2.3.1: both parts are form-encoded first. */
function basic(clientId: string, clientSecret: string): string {
  const encode = (part: string): string => new URLSearchParams([['', part]]).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}
