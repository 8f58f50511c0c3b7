import type { Listener, Transport } from '@mcpwire/core'
import { invalidOption, rejectOption } from '@mcpwire/core/authoring'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import type { Endpoint, EndpointOptions, ListenOptions } from '../wire.js'

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'ws:': 80, 'wss:': 443 }

/** A transport to a server that listens for WebSockets: `ws://host:port/path`, or `wss://…` under TLS. */
export function connectTo(
  target: Endpoint,
  { headers, tls, maxMessageBytes, closeTimeoutMs }: EndpointOptions,
): Transport {
  return wsClient({ url: String(target), headers, tls, maxMessageBytes, closeTimeoutMs })
}

/** A listener for WebSockets at that path. Port 0 stands for one that is free. */
export function listenOn(text: string, options: ListenOptions): Listener {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.hostname === '' || url.search + url.hash + url.username + url.password !== '')
    return invalidOption('endpoint', text, 'ws://host:port/path or wss://host:port/path, and nothing more')
  const isSecure = url.protocol === 'wss:'
  if (!isSecure && options.tls !== undefined) rejectOption('tls', 'left out for ws://; TLS is wss://')
  return wsServer({
    ...options,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port),
    ...(url.pathname !== '/' && { path: url.pathname }),
    tls: isSecure ? (options.tls ?? {}) : undefined,
  })
}
