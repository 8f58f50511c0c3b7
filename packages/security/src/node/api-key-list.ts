import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { optionError, rejectOption } from '@mcpwire/core/authoring'

/** A named API key. */
export interface ApiKey {
  /** The name of its holder: the `clientId`. Several keys of one name are valid at the same time, such as during a change. */
  readonly name: string
  /** The key: at least 16 characters of printable ASCII without blanks. */
  readonly key: string
  /** The scopes of callers with this key. None if left out. */
  readonly scopes?: readonly string[] | undefined
  /** The end of its validity, in milliseconds since the epoch. Unlimited if left out. */
  readonly expiresAt?: number | undefined
}

/** API keys, or for each name its key or keys. */
export type ApiKeys = readonly ApiKey[] | Readonly<Record<string, string | readonly string[]>>

/** A key in use, without its text. */
export interface KeyEntry {
  readonly name: string
  readonly digest: Buffer
  readonly scopes: readonly string[]
  readonly expiresAt: number
}

/** The least length of a key in bytes. Shorter ones can be guessed. */
const MIN_KEY_BYTES = 16

const KEY = /^[\x21-\x7e]+$/
const NAME = /^[^\s\p{Cc}\p{Cf}]{1,128}$/u
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** Of this process alone, so that a digest in a heap dump does not help to guess a key. */
const secret = randomBytes(32)

/** The digest of a key. All have the same length. */
export function digestOf(key: string): Buffer {
  return createHmac('sha256', secret).update(key).digest()
}

/**
 * The entry with this digest. Each entry is compared, in constant time, so that the time shows neither how much of a key
 * was right nor which entry it is.
 */
export function findEntry<T extends KeyEntry>(entries: readonly T[], digest: Buffer): T | undefined {
  let found: T | undefined
  for (const entry of entries) {
    const isSame = timingSafeEqual(entry.digest, digest)
    found = isSame ? entry : found
  }
  return found
}

/** Checks the keys of option `keys`. Throws `INVALID_OPTION`, without a key in it. */
export function parseKeys(keys: ApiKeys): readonly KeyEntry[] {
  const entries = listOf(keys).map(([option, key]) => parseKey(option, key))
  if (entries.length === 0) rejectOption('keys', 'at least one key')
  for (const [index, { digest }] of entries.entries()) {
    if (entries.findIndex((each) => each.digest.equals(digest)) < index)
      throw optionError('keys', 'has the same key twice', { hint: 'one key identifies one caller' })
  }
  return entries
}

/** The fault of a name or a key, without the key; continues "must be". `undefined` for a valid one. */
export function faultOfKey(name: unknown, key: unknown): string | undefined {
  if (typeof name !== 'string' || !NAME.test(name)) return 'named with 1 to 128 characters, without blanks'
  if (typeof key !== 'string' || !KEY.test(key)) return 'a key of printable ASCII without blanks'
  return key.length < MIN_KEY_BYTES ? `a key of at least ${MIN_KEY_BYTES} characters` : undefined
}

function listOf(keys: unknown): readonly (readonly [option: string, key: ApiKey])[] {
  if (Array.isArray(keys)) return keys.map((key, index) => [`keys[${index}]`, key])
  if (typeof keys !== 'object' || keys === null) rejectOption('keys', 'an array of keys, or keys by name')
  return Object.entries(keys).flatMap(([name, each]: readonly [string, unknown]) =>
    (Array.isArray(each) ? each : [each]).map(
      (key) => [`keys[${JSON.stringify(name)}]`, { name, key }] as const,
    ),
  )
}

function parseKey(option: string, given: ApiKey): KeyEntry {
  if (typeof given !== 'object' || given === null) rejectOption(option, 'an object with name and key')
  const { name, key, scopes = [], expiresAt = Infinity } = given
  const fault = faultOfKey(name, key)
  if (fault !== undefined) rejectOption(option, fault)
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string' && SCOPE.test(scope)))
    rejectOption(`${option}.scopes`, 'an array of scopes')
  if (typeof expiresAt !== 'number' || Number.isNaN(expiresAt))
    rejectOption(`${option}.expiresAt`, 'a number of milliseconds since the epoch')
  return { name, digest: digestOf(key), scopes: [...scopes], expiresAt }
}
