import { TokenError } from '../../token-verifier.js'

/** The header of a token in compact form (RFC 7515, section 7.1), after its checks. */
export interface TokenHeader {
  readonly alg: string
  readonly kid?: string | undefined
}

/** What the header of a token has to be. */
export interface HeaderRules {
  readonly algorithms: readonly string[]
  /** The accepted `typ`, in lower case and without `application/`. A token without `typ` is accepted. */
  readonly types: readonly string[]
}

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/
const MAX_KID_LENGTH = 256

/**
 * Reads and checks the header. Members that name a key, such as `jku`, `jwk` and `x5u`, are never used: the sender of the
 * token chooses them.
 */
export function readHeader(token: string, { algorithms, types }: HeaderRules): TokenHeader {
  if (!COMPACT.test(token)) throw invalid('the token is no signed JWT')
  const header = parseHeader(token.slice(0, token.indexOf('.')))
  const { alg, kid, typ, crit } = header
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    throw invalid('the algorithm of the token is not accepted')
  if (crit !== undefined || Object.hasOwn(header, 'b64'))
    throw invalid('the token requires an extension that is not supported (crit)')
  if (typ !== undefined && !(typeof typ === 'string' && types.includes(typeName(typ))))
    throw invalid('the type of the token (typ) is not accepted')
  if (kid === undefined) return { alg }
  if (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)
    throw invalid('the key id of the token is not valid')
  return { alg, kid }
}

/** A media type without its prefix (RFC 7515, section 4.1.9). */
export function typeName(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '')
}

function parseHeader(part: string): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    if (typeof header === 'object' && header !== null && !Array.isArray(header))
      return header as Record<string, unknown>
  } catch {
    // The error below has no part of the token.
  }
  throw invalid('the header of the token is no JSON object')
}

function invalid(message: string): TokenError {
  return new TokenError('invalid_token', message)
}
