import type { IncomingMessage, ServerResponse } from 'node:http'
import { localOnly } from '@mcpwire/core'
import { createListener } from '@mcpwire/core/authoring'
import { Endpoint, type HttpListener, mountAcceptor } from '../../server/endpoint.js'
import { requireConsistent } from '../../server/request/endpoint-options.js'
import { type HttpHandlerOptions, handlerOptions } from '../http-handler.js'
import { NodeHost, nextTurn } from './node-host.js'

/** A listener that gets its requests from a server of `node:http`, or from a framework on one. */
export interface HttpRequestHandler extends HttpListener {
  /**
   * Handles one request. Bound. Throws only for objects that are not those of `node:http`: with Fastify pass `raw`. A
   * body that a middleware has read is passed here, or found in `request.body`, where `express.json()` puts it. The
   * middleware then limits its length. Before `start()` the response is 503.
   */
  readonly handle: (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown) => void
}

/**
 * A listener for MCP over HTTP on an existing server: plain `node:http`, Express, Fastify. Without a gate it serves
 * callers on this host only, wherever the server binds. Closing it does not close the server.
 *
 * @throws TransportError `INVALID_OPTION`
 * @example
 * ```ts
 * const mcp = requestHandler({ gate })
 * await serve(mcp, (connection) => createServer().connect(connection))
 * app.all('/mcp', mcp.handle)
 * ```
 */
export function requestHandler(given: HttpHandlerOptions = {}): HttpRequestHandler {
  const read = handlerOptions.read(given)
  requireConsistent(read)
  const settings = { ...read, gate: read.gate ?? localOnly() }
  const endpoint = new Endpoint(settings, nextTurn)
  const host = new NodeHost(endpoint, settings)
  const listener = createListener(
    mountAcceptor(endpoint, settings.url, () => host.stop()),
    settings,
  )
  return Object.assign(listener, {
    notify: endpoint.notify,
    handle: (request: IncomingMessage, response: ServerResponse, third?: unknown): void => {
      requireNodeObjects(request, response)
      // Express passes `next` there.
      const parsedBody = typeof third === 'function' ? undefined : third
      host.handle(request, response, parsedBody ?? bodyOfMiddleware(request))
    },
  })
}

/** JavaScript users may pass the request and response of a framework. */
function requireNodeObjects(request: unknown, response: unknown): void {
  const { on } = (request ?? {}) as Partial<IncomingMessage>
  const { once, writeHead } = (response ?? {}) as Partial<ServerResponse>
  if (typeof on === 'function' && typeof once === 'function' && typeof writeHead === 'function') return
  throw new TypeError(
    'handle() takes request and response of node:http; with Fastify call reply.hijack(), and pass request.raw and reply.raw',
  )
}

function bodyOfMiddleware(request: IncomingMessage & { readonly body?: unknown }): unknown {
  return request.readableEnded ? request.body : undefined
}
