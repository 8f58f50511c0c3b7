import type { IncomingMessage, ServerResponse } from 'node:http'
import { localOnly } from '@mcpwire/core'
import { createListener, requireKnownOptions, resolveOptions } from '@mcpwire/core/authoring'
import { Endpoint } from '../../server/endpoint.js'
import type { HttpListener } from '../../server/http-listener.js'
import { mountAcceptor } from '../../server/mounted-acceptor.js'
import { requireEndpointOptions } from '../../server/request/endpoint-options.js'
import { type HttpHandlerOptions, httpHandlerDefaults, knownHandlerOptions } from '../http-handler.js'
import { Departures } from './departures.js'
import { NodeExchange } from './node-exchange.js'
import { Pipelines } from './pipelines.js'
import { socketStalls } from './socket-stalls.js'

/** A listener that is brought its requests by a server of `node:http`, or a framework on one. */
export interface HttpRequestHandler extends HttpListener {
  /**
   * Answers one request. Bound; throws only where request and response are not those of `node:http`, as those of
   * Fastify, whose `raw` are. A body that a middleware has read is taken from `request.body`, where `express.json()`
   * leaves it, or passed here; that middleware then bounds its length. Before `start()` it answers 503.
   */
  readonly handle: (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown) => void
}

/**
 * A listener for MCP over HTTP on a server that is there already: plain `node:http`, Express, Fastify. Without a gate
 * it serves callers on this host only, wherever the server binds. Closing it leaves the server alone.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function requestHandler(options: HttpHandlerOptions = {}): HttpRequestHandler {
  requireKnownOptions(options, knownHandlerOptions)
  const settings = resolveOptions(httpHandlerDefaults, options)
  requireEndpointOptions(settings)
  const gate = settings.gate ?? localOnly()
  const endpoint = new Endpoint({ ...settings, gate })
  const stalls = socketStalls(settings)
  const pipelines = new Pipelines(stalls, settings.maxQueuedBytes)
  const departures = new Departures(stalls)
  const exchanges = { ...settings, departures, stalls, pipelines, isClosing: () => false }
  const acceptor = mountAcceptor(endpoint, settings.url, () => stalls.stop())
  const listener = createListener(acceptor, { ...settings, gate: endpoint.gate })
  return Object.assign(listener, {
    notify: endpoint.notify,
    handle: (request: IncomingMessage, response: ServerResponse, third?: unknown): void => {
      requireNodes(request, response)
      // As a middleware of Express it gets the next one there.
      const parsedBody = typeof third === 'function' ? undefined : third
      const body = parsedBody ?? bodyReadBefore(request)
      const serve = (): void => endpoint.handle(new NodeExchange(request, response, exchanges, body))
      if (pipelines.isBehind(response)) pipelines.add(request, response, serve)
      else serve()
    },
  })
}

/** Frameworks wrap them, and whoever asked for none of our types passes on what the framework gave. */
function requireNodes(request: unknown, response: unknown): void {
  const { on } = (request ?? {}) as Partial<IncomingMessage>
  const { once, writeHead } = (response ?? {}) as Partial<ServerResponse>
  if (typeof on === 'function' && typeof once === 'function' && typeof writeHead === 'function') return
  throw new TypeError(
    'handle() takes request and response of node:http; with Fastify call reply.hijack(), and pass request.raw and reply.raw',
  )
}

function bodyReadBefore(request: IncomingMessage & { readonly body?: unknown }): unknown {
  return request.readableEnded ? request.body : undefined
}
