import type { Listener, Transport } from '@mcpwire/core'
import { invalidOption, isLoopback, rejectOption } from '@mcpwire/core/authoring'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { corsFor } from '../cors.js'
import type { Endpoint, EndpointOptions, ListenOptions } from '../wire.js'

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/**
 * A transport to a server at an HTTP endpoint: `http://host:port/path`, or `https://…` under TLS. Goes through the
 * proxies that the environment names, but not to this host.
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

/** A listener at that path, `/mcp` where none is named. Port 0 stands for one that is free. */
export function listenOn(text: string, options: ListenOptions): Listener {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.hostname === '' || url.search + url.hash + url.username + url.password !== '')
    return invalidOption(
      'endpoint',
      text,
      'http://host:port/path or https://host:port/path, and nothing more',
    )
  const isSecure = url.protocol === 'https:'
  if (!isSecure && options.tls !== undefined) rejectOption('tls', 'left out for http://; TLS is https://')
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

function isOnThisHost(text: string): boolean {
  const host = URL.canParse(text) ? new URL(text).hostname.replace(/^\[|\]$/g, '') : ''
  return host === 'localhost' || host.endsWith('.localhost') || isLoopback(host)
}
