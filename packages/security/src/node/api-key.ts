import type { Clock, Gate, Handshake } from '@mcpwire/core'
import {
  boolean,
  clock,
  defaultsOf,
  matching,
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  options,
} from '@mcpwire/core/authoring'
import { headerOf, refusal } from '../handshake-headers.js'
import { type ApiKeys, digestOf, findEntry, type KeyEntry, parseKeys } from './api-key-list.js'

/** Where a key is read, in options of `apiKey` and `apiKeyFile`. */
export interface ApiKeyOptions {
  /**
   * Name of the header with the key.
   * @defaultValue 'x-api-key'
   */
  header?: string | undefined
  /**
   * Whether a caller without that header may send its key as `Authorization: Bearer <key>`. Pages then send it over
   * WebSocket too, with option `tokenInSubprotocol` of client and server.
   * @defaultValue false
   */
  acceptBearer?: boolean | undefined
  /**
   * Source of time, for keys that expire.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** The options of where a key is read. */
export const apiKeyOptions: OptionTable<ApiKeyOptions> = options<ApiKeyOptions>({
  header: matching<string, string>(
    (value) =>
      typeof value === 'string' && /^[\w!#$%&'*+\-.^`|~]+$/.test(value) && !/^authorization$/i.test(value),
    'the name of a header other than "authorization", for which there is option "acceptBearer"',
    'x-api-key',
  ),
  acceptBearer: boolean(false),
  clock: clock(),
})

/** Defaults of the options of `apiKey`. */
export const apiKeyDefaults: OptionDefaults<ApiKeyOptions> = /* @__PURE__ */ defaultsOf(apiKeyOptions)

/**
 * Makes a gate that admits callers with an API key. Keys are compared as digests, all of them and in constant time. They
 * appear in no error, and no object of this gate contains them.
 *
 * The `clientId`, `extra.sub` and `token` of `authInfo` are the name of the key, so that a caller stays the same when its
 * key changes. For a change give both keys under one name, and remove the old one later. Without a valid key the caller
 * gets 401.
 *
 * On TCP and Unix sockets the header comes in the preamble.
 *
 * @param keys keys by name, or a list of `ApiKey` with scopes and expiry
 * @throws TransportError `INVALID_OPTION`, also for a key of less than 16 characters, and for one that occurs twice
 *
 * @example
 * ```ts
 * const gate = apiKey({ ci: String(process.env.CI_KEY), laptop: [oldKey, newKey] })
 * ```
 */
export function apiKey(keys: ApiKeys, given: ApiKeyOptions = {}): Gate {
  const settings = apiKeyOptions.read(given)
  const entries = parseKeys(keys)
  return { admit: admitByKey(() => entries, settings) }
}

/** A key that can be revoked. */
export interface RevocableEntry extends KeyEntry {
  readonly revoked?: AbortSignal
}

/** The function `admit` of a gate for the keys that are valid at the moment. */
export function admitByKey(
  entriesNow: () => readonly RevocableEntry[],
  settings: OptionSettings<ApiKeyOptions>,
): Gate['admit'] {
  const { acceptBearer, clock: time } = settings
  const header = settings.header.toLowerCase()
  const challenge = acceptBearer ? 'Bearer' : `ApiKey header="${header}"`
  return (handshake) => {
    const key = headerOf(handshake, header) ?? (acceptBearer ? bearerOf(handshake) : undefined)
    if (key === undefined) return refusal(401, `an API key is required in the header ${header}`, challenge)
    const entry = findEntry(entriesNow(), digestOf(key))
    if (!entry) return refusal(401, 'the API key is not valid', challenge)
    const { name, scopes, expiresAt, revoked } = entry
    if (expiresAt <= time.epochNow()) return refusal(401, 'the API key has expired', challenge)
    const isLimited = expiresAt !== Infinity
    return {
      admit: true,
      authInfo: {
        token: name,
        clientId: name,
        scopes: [...scopes],
        extra: { sub: name },
        ...(isLimited && { expiresAt: Math.floor(expiresAt / 1_000) }),
      },
      ...(isLimited && { expiresAt }),
      ...(revoked && { revoked }),
    }
  }
}

function bearerOf(handshake: Handshake): string | undefined {
  return /^bearer[ \t]+(\S+)$/i.exec(headerOf(handshake, 'authorization') ?? '')?.[1]
}
