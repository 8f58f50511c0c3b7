import type { TlsFacts } from '@mcpwire/core'
import { TokenError } from '../../token-verifier.js'

/** The certificate that a token is bound to (RFC 8705, section 3.1), if it is: SHA-256 in base64url. */
export function boundCertificate(cnf: unknown): string | undefined {
  if (cnf === undefined) return undefined
  const members = typeof cnf === 'object' && cnf !== null ? Object.entries(cnf) : []
  const [[name, value] = []] = members
  if (members.length === 1 && name === 'x5t#S256' && typeof value === 'string') return value
  if (members.some(([each]) => each === 'jkt'))
    throw new TokenError(
      'invalid_token',
      'the token is bound to a key (cnf.jkt): DPoP proofs are not supported',
    )
  throw new TokenError('invalid_token', 'the token is bound in a way that is not supported (cnf)')
}

/** Throws unless the caller has the certificate that the token is bound to. */
export function requireCertificate(bound: string | undefined, tls: TlsFacts | undefined): void {
  if (bound === undefined) return
  const fingerprint = tls?.fingerprint256?.replaceAll(':', '')
  const own = fingerprint === undefined ? undefined : Buffer.from(fingerprint, 'hex').toString('base64url')
  if (own === undefined)
    throw new TokenError('invalid_token', 'the token is bound to a certificate, and the caller has none')
  if (own !== bound) throw new TokenError('invalid_token', 'the token is bound to another certificate')
}
