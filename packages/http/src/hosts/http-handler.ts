import { allOf, type Gate, localOnly } from '@mcpwire/core'
import {
  createListener,
  type KnownOptions,
  requireKnownOptions,
  resolveOptions,
} from '@mcpwire/core/authoring'
import { Endpoint } from '../server/endpoint.js'
import type { HttpListener } from '../server/http-listener.js'
import { mountAcceptor } from '../server/mounted-acceptor.js'
import {
  type HttpEndpointOptions,
  httpEndpointDefaults,
  knownEndpointOptions,
  requireEndpointOptions,
} from '../server/request/endpoint-options.js'
import { type HttpFetchInfo, WebExchange, webStalls } from './web-exchange.js'

/** Options of a handler for web-standard requests. */
export interface HttpHandlerOptions extends HttpEndpointOptions {
  /**
   * The URL under which clients reach what serves the handler; `address` of the listener repeats it.
   * @defaultValue 'http:'
   */
  url?: string | undefined
}

/** What `httpHandler` uses for options that are not given. */
export const httpHandlerDefaults: { readonly url: 'http:' } & typeof httpEndpointDefaults = {
  url: 'http:',
  ...httpEndpointDefaults,
}

/** Each option of a handler. */
export const knownHandlerOptions: KnownOptions<HttpHandlerOptions> = { ...knownEndpointOptions, url: 1 }

/** A listener that is brought its requests by whatever serves HTTP. */
export interface HttpHandler extends HttpListener {
  /**
   * Answers one request: of Hono, Deno, Bun, a worker. Bound, never rejects. Before `start()` it answers 503. Without a
   * gate it refuses those for which `info` has no `remoteAddress`.
   */
  readonly fetch: (request: Request, info?: HttpFetchInfo) => Promise<Response>
}

/**
 * A listener for MCP over HTTP in front of which anything can stand that speaks `Request` and `Response`. Without a
 * gate it serves callers on this host only, by `Host`, `Origin` and the address that `fetch` is told of.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function httpHandler(options: HttpHandlerOptions = {}): HttpHandler {
  requireKnownOptions(options, knownHandlerOptions)
  const settings = resolveOptions(httpHandlerDefaults, options)
  requireEndpointOptions(settings)
  const gate = settings.gate ?? allOf(knownAddress, localOnly())
  const endpoint = new Endpoint({ ...settings, gate })
  const stalls = webStalls(settings)
  const exchanges = { ...settings, stalls }
  const acceptor = mountAcceptor(endpoint, settings.url, () => stalls.stop())
  const listener = createListener(acceptor, { ...settings, gate: endpoint.gate })
  return Object.assign(listener, {
    notify: endpoint.notify,
    fetch: (request: Request, info: HttpFetchInfo = {}): Promise<Response> => {
      const exchange = new WebExchange(request, info, exchanges)
      endpoint.handle(exchange)
      return exchange.response
    },
  })
}

/** Anybody can call us by a local name: who does not say where callers are must say who may call. */
const knownAddress: Gate = {
  admit: ({ remote }) =>
    remote.address === undefined
      ? {
          admit: false,
          status: 403,
          reason: 'where the caller is was not told: pass remoteAddress, or give a gate',
        }
      : { admit: true },
}
