import type { KeyObject } from 'node:crypto'

/** The members of a token's header that select its key. */
export interface KeyHint {
  readonly alg: string
  readonly kid?: string | undefined
}

/** Where a verifier gets its keys. */
export interface KeySource {
  /**
   * The keys that may have signed a token, the likeliest first. Empty where no key matches. A rejection means that the keys
   * could not be read.
   */
  keysFor(hint: KeyHint, signal: AbortSignal): readonly KeyObject[] | Promise<readonly KeyObject[]>
}

/** The algorithms by the kind of their key. Those of one verifier are all of one kind. */
export const SECRET_ALGORITHMS: readonly string[] = ['HS256', 'HS384', 'HS512']
export const PUBLIC_ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
]

/** The shortest RSA key, in bits (NIST SP 800-131A). */
const MIN_RSA_BITS = 2_048

/** Whether a key can verify an algorithm. Keys for another kind, or of too few bits, cannot. */
export function fits(key: KeyObject, alg: string): boolean {
  if (alg.startsWith('HS')) return key.type === 'secret'
  if (key.type !== 'public') return false
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return (alg.startsWith('RS') || alg.startsWith('PS')) && modulusLength >= MIN_RSA_BITS
    case 'rsa-pss':
      return alg.startsWith('PS') && modulusLength >= MIN_RSA_BITS
    case 'ec':
      return CURVES[alg] !== undefined && CURVES[alg] === namedCurve
    case 'ed25519':
      return alg === 'EdDSA'
    default:
      return false
  }
}

const CURVES: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null), {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
})
