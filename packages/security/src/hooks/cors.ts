import type { Handshake, HttpHooks } from '@mcpwire/core'
import {
  boolean,
  defaultsOf,
  type HeaderRecord,
  integer,
  list,
  matching,
  type OptionDefaults,
  type OptionRule,
  options,
  text,
} from '@mcpwire/core/authoring'
import { headerOf } from '../handshake-headers.js'
import { matchesOrigin, parseOrigin, parseOriginPattern } from '../origin-pattern.js'
import { requireList } from '../string-lists.js'

/** Options of `cors`. */
export interface CorsOptions {
  /**
   * The origins whose pages may use the server, at least one. They are written as those of `originIn`: with `*.` before the
   * host they stand for all hosts below it.
   */
  origins: readonly string[]
  /**
   * Whether pages may send cookies and client certificates. A token in `Authorization` needs no credentials.
   * @defaultValue false
   */
  credentials?: boolean | undefined
  /**
   * Time for which browsers keep the response to a preflight, in seconds.
   * @defaultValue 600
   */
  maxAgeSeconds?: number | undefined
  /**
   * Request headers that pages may send besides those of MCP, such as `x-api-key`.
   * @defaultValue []
   */
  requestHeaders?: readonly string[] | undefined
  /**
   * Response headers that pages may read besides those of MCP.
   * @defaultValue []
   */
  exposedHeaders?: readonly string[] | undefined
  /**
   * Whether public pages may reach this server in a private network, where the browser asks for it (Private Network
   * Access).
   * @defaultValue false
   */
  privateNetwork?: boolean | undefined
}

const table = options<CorsOptions>({
  origins: list(text()),
  credentials: boolean(false),
  maxAgeSeconds: integer(0, 86_400, 600),
  requestHeaders: headerNames(),
  exposedHeaders: headerNames(),
  privateNetwork: boolean(false),
})

/** Defaults of the options of `cors`. */
export const corsDefaults: OptionDefaults<CorsOptions> = /* @__PURE__ */ defaultsOf(table)

/** The request headers of MCP clients in every revision. */
const REQUEST_HEADERS = [
  'accept',
  'authorization',
  'content-type',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
]

/** The headers of 2026-07-28 that mirror arguments of tools. Each tool chooses the rest of the name. */
const PARAM_HEADER = /^mcp-param-[!#$%&'*+\-.^_`|~\da-z]+$/

/** Most names in a preflight that are compared. A page needs far fewer. */
const MAX_REQUESTED = 100

/** The response headers that clients of MCP read. `Content-Type` is always readable. */
const EXPOSED_HEADERS = ['mcp-protocol-version', 'mcp-session-id', 'retry-after', 'www-authenticate']

const METHODS = 'GET, POST, DELETE'

/**
 * Makes hooks with which pages of these origins may use an HTTP server (CORS protocol, Fetch Standard): the response to
 * preflights, and headers for every response, refusals and errors included, with which pages can read the session and the
 * reason of an error. Pages of other origins get none of them, and their preflights are refused.
 *
 * CORS decides what pages may read. Which callers are admitted is up to the gate: use `originIn` with the same origins.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const origins = ['https://app.example.com']
 * const listener = httpServer({ port: 8080, hooks: cors({ origins }), gate: originIn(origins) })
 * ```
 */
export function cors(given: CorsOptions): HttpHooks {
  const { origins, credentials, maxAgeSeconds, requestHeaders, exposedHeaders, privateNetwork } =
    table.read(given)
  const patterns = requireList('origins', origins).map((origin, index) =>
    parseOriginPattern(`origins[${index}]`, origin),
  )
  const known = [...new Set([...REQUEST_HEADERS, ...requestHeaders.map((name) => name.toLowerCase())])]
  const exposed = [...new Set([...EXPOSED_HEADERS, ...exposedHeaders.map((name) => name.toLowerCase())])]
  /** Most callers of a server are the same few pages. */
  let lastAllowed: string | undefined
  const allowedOrigin = (handshake: Handshake): string | undefined => {
    const sent = headerOf(handshake, 'origin')
    if (sent === undefined || sent === lastAllowed) return sent
    const origin = parseOrigin(sent)
    if (!origin || !patterns.some((pattern) => matchesOrigin(pattern, origin))) return undefined
    lastAllowed = sent
    return sent
  }
  const forOrigin = (origin: string): HeaderRecord => ({
    'access-control-allow-origin': origin,
    ...(credentials && { 'access-control-allow-credentials': 'true' }),
  })
  return {
    preflight: (handshake) => {
      const origin = allowedOrigin(handshake)
      if (origin === undefined || headerOf(handshake, 'access-control-request-method') === undefined)
        return undefined
      const isPrivate = headerOf(handshake, 'access-control-request-private-network') === 'true'
      return {
        status: 204,
        headers: {
          ...forOrigin(origin),
          'access-control-allow-methods': METHODS,
          'access-control-allow-headers': [...known, ...paramHeadersIn(handshake)].join(', '),
          'access-control-max-age': String(maxAgeSeconds),
          ...(privateNetwork && isPrivate && { 'access-control-allow-private-network': 'true' }),
          vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network',
        },
      }
    },
    responseHeaders: (handshake) => {
      const origin = allowedOrigin(handshake)
      // Also without an allowed origin: a cache must not answer one page with the response for another.
      if (origin === undefined) return { vary: 'Origin' }
      return { ...forOrigin(origin), 'access-control-expose-headers': exposed.join(', '), vary: 'Origin' }
    },
  }
}

function paramHeadersIn(handshake: Handshake): string[] {
  const requested = headerOf(handshake, 'access-control-request-headers') ?? ''
  const names = requested.toLowerCase().split(',', MAX_REQUESTED)
  return [...new Set(names.map((name) => name.trim()))].filter((name) => PARAM_HEADER.test(name))
}

/** A list of names of headers. `*` is a valid name, and would stand for every header. */
function headerNames(): OptionRule<readonly string[], readonly string[]> {
  const check = list(
    matching<string>(
      (value) => typeof value === 'string' && /^(?!\*$)[!#$%&'*+\-.^_`|~\dA-Za-z]+$/.test(value),
      'the name of a header',
    ),
  ).check
  return { defaultValue: [], check }
}
