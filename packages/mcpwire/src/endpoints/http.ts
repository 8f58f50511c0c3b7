import { type Handshake, type HttpHooks, type Listener, type Transport, TransportError } from '@mcpwire/core'
import { invalidOption, isLoopback } from '@mcpwire/core/authoring'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import type { Endpoint, EndpointOptions, ListenOptions } from '../endpoint-provider.js'

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }
const PREFLIGHT_AGE_SECONDS = 600

/**
 * Creates a transport to a server at `http://host:port/path`, or `https://…` with TLS. Uses the proxies of the
 * environment, except for this host.
 *
 * @example
 * ```ts
 * const transport = connectTo('http://127.0.0.1:8080/mcp', {})
 * ```
 */
export function connectTo(target: Endpoint, options: EndpointOptions): Transport {
  const { headers, tls, maxMessageBytes, closeTimeoutMs } = options
  const url = String(target)
  return httpClient({
    url,
    headers,
    tls,
    maxMessageBytes,
    closeTimeoutMs,
    ...(!isOnThisHost(url) && { proxy: 'environment' as const }),
  })
}

/**
 * Creates a listener at the URL. The default path is `/mcp`. Port 0 is any free port.
 *
 * @example
 * ```ts
 * const listener = listenOn('http://127.0.0.1:0/mcp', {})
 * ```
 */
export function listenOn(text: string, options: ListenOptions): Listener {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.hostname === '' || url.search + url.hash + url.username + url.password !== '')
    return invalidOption('endpoint', text, 'http://host:port/path or https://host:port/path without more')
  const isSecure = url.protocol === 'https:'
  if (!isSecure && options.tls !== undefined)
    throw new TransportError('INVALID_OPTION', 'option "tls" requires an https: URL', { option: 'tls' })
  const { origins, ...settings } = options
  return httpServer({
    ...settings,
    ...(origins?.length && { hooks: corsFor(origins) }),
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port),
    ...(url.pathname !== '/' && { path: url.pathname }),
    tls: isSecure ? (options.tls ?? {}) : undefined,
  })
}

/** Lets pages of these origins read responses (Fetch, CORS protocol). */
function corsFor(origins: readonly string[]): HttpHooks {
  const allowed = ({ headers: { origin } }: Handshake): Record<string, string> =>
    origin === undefined || !origins.includes(origin)
      ? {}
      : {
          'access-control-allow-origin': origin,
          'access-control-expose-headers': 'mcp-session-id',
          vary: 'origin',
        }
  return {
    responseHeaders: allowed,
    preflight: (handshake) => {
      const headers = allowed(handshake)
      if (Object.keys(headers).length === 0) return undefined
      return {
        status: 204,
        headers: {
          ...headers,
          'access-control-allow-methods': 'GET, POST, DELETE',
          'access-control-allow-headers': handshake.headers['access-control-request-headers'] ?? '',
          'access-control-max-age': String(PREFLIGHT_AGE_SECONDS),
        },
      }
    },
  }
}

function isOnThisHost(text: string): boolean {
  const host = URL.canParse(text) ? new URL(text).hostname.replace(/^\[|\]$/g, '') : ''
  return host === 'localhost' || host.endsWith('.localhost') || isLoopback(host)
}
