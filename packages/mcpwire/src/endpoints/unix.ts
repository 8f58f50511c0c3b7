import { type Listener, type Transport, TransportError } from '@mcpwire/core'
import { invalidOption } from '@mcpwire/core/authoring'
import { unixClient, unixServer } from '@mcpwire/unix'
import type { Endpoint, EndpointOptions, ListenOptions } from '../endpoint-provider.js'
import { preambleOf } from '../preamble.js'

/**
 * Creates a transport to a server at a Unix socket: `unix:/path`, or `unix:@name` for an abstract name.
 *
 * @example
 * ```ts
 * const transport = connectTo('unix:/run/mcp.sock', {})
 * ```
 */
export function connectTo(target: Endpoint, options: EndpointOptions): Transport {
  refuseTls(options)
  const { headers, maxMessageBytes, closeTimeoutMs } = options
  return unixClient({
    path: pathOf(target),
    preamble: preambleOf(headers),
    maxMessageBytes,
    closeTimeoutMs,
  })
}

/**
 * Creates a listener at a Unix socket.
 *
 * @example
 * ```ts
 * const listener = listenOn('unix:/run/mcp.sock', {})
 * ```
 */
export function listenOn(url: string, options: ListenOptions): Listener {
  refuseTls(options)
  return unixServer({ ...options, path: pathOf(url) })
}

function refuseTls({ tls }: EndpointOptions | ListenOptions): void {
  if (tls !== undefined)
    throw new TransportError('INVALID_OPTION', 'option "tls" does not apply to unix: URLs', { option: 'tls' })
}

function pathOf(target: Endpoint): string {
  // Not decoded: a path may contain characters that a URL would escape. `unix:///path` is the same as `unix:/path`.
  const path = String(target).replace(/^unix:(\/\/(?=\/))?/i, '')
  if (path === '') return invalidOption('endpoint', target, 'unix:/path, or unix:@name for an abstract name')
  return path
}
