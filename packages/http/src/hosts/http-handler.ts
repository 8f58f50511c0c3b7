import { allOf, type Gate, localOnly } from '@mcpwire/core'
import {
  createListener,
  defaultsOf,
  matching,
  type OptionDefaults,
  type OptionTable,
  options,
} from '@mcpwire/core/authoring'
import { Endpoint, type HttpListener, mountAcceptor } from '../server/endpoint.js'
import {
  endpointOptions,
  type HttpEndpointOptions,
  type OptionalEndpointOptions,
  requireConsistent,
} from '../server/request/endpoint-options.js'
import { createWebStalls, type HttpFetchInfo, WebExchange } from './web-exchange.js'

/** Options of a handler for web-standard requests. */
export interface HttpHandlerOptions extends HttpEndpointOptions {
  /**
   * URL at which clients reach the handler. It is the `address` of the listener and has no other effect.
   * @defaultValue 'http:'
   */
  url?: string | undefined
}

/** The options of `httpHandler` and `requestHandler`. */
export const handlerOptions: OptionTable<HttpHandlerOptions, OptionalEndpointOptions> = options<
  HttpHandlerOptions,
  OptionalEndpointOptions
>({
  ...endpointOptions.rules,
  url: matching<string, string>(
    (value) =>
      typeof value === 'string' && /^https?:/i.test(value) && (value === 'http:' || URL.canParse(value)),
    'a URL of the scheme http: or https:',
    'http:',
  ),
})

/** What `httpHandler` uses for options that are not given. */
export const httpHandlerDefaults: OptionDefaults<HttpHandlerOptions, OptionalEndpointOptions> =
  /* @__PURE__ */ defaultsOf(handlerOptions)

/** A listener that gets its requests from a server of web-standard requests. */
export interface HttpHandler extends HttpListener {
  /**
   * Handles one request of Hono, Deno, Bun or a worker. Bound, never rejects. Before `start()` the response is 503.
   * Without a gate, a request without `remoteAddress` in `info` is refused.
   */
  readonly fetch: (request: Request, info?: HttpFetchInfo) => Promise<Response>
}

/**
 * A listener for MCP over HTTP, for any server of web-standard `Request` and `Response`. Without a gate it serves
 * callers on this host only, by `Host`, `Origin` and the address passed to `fetch`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @example
 * ```ts
 * const mcp = httpHandler({ gate })
 * await serve(mcp, (connection) => createServer().connect(connection))
 * Deno.serve((request) => mcp.fetch(request))
 * ```
 */
export function httpHandler(given: HttpHandlerOptions = {}): HttpHandler {
  const read = handlerOptions.read(given)
  requireConsistent(read)
  const settings = { ...read, gate: read.gate ?? allOf(knownAddress, localOnly()) }
  const endpoint = new Endpoint(settings, (run) => void settings.clock.deadline(0, run))
  const stalls = createWebStalls(settings)
  const exchangeSettings = { ...settings, stalls, budget: () => endpoint.budget }
  const listener = createListener(
    mountAcceptor(endpoint, settings.url, () => stalls.stop()),
    settings,
  )
  return Object.assign(listener, {
    notify: endpoint.notify,
    fetch: (request: Request, info: HttpFetchInfo = {}): Promise<Response> => {
      const exchange = new WebExchange(request, info, exchangeSettings)
      endpoint.handle(exchange)
      return exchange.response
    },
  })
}

/** `Host` and `Origin` alone prove nothing: any client can send local names. */
const knownAddress: Gate = {
  admit: ({ remote }) =>
    remote.address === undefined
      ? {
          admit: false,
          status: 403,
          reason: 'client address unknown: pass remoteAddress to fetch(), or configure a gate',
        }
      : { admit: true },
}
