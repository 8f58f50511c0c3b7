import { createFakeClock, type FakeClock } from '@mcpwire/compliance'
import { expect } from 'vitest'
import { TokenError, type TokenVerifier, type VerifiedToken } from '../../src/index.js'
import { type JwtVerifierOptions, jwtVerifier } from '../../src/node/index.js'
import { AUDIENCE, context, ISSUER, NOW, rsa } from './tokens.js'

export function clockAtNow(): FakeClock {
  return createFakeClock(NOW * 1_000)
}

export function verifierOf(options: Partial<JwtVerifierOptions> = {}): TokenVerifier {
  const keys = { publicKeys: rsa.publicKey }
  return jwtVerifier({ issuer: ISSUER, audience: AUDIENCE, clock: clockAtNow(), ...keys, ...options })
}

export async function verify(token: string, verifier = verifierOf(), at = context): Promise<VerifiedToken> {
  return verifier.verify(token, at)
}

/** The error with which the verifier refuses the token. */
export async function refusal(token: string, verifier = verifierOf(), at = context): Promise<TokenError> {
  const error: unknown = await verify(token, verifier, at).then(
    () => 'accepted',
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(TokenError)
  return error as TokenError
}
