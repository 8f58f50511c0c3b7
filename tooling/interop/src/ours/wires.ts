import type { Listener, Transport } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { type HttpServerOptions, httpServer } from '@mcpwire/http/node'
import { stdioClient, stdioServer } from '@mcpwire/stdio'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { unixClient, unixServer } from '@mcpwire/unix'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'

/** How an HTTP server answers, as its options. */
const httpModes: Readonly<Record<string, Partial<HttpServerOptions>>> = {
  auto: {},
  json: { responseFormat: 'json' },
  sse: { responseFormat: 'sse' },
  'http-sse': { httpSse: { path: '/sse', messagesPath: '/messages' } },
  'legacy-only': { modern: 'off' },
}

/** A client transport for a URL, or for a command. */
export function dial(wire: string, target: readonly string[]): Transport {
  const [first = '', ...args] = target
  if (wire === 'stdio') return stdioClient({ command: first, args, stderr: 'inherit' })
  if (wire === 'tcp') {
    const { hostname, port } = new URL(first)
    return tcpClient({ host: hostname, port: Number(port) })
  }
  if (wire === 'unix') return unixClient({ path: first.slice('unix:'.length) })
  if (wire === 'ws') return wsClient({ url: first })
  return httpClient({ url: first })
}

/** A server of one wire. Port 0 selects a free port. */
export function listen(wire: string, mode: string, path: string): Listener | Transport {
  switch (wire) {
    case 'stdio':
      return stdioServer()
    case 'tcp':
      return tcpServer({ port: 0 })
    case 'unix':
      return unixServer({ path })
    case 'ws':
      return wsServer({ port: 0 })
    default:
      return httpServer({ port: 0, ...httpModes[mode] })
  }
}
