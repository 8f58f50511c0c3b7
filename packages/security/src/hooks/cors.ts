import type { Handshake, HttpHooks } from '@mcpwire/core'
import {
  boolean,
  defaultsOf,
  integer,
  invalidOption,
  list,
  matching,
  type OptionDefaults,
  options,
} from '@mcpwire/core/authoring'
import { headerOf } from '../handshake-headers.js'
import { matchesOrigin, parseOrigin, parseOriginPatterns } from '../origin-pattern.js'

/** Options of `cors`. */
export interface CorsOptions {
  /** The origins of the pages that may use the server. Patterns as for `originIn()`. There is no `*`. */
  origins: readonly string[]
  /**
   * Whether browsers send cookies and client certificates, and show the response to the page.
   * @defaultValue false
   */
  credentials?: boolean | undefined
  /**
   * Further headers that pages may send, such as that of an API key.
   * @defaultValue []
   */
  allowHeaders?: readonly string[] | undefined
  /**
   * Further headers of responses that pages may read.
   * @defaultValue []
   */
  exposeHeaders?: readonly string[] | undefined
  /**
   * How long a browser remembers the response to a preflight, in seconds.
   * @defaultValue 600
   */
  maxAgeSeconds?: number | undefined
  /**
   * Whether public pages may use this server in a private network (Private Network Access).
   * @defaultValue false
   */
  allowPrivateNetwork?: boolean | undefined
}

const headerNames = {
  ...list<string>(
    matching(
      (value) => typeof value === 'string' && /^[!#$%&'+\-.^_`|~\da-z]+$/i.test(value),
      'the name of a header',
    ),
  ),
  defaultValue: [] as readonly string[],
}

const table = options<CorsOptions>({
  origins: list(matching<string>((value) => typeof value === 'string', 'an origin')),
  credentials: boolean(false),
  allowHeaders: headerNames,
  exposeHeaders: headerNames,
  maxAgeSeconds: integer(0, 86_400, 600),
  allowPrivateNetwork: boolean(false),
})

/** Defaults of the options of `cors`. */
export const corsDefaults: OptionDefaults<CorsOptions> = /* @__PURE__ */ defaultsOf(table)

/** The headers of MCP requests, of every revision, that are not simple (Fetch, section 2.2.2). */
const REQUEST_HEADERS: readonly string[] = [
  ...['accept', 'authorization', 'content-type', 'last-event-id'],
  ...['mcp-session-id', 'mcp-protocol-version', 'mcp-method', 'mcp-name'],
]
/** The headers that mirror arguments, whose names the tools determine (2026-07-28, Streamable HTTP). */
const PARAM_HEADER = /^mcp-param-[\w!#$%&'+.^`|~-]+$/i
/** The most names of one preflight. */
const MAX_REQUESTED = 64
const RESPONSE_HEADERS: readonly string[] = [
  'mcp-session-id',
  'mcp-protocol-version',
  'retry-after',
  'www-authenticate',
]
const METHODS = 'GET, POST, DELETE'

/**
 * Lets pages of other origins use an HTTP server (CORS), for its option `hooks`: in every revision of MCP, error responses
 * included. The origin of a page is repeated if it is allowed; a page of another origin gets no CORS headers.
 *
 * CORS only makes browsers show responses. Let the gate refuse other origins too: `originIn(origins)`.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const origins = ['https://app.example.com']
 * const listener = httpServer({ port: 8080, gate: originIn(origins), hooks: cors({ origins }) })
 * ```
 */
export function cors(given: CorsOptions): HttpHooks {
  const settings = table.read(given)
  const { credentials, maxAgeSeconds, allowPrivateNetwork } = settings
  if (settings.origins.includes('*'))
    invalidOption('origins', settings.origins, 'a list of origins: any page could use the server with "*"')
  const patterns = parseOriginPatterns(settings.origins)
  const requestHeaders = [...REQUEST_HEADERS, ...settings.allowHeaders]
  const exposed = [...RESPONSE_HEADERS, ...settings.exposeHeaders].join(', ')
  const allowed = (handshake: Handshake): Record<string, string> | undefined => {
    const text = headerOf(handshake, 'origin')
    const origin = text === undefined ? undefined : parseOrigin(text)
    if (text === undefined || !origin || !matchesOrigin(patterns, origin)) return undefined
    return {
      'access-control-allow-origin': text,
      ...(credentials && { 'access-control-allow-credentials': 'true' }),
    }
  }
  return {
    preflight(handshake) {
      const forOrigin = allowed(handshake)
      if (!forOrigin || headerOf(handshake, 'access-control-request-method') === undefined) return undefined
      const isPrivate = headerOf(handshake, 'access-control-request-private-network') === 'true'
      return {
        status: 204,
        headers: {
          ...forOrigin,
          'access-control-allow-methods': METHODS,
          'access-control-allow-headers': [...requestHeaders, ...paramHeadersIn(handshake)].join(', '),
          'access-control-max-age': String(maxAgeSeconds),
          ...(isPrivate && allowPrivateNetwork && { 'access-control-allow-private-network': 'true' }),
          vary: 'Origin, Access-Control-Request-Headers',
        },
      }
    },
    responseHeaders(handshake) {
      const forOrigin = allowed(handshake)
      // Also without an origin: a cache must not give this response to a page.
      return forOrigin
        ? { ...forOrigin, 'access-control-expose-headers': exposed, vary: 'Origin' }
        : { vary: 'Origin' }
    },
  }
}

function paramHeadersIn(handshake: Handshake): readonly string[] {
  const requested = headerOf(handshake, 'access-control-request-headers') ?? ''
  return requested
    .split(',')
    .slice(0, MAX_REQUESTED)
    .map((name) => name.trim())
    .filter((name) => PARAM_HEADER.test(name))
}
