import type { Transport } from '@mcpwire/core'
import { createTransport } from '@mcpwire/core/authoring'
import { createEngine } from '#engine'
import type { Engine, Fetch } from '../engines/engine.js'
import { Authorization } from './call/authorization.js'
import { CallbackTimeouts } from './call/callbacks.js'
import type { ClientContext } from './call/client-context.js'
import { EventReaders } from './call/event-reader.js'
import { IdleWatch, PauseState } from './call/idle-watch.js'
import { RequestHeaders } from './call/request-headers.js'
import { httpChannel } from './http-channel.js'
import { type HttpClientOptions, readHttpClientOptions } from './http-client-options.js'

/** How long a response may stay open after its last message, in milliseconds. */
const LINGER_MS = 2_000

/**
 * A transport to one MCP server over Streamable HTTP, or over HTTP+SSE where the server supports nothing newer. Opens
 * no connection before the first `send()`.
 *
 * `send()` resolves when the server has accepted the message. It rejects with:
 * - `CONNECT_FAILED` or `CONNECT_TIMEOUT`, where the first message reaches no MCP server
 * - `AUTH_REQUIRED` (401) or `REFUSED` (403, 503, and other statuses for a message that is no request)
 * - `SESSION_LOST`, or `SEND_FAILED` for any other failure
 * - the error that `auth` or `headers()` threw
 *
 * A request that is refused with another status of 4xx, or whose response is lost, gets a JSON-RPC error as its
 * response.
 *
 * @throws TransportError `INVALID_OPTION`
 * @example
 * ```ts
 * const client = new Client({ name: 'demo', version: '1.0.0' })
 * await client.connect(httpClient({ url: 'https://mcp.example/mcp' }))
 * ```
 */
export function httpClient(options: HttpClientOptions): Transport {
  const settings = readHttpClientOptions(options)
  const { url, auth, clock } = settings
  const address = `${url.protocol}//${url.host}${url.pathname}`
  const peer = Object.freeze({ medium: 'http', address })
  const engineSettings = { ...settings, address }
  // Made here to check its options. It opens nothing, and holds nothing until it is used.
  let unused: Engine | undefined = createEngine(engineSettings)

  function newContext(engine: Engine): ClientContext {
    const callbacks = new CallbackTimeouts(clock)
    const pauseState = new PauseState(clock)
    // Called without a receiver: the platform's function rejects any other `this`.
    const fetch: Fetch = (url, init) => (settings.fetch ?? globalThis.fetch)(url, init)
    const authorization = auth && new Authorization({ ...settings, auth, serverUrl: url, fetch, callbacks })
    const token = authorization && (() => authorization.token())
    const requestHeaders = new RequestHeaders({ ...settings, token, callbacks })
    requestHeaders.sessionId = settings.sessionId
    requestHeaders.protocolVersion = settings.protocolVersion
    return {
      ...settings,
      engine,
      address,
      headers: requestHeaders,
      authorization,
      callbacks,
      watch: new IdleWatch(clock, settings.streamIdleTimeoutMs, pauseState),
      lingering: new IdleWatch(clock, LINGER_MS),
      readers: new EventReaders(settings.maxMessageBytes),
      reconnect: { ...settings, ...settings.reconnect },
      pauseState,
      history: { hasResponded: false, hasAccepted: false },
      traffic: { bytesSent: 0, bytesReceived: 0 },
    }
  }

  return createTransport(
    {
      connect: async (sink, signal) => {
        signal.throwIfAborted()
        const engine = unused ?? createEngine(engineSettings)
        unused = undefined
        if (engine.prepare) await engine.prepare()
        return httpChannel(newContext(engine), sink, { ...settings, peer })
      },
    },
    settings,
  )
}
