import { type Listener, type Transport, TransportError } from '@mcpwire/core'
import { invalidOption } from '@mcpwire/core/authoring'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import type { Endpoint, EndpointOptions, ListenOptions } from '../endpoint-provider.js'
import { preambleOf } from '../preamble.js'

/**
 * Creates a transport to a server at `tcp://host:port`, or `tcps://host:port` with TLS.
 *
 * @example
 * ```ts
 * const transport = connectTo('tcp://127.0.0.1:7000', {})
 * ```
 */
export function connectTo(target: Endpoint, options: EndpointOptions): Transport {
  const { host, port, isSecure } = parseUrl(target, 1)
  const { headers, tls, maxMessageBytes, closeTimeoutMs, pingIntervalMs } = options
  return tcpClient({
    host,
    port,
    tls: tlsFor(isSecure, tls),
    preamble: preambleOf(headers),
    maxMessageBytes,
    closeTimeoutMs,
    pingIntervalMs,
  })
}

/**
 * Creates a listener at the URL. Port 0 is any free port.
 *
 * @example
 * ```ts
 * const listener = listenOn('tcp://127.0.0.1:0', {})
 * ```
 */
export function listenOn(url: string, options: ListenOptions): Listener {
  const { host, port, isSecure } = parseUrl(url, 0)
  return tcpServer({ ...options, host, port, tls: tlsFor(isSecure, options.tls) })
}

/** Refuses certificates for a URL without TLS, which would not use them. */
function tlsFor<T extends object>(isSecure: boolean, given: T | undefined): T | undefined {
  if (!isSecure && given !== undefined)
    throw new TransportError('INVALID_OPTION', 'option "tls" requires a tcps: URL', { option: 'tls' })
  return isSecure ? (given ?? ({} as T)) : undefined
}

interface TcpUrl {
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
}

function parseUrl(target: Endpoint, lowestPort: number): TcpUrl {
  const text = String(target)
  const url = typeof target === 'string' && URL.canParse(target) ? new URL(target) : undefined
  const port = Number(url?.port)
  const { pathname = '', search = '', hash = '', username = '', password = '' } = url ?? {}
  const isBare = pathname.replace('/', '') + search + hash + username + password === ''
  if (!url || !isBare || url.hostname === '' || url.port === '' || port < lowestPort) {
    return invalidOption('endpoint', text, 'tcp://host:port or tcps://host:port without more')
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, isSecure: url.protocol === 'tcps:' }
}
