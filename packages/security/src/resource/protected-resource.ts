import type { HttpHooks, HttpResponse } from '@mcpwire/core'
import { invalidOption, list, optional, options, rule, text } from '@mcpwire/core/authoring'
import type { ChallengeParameters } from '../challenge.js'

/** Options of `protectedResource`. */
export interface ProtectedResourceOptions {
  /**
   * The URL by which clients reach the MCP endpoint, such as `https://mcp.example.com/mcp`. It is the identifier of the
   * resource, and the audience of its tokens. It is never derived from a request.
   */
  publicUrl: string
  /** The issuers of the authorization servers whose tokens are accepted. */
  authorizationServers: readonly string[]
  /**
   * The scopes that clients may ask for. They are named in the metadata and in the challenge of a 401.
   * @defaultValue undefined
   */
  scopes?: readonly string[] | undefined
  /**
   * The name of the resource, for people.
   * @defaultValue undefined
   */
  name?: string | undefined
  /**
   * The URL of documentation for developers.
   * @defaultValue undefined
   */
  documentationUrl?: string | undefined
}

type OptionalMember = 'scopes' | 'name' | 'documentationUrl'

/** The parts of a resource server that follow from its public URL. */
export interface ProtectedResource {
  /**
   * The identifier of the resource, which its tokens must name as their audience (RFC 8707). Without a path
   * there are two, with the last slash and without it, since clients send either.
   */
  readonly audience: readonly string[]
  /** The URL of the metadata. */
  readonly metadataUrl: string
  /** For the `challenge` of `bearer()` and `requireScopes()`. */
  readonly challenge: ChallengeParameters
  /** Serves the metadata, for the option `hooks` of an HTTP server. */
  readonly hooks: HttpHooks
}

const url = rule<string>((option, value) => {
  const parsed = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  const isLocal = parsed !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(parsed.hostname)
  const isAllowed = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLocal)
  // The identifier of a resource has no fragment (RFC 9728, section 1.2). A user would cross the wire.
  if (
    !parsed ||
    !isAllowed ||
    parsed.hash !== '' ||
    parsed.search !== '' ||
    parsed.username !== '' ||
    parsed.password !== ''
  )
    invalidOption(option, value, 'an https URL without query, fragment and user (http on this host only)')
})

const table = options<ProtectedResourceOptions, OptionalMember>({
  publicUrl: url,
  authorizationServers: list(url),
  scopes: optional(list(text())),
  name: optional(text()),
  documentationUrl: optional(url),
})

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/**
 * Describes an OAuth resource server: its metadata (RFC 9728), the challenge that leads clients to it, and the audience of
 * its tokens. The metadata is served by path, both with the path of the public URL (section 3.1) and without it, so that it
 * is found behind a proxy that removes a prefix.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const resource = protectedResource({
 *   publicUrl: 'https://mcp.example.com/mcp',
 *   authorizationServers: ['https://login.example.com'],
 *   scopes: ['mcp:read'],
 * })
 * const verifier = jwtVerifier({ issuer: 'https://login.example.com', audience: resource.audience, keys })
 * const listener = httpServer({
 *   port: 8080,
 *   hooks: resource.hooks,
 *   gate: bearer(verifier, { challenge: resource.challenge }),
 * })
 * ```
 */
export function protectedResource(given: ProtectedResourceOptions): ProtectedResource {
  const { publicUrl, authorizationServers, scopes, name, documentationUrl } = table.read(given)
  if (authorizationServers.length === 0)
    invalidOption('authorizationServers', authorizationServers, 'at least one issuer')
  const { origin, pathname } = new URL(publicUrl)
  const path = pathname === '/' ? '' : pathname.replace(/\/$/, '')
  const resource = `${origin}${path}`
  const metadataUrl = `${origin}${WELL_KNOWN}${path}`
  const body = JSON.stringify({
    resource,
    authorization_servers: authorizationServers,
    bearer_methods_supported: ['header'],
    ...(scopes && { scopes_supported: scopes }),
    ...(name !== undefined && { resource_name: name }),
    ...(documentationUrl !== undefined && { resource_documentation: documentationUrl }),
  })
  const respond = (): HttpResponse => ({ status: 200, headers: metadataHeaders, body })
  const paths = new Set([WELL_KNOWN, `${WELL_KNOWN}${path}`])
  return {
    audience: path === '' ? [resource, `${resource}/`] : [resource],
    metadataUrl,
    challenge: { resource_metadata: metadataUrl, ...(scopes && { scope: scopes.join(' ') }) },
    hooks: {
      routes: Object.fromEntries([...paths].map((each) => [each, respond])),
      preflight: ({ path: requested = '' }) => (paths.has(requested) ? metadataPreflight : undefined),
    },
  }
}

/** The metadata is public, also for pages of other origins. */
const metadataHeaders = {
  'content-type': 'application/json',
  'cache-control': 'max-age=3600',
  'access-control-allow-origin': '*',
}

/** Clients name their revision when they fetch the metadata, which makes browsers ask first. */
const metadataPreflight: HttpResponse = {
  status: 204,
  headers: {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET',
    'access-control-allow-headers': 'mcp-protocol-version',
    'access-control-max-age': '86400',
  },
}
