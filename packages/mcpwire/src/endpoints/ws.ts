import { type Listener, type Transport, TransportError } from '@mcpwire/core'
import { invalidOption } from '@mcpwire/core/authoring'
import { wsClient } from '@mcpwire/ws'
import { upgradeHandler, wsServer } from '@mcpwire/ws/node'
import type { Endpoint, EndpointOptions, ListenOptions } from '../endpoint-provider.js'

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'ws:': 80, 'wss:': 443 }

/**
 * Creates a transport to a WebSocket server at `ws://host:port/path`, or `wss://…` with TLS.
 *
 * @example
 * ```ts
 * const transport = connectTo('ws://127.0.0.1:8080/mcp', {})
 * ```
 */
export function connectTo(
  target: Endpoint,
  { headers, tls, maxMessageBytes, closeTimeoutMs }: EndpointOptions,
): Transport {
  return wsClient({ url: String(target), headers, tls, maxMessageBytes, closeTimeoutMs })
}

/**
 * Creates a WebSocket listener at the URL. Port 0 is any free port.
 *
 * @example
 * ```ts
 * const listener = listenOn('ws://127.0.0.1:0/mcp', {})
 * ```
 */
export function listenOn(text: string, options: ListenOptions): Listener {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.hostname === '' || url.search + url.hash + url.username + url.password !== '')
    return invalidOption('endpoint', text, 'ws://host:port/path or wss://host:port/path without more')
  const isSecure = url.protocol === 'wss:'
  if (!isSecure && options.tls !== undefined)
    throw new TransportError('INVALID_OPTION', 'option "tls" requires a wss: URL', { option: 'tls' })
  const { server, tls, ...settings } = options
  const path = url.pathname === '/' ? {} : { path: url.pathname }
  if (server) return upgradeHandler({ ...settings, ...path, server })
  return wsServer({
    ...settings,
    ...path,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port),
    tls: isSecure ? (tls ?? {}) : undefined,
  })
}
