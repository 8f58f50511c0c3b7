import { type Listener, type Transport, TransportError } from '@mcpwire/core'
import { invalidOption, isLoopback } from '@mcpwire/core/authoring'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import type { Endpoint, EndpointOptions, ListenOptions } from '../endpoint-provider.js'

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

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
  return httpServer({
    ...options,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port),
    ...(url.pathname !== '/' && { path: url.pathname }),
    tls: isSecure ? (options.tls ?? {}) : undefined,
  })
}

function isOnThisHost(text: string): boolean {
  const host = URL.canParse(text) ? new URL(text).hostname.replace(/^\[|\]$/g, '') : ''
  return host === 'localhost' || host.endsWith('.localhost') || isLoopback(host)
}
