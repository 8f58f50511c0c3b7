import type { Listener, Transport } from '@mcpwire/core'
import { invalidOption, rejectOption } from '@mcpwire/core/authoring'
import { unixClient, unixServer } from '@mcpwire/unix'
import type { Endpoint, EndpointOptions, ListenOptions } from '../wire.js'

/** A transport to a server that listens on a Unix socket: `unix:/path`, or `unix:@name` for an abstract name. */
export function connectTo(target: Endpoint, options: EndpointOptions): Transport {
  refuseTls(options)
  const { maxMessageBytes, closeTimeoutMs } = options
  return unixClient({ path: pathOf(target), maxMessageBytes, closeTimeoutMs })
}

/** A listener on a Unix socket. */
export function listenOn(url: string, options: ListenOptions): Listener {
  refuseTls(options)
  return unixServer({ ...options, path: pathOf(url) })
}

function refuseTls({ tls }: EndpointOptions | ListenOptions): void {
  if (tls !== undefined) rejectOption('tls', 'left out for unix:, which has permissions')
}

function pathOf(target: Endpoint): string {
  // As it is written: a path may hold what a URL would escape. `unix:///path` is the same as `unix:/path`.
  const path = String(target).replace(/^unix:(\/\/(?=\/))?/i, '')
  if (path === '') return invalidOption('endpoint', target, 'unix:/path, or unix:@name for an abstract name')
  return path
}
