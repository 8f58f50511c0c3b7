import type { Clock } from '@mcpwire/core'
import { isLoopback, toError } from '@mcpwire/core/authoring'

const TIMEOUT_MS = 5_000
const MAX_BYTES = 1_048_576
/** After a failure, the next attempt waits this long: each client would cause one. */
const COOL_DOWN_MS = 10_000
const WELL_KNOWN = '/.well-known/'

/** Finds the URL of the keys of an authorization server. */
export type KeysUrl = () => Promise<string>

/**
 * Finds the URL of the keys (`jwks_uri`) in the metadata of the issuer (RFC 8414, section 3; OpenID Connect Discovery 1.0,
 * section 4). The metadata is requested once, and again after a failure, at most every ten seconds.
 *
 * The returned function rejects if no metadata can be read, or if it is about another issuer.
 *
 * @example
 * ```ts
 * const keysUrl = discoverKeys('https://as.example', systemClock)
 * const keys = remoteKeySet(await keysUrl())
 * ```
 */
export function discoverKeys(issuer: string, clock: Clock): KeysUrl {
  let found: Promise<string> | undefined
  let failedAt = -Infinity
  return () => {
    if (found && clock.now() - failedAt >= COOL_DOWN_MS && failedAt !== -Infinity) found = undefined
    if (!found) {
      failedAt = -Infinity
      found = findKeys(issuer)
      found.catch(() => {
        failedAt = clock.now()
      })
    }
    return found
  }
}

async function findKeys(issuer: string): Promise<string> {
  const faults: string[] = []
  for (const url of metadataUrls(issuer)) {
    try {
      return keysUrlIn(await fetchMetadata(url), issuer)
    } catch (error) {
      faults.push(`${url}: ${toError(error).message}`)
    }
  }
  throw new Error(`no metadata of the issuer ${issuer}: ${faults.join('; ')}`)
}

/** The URLs of the metadata, in the order in which MCP clients try them. */
function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const names = ['oauth-authorization-server', 'openid-configuration']
  const inserted = names.map((name) => `${origin}${WELL_KNOWN}${name}${path}`)
  return path === '' ? inserted : [...inserted, `${origin}${path}${WELL_KNOWN}openid-configuration`]
}

async function fetchMetadata(url: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    // A redirect could leave the origin of the issuer.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`status ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString())
}

function keysUrlIn(metadata: unknown, issuer: string): string {
  const { issuer: named, jwks_uri: url } = (metadata ?? {}) as Readonly<Record<string, unknown>>
  // RFC 8414, section 3.3: otherwise another issuer could pretend to be this one.
  if (named !== issuer) throw new Error(`it is about another issuer: ${JSON.stringify(named)}`)
  if (typeof url !== 'string' || !isSafe(url)) throw new Error('jwks_uri is no https: URL')
  return url
}

/** Whether the URL is one of HTTPS, or of this host. */
export function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  const host = hostname.replace(/^\[|\]$/g, '')
  return protocol === 'https:' || (protocol === 'http:' && (host === 'localhost' || isLoopback(host)))
}
