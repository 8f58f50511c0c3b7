import type { KeyObject } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import jsonwebtoken, { type Algorithm } from 'jsonwebtoken'
import { TokenError } from '../../token-verifier.js'
import type { Claims } from './claims.js'

/** What a token must contain. */
export interface SignatureRules {
  readonly issuer: readonly string[]
  readonly audience: readonly string[]
  /** For the start of a token (`nbf`). */
  readonly clockToleranceSeconds: number
}

/** A token, and the key that may have signed it. */
export interface SignedToken {
  readonly token: string
  readonly alg: string
  readonly key: KeyObject
  /** Seconds since the epoch. */
  readonly now: number
}

/** The claims of a token with a valid signature, issuer, audience and time, or why it has none. */
export async function checkSignature(
  signed: SignedToken,
  rules: SignatureRules,
): Promise<Claims | TokenError> {
  try {
    // jsonwebtoken has no EdDSA.
    const claims = signed.alg === 'EdDSA' ? await verifyEdDsa(signed, rules) : verifyOther(signed, rules)
    if (typeof claims['exp'] !== 'number') return invalid('the token has no end (exp)')
    // Without tolerance: the listener ends a connection at this moment, and refuses it afterwards.
    if (claims['exp'] <= signed.now) return invalid('the token has expired')
    return claims
  } catch (error) {
    return invalid(describe(error))
  }
}

function verifyOther({ token, alg, key, now }: SignedToken, rules: SignatureRules): Claims {
  const { issuer, audience, clockToleranceSeconds } = rules
  const claims = jsonwebtoken.verify(token, key, {
    algorithms: [alg as Algorithm],
    issuer: [...issuer] as [string, ...string[]],
    audience: [...audience] as [string, ...string[]],
    clockTolerance: clockToleranceSeconds,
    clockTimestamp: Math.floor(now),
  })
  if (typeof claims !== 'object') throw new Error('the claims of the token are no JSON object')
  return claims
}

async function verifyEdDsa({ token, key, now }: SignedToken, rules: SignatureRules): Promise<Claims> {
  const { payload } = await jwtVerify(token, key, {
    algorithms: ['EdDSA'],
    issuer: [...rules.issuer],
    audience: [...rules.audience],
    clockTolerance: rules.clockToleranceSeconds,
    currentDate: new Date(now * 1_000),
  })
  return payload
}

/** The texts of the libraries quote the expected issuer and audience. */
function describe(error: unknown): string {
  const { name = '', message = '' } = error as Partial<Error>
  if (name === 'TokenExpiredError' || error instanceof errors.JWTExpired) return 'the token has expired'
  if (name === 'NotBeforeError') return 'the token is not valid yet'
  if (error instanceof errors.JWTClaimValidationFailed)
    return CLAIM_FAULTS[error.claim] ?? 'a claim of the token is not valid'
  if (message.startsWith('jwt audience')) return CLAIM_FAULTS.aud
  if (message.startsWith('jwt issuer')) return CLAIM_FAULTS.iss
  if (message.startsWith('invalid exp') || message.startsWith('invalid nbf'))
    return 'a time in the token is no number'
  return 'the signature of the token is not valid'
}

const CLAIM_FAULTS = {
  aud: 'the token is for another audience',
  iss: 'the token is from another issuer',
  nbf: 'the token is not valid yet',
} as { readonly aud: string; readonly iss: string; readonly [claim: string]: string | undefined }

function invalid(message: string): TokenError {
  return new TokenError('invalid_token', message)
}
