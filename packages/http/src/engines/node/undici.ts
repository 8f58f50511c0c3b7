import type { IncomingHttpHeaders } from 'node:http'
import { Client, type Dispatcher } from 'undici'
import {
  type Engine,
  type EngineCall,
  type EngineHandlers,
  type EngineRequest,
  type EngineSettings,
  openingTimeout,
  type ResponseHead,
} from '../engine.js'
import { deliveryOf } from '../failures.js'
import { Slots } from '../slots.js'
import type { HttpProxy } from './proxy.js'
import { describeConnectionError, type SocketConnector } from './socket-connector.js'

/** How long an idle socket stays open where the server sets no limit, in milliseconds. */
const IDLE_SOCKET_MS = 4_000

/** An engine on undici, with one of its clients per socket. An idle socket does not keep the process alive. */
export function undiciEngine(settings: EngineSettings, connector: SocketConnector): Engine {
  const { url, maxSockets } = settings
  const { origin } = url
  const clients: Client[] = []
  let isClosed = false

  function newClient(): Client {
    const client = new Client(origin, {
      connect: (_options, done) => connector.connect(done),
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_SOCKET_MS,
    })
    clients.push(client)
    return client
  }

  const slots = new Slots<Client, UndiciCall>(maxSockets, newClient)
  // Shared by all calls: a copy for each would take 6 % of the time of a short one.
  const callSettings: CallSettings = { ...settings, slots, forwarder: connector.forwarder }
  return {
    send(request, handlers) {
      const call = new UndiciCall(request, handlers, callSettings)
      if (isClosed) call.fail(new Error('the engine is closed'))
      else if (targetOf(request.url).origin !== origin) call.fail(new Error(`not a request to ${origin}`))
      else slots.acquire(call)
      return call
    },
    async close() {
      const error = new Error('the engine is closed')
      isClosed = true
      for (const call of slots.removeAll()) call.fail(error)
      await Promise.all([...clients.map((client) => client.destroy(error)), connector.close()])
    },
  }
}

/** The parts of a URL that a request needs. */
interface Target {
  readonly origin: string
  readonly path: string
}

const targets = new WeakMap<URL, Target>()

/** Parsed once: a client sends all its requests to one or two URLs, and never changes them. */
function targetOf(url: URL): Target {
  let target = targets.get(url)
  if (!target) {
    target = { origin: url.origin, path: url.pathname + url.search }
    targets.set(url, target)
  }
  return target
}

interface CallSettings extends Pick<EngineSettings, 'address' | 'connectTimeoutMs' | 'clock'> {
  readonly slots: Slots<Client, UndiciCall>
  readonly forwarder: HttpProxy | undefined
}

/** The status of a proxy that requires a credential. */
const PROXY_REFUSED = 407

/** One request, from its wait for a socket to the end of its response. */
class UndiciCall implements EngineCall, Dispatcher.DispatchHandler {
  readonly isReply: boolean
  readonly #request: EngineRequest
  readonly #handlers: EngineHandlers
  readonly #settings: CallSettings
  #deadline: Disposable | undefined
  #client: Client | undefined
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false
  #isPaused = false
  #isDispatching = false

  constructor(request: EngineRequest, handlers: EngineHandlers, settings: CallSettings) {
    this.isReply = request.isReply ?? false
    this.#request = request
    this.#handlers = handlers
    this.#settings = settings
  }

  get isSent(): boolean {
    return this.#controller !== undefined
  }

  begin(client: Client): void {
    const { method, url, body } = this.#request
    const { forwarder } = this.#settings
    const { origin, path: ofServer } = targetOf(url)
    // A proxy gets the absolute form, and its own credential (RFC 9112, section 3.2.2).
    const path = forwarder ? origin + ofServer : ofServer
    const headers = forwarder ? { ...this.#request.headers, ...forwarder.headers } : this.#request.headers
    this.#client = client
    this.#isDispatching = true
    client.dispatch({ path, method, headers, body: body ?? null }, this)
    this.#isDispatching = false
  }

  abort(): void {
    this.#end()
  }

  pause(): void {
    this.#isPaused = true
    this.#controller?.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    // undici has one parser for all sockets: a call must not continue within the data of another.
    queueMicrotask(() => {
      if (!this.#isPaused && !this.#isOver) this.#controller?.resume()
    })
  }

  /** Ends the call with an error, after `send()` has returned. */
  fail(cause: Error): void {
    queueMicrotask(() => {
      const delivery = this.#delivery(cause)
      if (this.#end()) this.#handlers.failed(describeConnectionError(cause), delivery)
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Before anything is written, so that the socket serves the next request.
    if (this.#isOver) throw new Error('aborted')
    this.#controller = controller
    if (this.#isPaused) controller.pause()
    if (this.#request.isOpening) this.#startDeadline()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText?: string,
  ): void {
    if (status < 200 || this.#isOver) return
    this.#deadline?.[Symbol.dispose]()
    const { forwarder } = this.#settings
    if (forwarder && status === PROXY_REFUSED) {
      const cause = new Error(`proxy ${forwarder.name}: it responded with status ${status}`)
      if (this.#end()) this.#handlers.failed(cause, 'none')
      return
    }
    this.#handlers.head(new Head(status, statusText ?? '', headers))
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#isOver) this.#handlers.data(chunk)
  }

  onResponseEnd(): void {
    const isOver = this.#isOver
    this.#isOver = true
    this.#deadline?.[Symbol.dispose]()
    // Before the handler, so that a message sent within it uses this socket.
    this.#release()
    if (!isOver) this.#handlers.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    const delivery = this.#delivery(cause)
    this.#release()
    if (this.#isDispatching) this.fail(cause)
    else if (this.#end()) this.#handlers.failed(failureOf(cause), delivery)
  }

  /** undici starts a request right before it writes it; after that, only TLS can keep it from the server. */
  #delivery(cause: Error): 'none' | 'unknown' {
    return this.isSent ? deliveryOf(cause) : 'none'
  }

  #startDeadline(): void {
    const { clock, connectTimeoutMs } = this.#settings
    this.#deadline = clock.deadline(connectTimeoutMs, () => {
      if (this.#end()) this.#handlers.failed(openingTimeout(this.#settings), 'unknown')
    })
  }

  /** Ends the call. Returns whether it was still in progress. */
  #end(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#deadline?.[Symbol.dispose]()
    if (!this.#client) this.#settings.slots.remove(this)
    else this.#controller?.abort(new Error('aborted'))
    return true
  }

  #release(): void {
    const client = this.#client
    if (!client) return
    this.#client = undefined
    this.#settings.slots.release(client)
  }
}

/** undici reports every connection that ends too early as a failed socket. */
function failureOf(cause: Error): Error {
  if ((cause as NodeJS.ErrnoException).code !== 'UND_ERR_SOCKET') return describeConnectionError(cause)
  return new Error('the connection was closed before the response was complete', { cause })
}

class Head implements ResponseHead {
  readonly status: number
  readonly statusText: string
  readonly #headers: IncomingHttpHeaders

  constructor(status: number, statusText: string, headers: IncomingHttpHeaders) {
    this.status = status
    this.statusText = statusText
    this.#headers = headers
  }

  header(name: string): string | undefined {
    const value = this.#headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  get cookies(): readonly string[] | undefined {
    // A single one is no array, although the types have one.
    const cookies: string | readonly string[] | undefined = this.#headers['set-cookie']
    return typeof cookies === 'string' ? [cookies] : cookies
  }
}
