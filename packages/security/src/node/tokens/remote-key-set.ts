import { KeyObject } from 'node:crypto'
import type { Clock } from '@mcpwire/core'
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
} from '@mcpwire/core/authoring'
import { createRemoteJWKSet, customFetch, errors, type FlattenedJWSInput } from 'jose'
import { type Fetch, fetchJson } from './bounded-fetch.js'
import { fits, type KeyHint, type KeySource } from './key-source.js'
import { secureUrl } from './token-options.js'

/** Options of `remoteKeySet` and `discoverKeySet`. */
export interface RemoteKeySetOptions {
  /**
   * The shortest time between two requests for keys, in milliseconds: tokens with unknown key ids cause no more. After a
   * request that failed it is 1 second at most.
   * @defaultValue 30_000
   */
  cooldownMs?: number | undefined
  /**
   * The longest time for which keys are used without a request, in milliseconds. A withdrawn key counts no longer.
   * @defaultValue 600_000
   */
  cacheMs?: number | undefined
  /**
   * The time limit of a request, in milliseconds.
   * @defaultValue 5_000
   */
  timeoutMs?: number | undefined
  /**
   * The longest response, in bytes.
   * @defaultValue 65_536
   */
  maxBytes?: number | undefined
  /**
   * The function for requests, such as one with a proxy. Without it, the global `fetch`.
   * @defaultValue undefined
   */
  fetch?: Fetch | undefined
  /**
   * The source of time for the limit of a request, and for the wait after one that failed.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

const table = options<RemoteKeySetOptions, 'fetch'>({
  cooldownMs: inRange(0, Infinity, 30_000),
  cacheMs: inRange(0, Infinity, 600_000),
  timeoutMs: inRange(1, Infinity, 5_000),
  maxBytes: integer(1, Infinity, 65_536),
  fetch: optional(callback<Fetch>()),
  clock: clock(),
})

/** The defaults of `remoteKeySet` and `discoverKeySet`. */
export const remoteKeySetDefaults: OptionDefaults<RemoteKeySetOptions, 'fetch'> =
  /* @__PURE__ */ defaultsOf(table)

type Settings = OptionSettings<RemoteKeySetOptions, 'fetch'>

/**
 * Reads the public keys of an issuer from its key set (RFC 7517) when they are needed: https only, one request at a time, no
 * redirects. A token with an unknown key id causes a new request, at most once in `cooldownMs`, so that a rotation needs no
 * restart. When no keys can be read, callers are refused with 503.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const keys = remoteKeySet('https://login.example.com/.well-known/jwks.json')
 * ```
 */
export function remoteKeySet(url: string | URL, given: RemoteKeySetOptions = {}): KeySource {
  secureUrl().check('url', url)
  return new RemoteKeys(new URL(url), table.read(given))
}

/**
 * Finds the key set of an issuer by its metadata (RFC 8414, or OpenID Connect Discovery), and reads its keys as
 * `remoteKeySet` does. The metadata must name the same issuer, and an https key set.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const issuer = 'https://login.example.com'
 * const verifier = jwtVerifier({ issuer, audience: 'https://mcp.example.com/mcp', keys: discoverKeySet(issuer) })
 * ```
 */
export function discoverKeySet(issuer: string, given: RemoteKeySetOptions = {}): KeySource {
  secureUrl().check('issuer', issuer)
  const settings = table.read(given)
  let found: Promise<KeySource> | undefined
  const find = withWait(() => discover(issuer, settings), settings)
  return {
    keysFor: async (hint, signal) => {
      found ??= find().catch((error: unknown) => {
        // The next token tries again.
        found = undefined
        throw error
      })
      const keys = await found
      return keys.keysFor(hint, signal)
    },
  }
}

async function discover(issuer: string, settings: Settings): Promise<KeySource> {
  let failure: unknown
  for (const url of metadataUrls(issuer)) {
    try {
      const { issuer: named, jwks_uri: keys } = await fetchJson(url, settings)
      if (named !== issuer) throw new Error(`the metadata of ${issuer} names another issuer`)
      secureUrl().check('jwks_uri', keys)
      // Else the metadata of another host could name a service of this one.
      if (isHttps(issuer) && !isHttps(keys as string))
        throw new Error(`the metadata of ${issuer} names a key set that is not https`)
      return new RemoteKeys(new URL(keys as string), settings)
    } catch (error) {
      failure ??= error
    }
  }
  throw failure
}

/** RFC 8414, section 3.1, and the place of OpenID Connect Discovery 1.0, section 4. */
function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]
  return [...new Set(urls)]
}

function isHttps(url: string): boolean {
  return new URL(url).protocol === 'https:'
}

/** The longest wait after a request that failed. */
const MAX_WAIT_MS = 1_000

/** The function, with a wait after each failure. Until its end the same error is the result, without a call. */
function withWait<A extends readonly unknown[], T>(
  call: (...given: A) => Promise<T>,
  { clock: time, cooldownMs }: Pick<Settings, 'clock' | 'cooldownMs'>,
): (...given: A) => Promise<T> {
  let failure: { readonly error: unknown; readonly until: number } | undefined
  return async (...given) => {
    if (failure && time.now() < failure.until) throw failure.error
    try {
      return await call(...given)
    } catch (error) {
      failure = { error, until: time.now() + Math.min(cooldownMs, MAX_WAIT_MS) }
      throw error
    }
  }
}

class RemoteKeys implements KeySource {
  readonly #find: ReturnType<typeof createRemoteJWKSet>

  constructor(url: URL, settings: Settings) {
    const { cooldownMs, cacheMs } = settings
    const read = withWait(async (address: string): Promise<Response> => {
      const set = await fetchJson(address, settings, { headers: { accept: 'application/json' } })
      return Response.json(set)
    }, settings)
    this.#find = createRemoteJWKSet(url, {
      cooldownDuration: cooldownMs,
      cacheMaxAge: cacheMs,
      [customFetch]: read,
    })
  }

  async keysFor({ alg, kid }: KeyHint): Promise<readonly KeyObject[]> {
    const header = { alg, ...(kid !== undefined && { kid }) }
    try {
      const key = KeyObject.from(await this.#find(header, NO_TOKEN))
      return fits(key, alg) ? [key] : []
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return []
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      const keys: KeyObject[] = []
      for await (const key of error) keys.push(KeyObject.from(key))
      return keys.filter((key) => fits(key, alg)).slice(0, MAX_CANDIDATES)
    }
  }
}

/** The most keys that are tried for a token without a key id. */
const MAX_CANDIDATES = 8
/** The search uses the header alone. */
const NO_TOKEN: FlattenedJWSInput = { payload: '', signature: '' }
