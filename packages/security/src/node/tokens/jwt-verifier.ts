import type { KeyObject } from 'node:crypto'
import type { AuthInfo, Clock } from '@mcpwire/core'
import {
  clock,
  defaultsOf,
  inRange,
  integer,
  invalidOption,
  list,
  type OptionDefaults,
  type OptionSettings,
  objectWith,
  optional,
  options,
  rule,
  text,
} from '@mcpwire/core/authoring'
import {
  type TokenContext,
  TokenError,
  type TokenVerifier,
  type VerifiedToken,
} from '../../token-verifier.js'
import { type ClaimRules, type Claims, verifiedToken } from './claims.js'
import { boundCertificate, requireCertificate } from './confirmation.js'
import { type PublicKey, publicKeys, type SharedSecret, sharedSecrets } from './fixed-keys.js'
import { type KeySource, PUBLIC_ALGORITHMS, SECRET_ALGORITHMS } from './key-source.js'
import { checkSignature, type SignatureRules } from './signature.js'
import { readHeader, typeName } from './token-header.js'
import { listOf, oneOrMoreTexts, texts } from './token-options.js'
import { digestOf, TokenCache } from './verified-tokens.js'

/** Options of `jwtVerifier`. Give the keys once: `keys`, `publicKeys` or `secrets`. */
export interface JwtVerifierOptions {
  /** The issuer (`iss`) of the tokens, or several. */
  issuer: string | readonly string[]
  /** The audience (`aud`) that a token must name: this resource, or one of several names of it. */
  audience: string | readonly string[]
  /**
   * A source of keys that change, such as `remoteKeySet(url)`.
   * @defaultValue undefined
   */
  keys?: KeySource | undefined
  /**
   * The public keys of the issuer, in PEM, as a JWK or a `KeyObject`. RSA keys have at least 2 048 bits.
   * @defaultValue undefined
   */
  publicKeys?: PublicKey | readonly PublicKey[] | undefined
  /**
   * Secrets that this server shares with the issuer, of at least 32 bytes. Several allow a rotation.
   * @defaultValue undefined
   */
  secrets?: SharedSecret | readonly SharedSecret[] | undefined
  /**
   * The accepted algorithms. All of them are of the kind of the keys. By default HS256 with `secrets`, else RS256, RS384,
   * RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA.
   * @defaultValue undefined
   */
  algorithms?: readonly string[] | undefined
  /**
   * The accepted types (`typ`) of tokens. A token without one is accepted.
   * @defaultValue ['at+jwt', 'JWT']
   */
  types?: readonly string[] | undefined
  /**
   * Claims that a token must have, besides `exp`.
   * @defaultValue []
   */
  requiredClaims?: readonly string[] | undefined
  /**
   * Scopes that a token must have. A token without them is refused with 403 and `insufficient_scope`.
   * @defaultValue []
   */
  requiredScopes?: readonly string[] | undefined
  /**
   * The tolerance for clocks that differ, in seconds: a token is accepted so long before its start (`nbf`). Its end (`exp`)
   * has no tolerance, as its connections end then.
   * @defaultValue 30
   */
  clockToleranceSeconds?: number | undefined
  /**
   * The longest token, in characters.
   * @defaultValue 16_384
   */
  maxTokenLength?: number | undefined
  /**
   * The most verified tokens that are stored, by their SHA-256.
   * @defaultValue 1_000
   */
  maxCachedTokens?: number | undefined
  /**
   * The longest time for which a verified token is stored, in milliseconds. A key that is withdrawn counts no longer.
   * @defaultValue 300_000
   */
  cacheMs?: number | undefined
  /**
   * The source of time.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

type OptionalMember = 'keys' | 'publicKeys' | 'secrets' | 'algorithms'

/** Keys are checked where they are parsed. Their errors contain no key. */
const anyKeys = optional(rule<never>(() => undefined))

const table = options<JwtVerifierOptions, OptionalMember>({
  issuer: oneOrMoreTexts(),
  audience: oneOrMoreTexts(),
  keys: optional(objectWith<KeySource>(['keysFor'], 'a source of keys, such as remoteKeySet()')),
  publicKeys: anyKeys,
  secrets: anyKeys,
  algorithms: optional(list(text())),
  types: texts(['at+jwt', 'JWT']),
  requiredClaims: texts([]),
  requiredScopes: texts([]),
  clockToleranceSeconds: inRange(0, 600, 30),
  maxTokenLength: integer(1, 1_048_576, 16_384),
  maxCachedTokens: integer(0, 1_000_000, 1_000),
  cacheMs: inRange(0, Infinity, 300_000),
  clock: clock(),
})

/** The defaults of `jwtVerifier`. */
export const jwtVerifierDefaults: OptionDefaults<JwtVerifierOptions, OptionalMember> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * Makes a verifier of signed JWTs (RFC 7519, RFC 9068), for `bearer()`. The algorithms are fixed in advance, and those of
 * secrets never mix with those of public keys (RFC 8725). Each token needs `exp`, the issuer and the audience. A token that
 * is bound to a certificate (RFC 8705) is accepted over connections with that certificate only; one bound to a key by DPoP
 * is refused. `authInfo` has the scopes, the client (`client_id`, `azp` or `sub`), and `sub` and `iss` in `extra`.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const verifier = jwtVerifier({
 *   issuer: 'https://login.example.com',
 *   audience: 'https://mcp.example.com/mcp',
 *   keys: remoteKeySet('https://login.example.com/jwks'),
 * })
 * const listener = httpServer({ port: 8080, gate: bearer(verifier) })
 * ```
 */
export function jwtVerifier(given: JwtVerifierOptions): TokenVerifier {
  return new JwtVerifier(table.read(given))
}

type Settings = OptionSettings<JwtVerifierOptions, OptionalMember>

/** What is stored of a verified token. The token itself is not. */
interface Verified {
  readonly authInfo: Omit<AuthInfo, 'token'>
  readonly expiresAt: number | undefined
  /** The certificate that the token is bound to. */
  readonly bound: string | undefined
}

class JwtVerifier implements TokenVerifier {
  readonly #keys: KeySource
  readonly #maxTokenLength: number
  readonly #cacheMs: number
  readonly #clock: Clock
  readonly #headerRules: { readonly algorithms: readonly string[]; readonly types: readonly string[] }
  readonly #signatureRules: SignatureRules
  readonly #claimRules: ClaimRules
  readonly #verified: TokenCache<Verified>

  constructor(settings: Settings) {
    const { maxTokenLength, cacheMs, maxCachedTokens, requiredClaims, requiredScopes, types } = settings
    this.#keys = keysIn(settings)
    this.#maxTokenLength = maxTokenLength
    this.#cacheMs = cacheMs
    this.#clock = settings.clock
    this.#headerRules = { algorithms: algorithmsIn(settings), types: types.map(typeName) }
    this.#signatureRules = {
      issuer: listOf(settings.issuer),
      audience: listOf(settings.audience),
      clockToleranceSeconds: settings.clockToleranceSeconds,
    }
    this.#claimRules = { requiredClaims, requiredScopes }
    this.#verified = new TokenCache(maxCachedTokens, settings.clock)
  }

  verify(token: string, context: TokenContext): VerifiedToken | Promise<VerifiedToken> {
    if (token.length > this.#maxTokenLength)
      throw new TokenError('invalid_token', `the token is longer than ${this.#maxTokenLength} characters`)
    const digest = digestOf(token)
    const known = this.#verified.get(digest)
    return known ? this.#accept(token, known, context) : this.#verify(token, digest, context)
  }

  async #verify(token: string, digest: string, context: TokenContext): Promise<VerifiedToken> {
    const header = readHeader(token, this.#headerRules)
    const keys = await this.#keys.keysFor(header, context.signal)
    const claims = await this.#claimsIn(token, header.alg, keys)
    const bound = boundCertificate(claims['cnf'])
    const { authInfo, expiresAt } = verifiedToken(token, claims, this.#claimRules)
    const { token: _, ...rest } = authInfo
    const verified = { authInfo: rest, expiresAt, bound }
    const now = this.#clock.epochNow()
    this.#verified.set(digest, verified, Math.min(now + this.#cacheMs, expiresAt ?? now))
    return this.#accept(token, verified, context)
  }

  async #claimsIn(token: string, alg: string, keys: readonly KeyObject[]): Promise<Claims> {
    const now = this.#clock.epochNow() / 1_000
    let failure = new TokenError('invalid_token', 'the token is signed with a key that is not known')
    for (const key of keys) {
      const result = await checkSignature({ token, alg, key, now }, this.#signatureRules)
      if (!(result instanceof TokenError)) return result
      failure = result
    }
    throw failure
  }

  #accept(
    token: string,
    { authInfo, expiresAt, bound }: Verified,
    { handshake }: TokenContext,
  ): VerifiedToken {
    requireCertificate(bound, handshake.tls)
    // A copy: an application may change it.
    const own = { ...authInfo, token, scopes: [...authInfo.scopes], extra: { ...authInfo.extra } }
    return expiresAt === undefined ? { authInfo: own } : { authInfo: own, expiresAt }
  }
}

function keysIn({ keys, publicKeys: fixed, secrets }: Settings): KeySource {
  const given = [keys, fixed, secrets].filter((each) => each !== undefined)
  if (given.length !== 1) {
    const needed = 'exactly one of the options keys, publicKeys and secrets'
    invalidOption('keys', keys, needed)
  }
  if (fixed !== undefined) return publicKeys(fixed)
  return secrets === undefined ? (keys as KeySource) : sharedSecrets(secrets)
}

function algorithmsIn({ algorithms, secrets }: Settings): readonly string[] {
  const allowed = secrets === undefined ? PUBLIC_ALGORITHMS : SECRET_ALGORITHMS
  if (algorithms === undefined) return secrets === undefined ? PUBLIC_ALGORITHMS : ['HS256']
  if (algorithms.length === 0 || !algorithms.every((each) => allowed.includes(each)))
    invalidOption('algorithms', algorithms, `a list of ${allowed.join(', ')}: those for the given keys`)
  return algorithms
}
