import { createPublicKey, createSecretKey, type JsonWebKey, KeyObject } from 'node:crypto'
import { rejectOption } from '@mcpwire/core/authoring'
import { fits, type KeySource, PUBLIC_ALGORITHMS } from './key-source.js'

/** A public key: PEM text, a JWK, or a key of `node:crypto`. */
export type PublicKey = string | JsonWebKey | KeyObject

/** A shared secret: text, bytes, or a key of `node:crypto`. */
export type SharedSecret = string | Uint8Array | KeyObject

/** The shortest secret, in bytes: that of HS256 (RFC 7518, section 3.2). */
const MIN_SECRET_BYTES = 32

/** The keys of option `publicKeys`. The errors never contain them. */
export function publicKeys(given: PublicKey | readonly PublicKey[]): KeySource {
  const keys = listOf(given).map((key, at) => {
    const option = Array.isArray(given) ? `publicKeys[${at}]` : 'publicKeys'
    const parsed = parsePublicKey(option, key)
    if (!PUBLIC_ALGORITHMS.some((alg) => fits(parsed.key, alg)))
      rejectOption(option, 'an RSA key of at least 2048 bits, an EC key on P-256, P-384 or P-521, or Ed25519')
    return parsed
  })
  if (keys.length === 0) rejectOption('publicKeys', 'at least one public key')
  return {
    keysFor: ({ alg, kid }) =>
      keys
        .filter(
          (each) => fits(each.key, alg) && (kid === undefined || each.kid === undefined || each.kid === kid),
        )
        .map(({ key }) => key),
  }
}

/** The keys of option `secrets`. The errors never contain them. */
export function sharedSecrets(given: SharedSecret | readonly SharedSecret[]): KeySource {
  const keys = listOf(given).map((secret, at) => {
    const option = Array.isArray(given) ? `secrets[${at}]` : 'secrets'
    return parseSecret(option, secret)
  })
  if (keys.length === 0) rejectOption('secrets', 'at least one secret')
  return { keysFor: ({ alg }) => keys.filter((key) => fits(key, alg)) }
}

function listOf<T>(given: T | readonly T[]): readonly T[] {
  return Array.isArray(given) ? given : [given as T]
}

function parsePublicKey(option: string, given: PublicKey): { key: KeyObject; kid?: string | undefined } {
  if (given instanceof KeyObject) {
    if (given.type === 'secret') rejectOption(option, 'a public key; secrets go into option "secrets"')
    return { key: given.type === 'private' ? createPublicKey(given) : given }
  }
  try {
    if (typeof given === 'string') return { key: createPublicKey(given) }
    if (typeof given === 'object' && given !== null) {
      const { kid } = given as { kid?: unknown }
      return {
        key: createPublicKey({ key: given, format: 'jwk' }),
        ...(typeof kid === 'string' && { kid }),
      }
    }
  } catch {
    // The error of node:crypto may quote the key.
  }
  return rejectOption(option, 'a public key: PEM text, a JWK or a KeyObject')
}

function parseSecret(option: string, given: SharedSecret): KeyObject {
  if (given instanceof KeyObject) {
    if (given.type !== 'secret') rejectOption(option, NOT_PUBLIC)
    return checkSecret(option, given)
  }
  if (typeof given !== 'string' && !(given instanceof Uint8Array))
    rejectOption(option, 'a secret: text, bytes or a KeyObject')
  return checkSecret(option, createSecretKey(Buffer.from(given as Uint8Array)))
}

const NOT_PUBLIC = 'a secret; public keys go into option "publicKeys"'

function checkSecret(option: string, key: KeyObject): KeyObject {
  // A public key is no secret: every client could sign tokens with it (RFC 8725, section 2.1).
  if (isEncodedKey(key.export())) rejectOption(option, NOT_PUBLIC)
  if ((key.symmetricKeySize ?? 0) < MIN_SECRET_BYTES)
    rejectOption(option, `a secret of at least ${MIN_SECRET_BYTES} bytes`)
  return key
}

/** Whether the bytes are a key in PEM, in DER or as a JWK. */
function isEncodedKey(bytes: Buffer): boolean {
  return bytes.includes('-----BEGIN') || isJwk(bytes) || DER_TYPES.some((type) => isPublicKey(bytes, type))
}

const DER_TYPES = ['spki', 'pkcs1'] as const

function isPublicKey(bytes: Buffer, type: (typeof DER_TYPES)[number]): boolean {
  try {
    createPublicKey({ key: bytes, format: 'der', type })
    return true
  } catch {
    return false
  }
}

function isJwk(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null && 'kty' in value
  } catch {
    return false
  }
}
