import {
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type Refusal,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import {
  AdmissionTimer,
  DISCOVER_METHOD,
  LISTEN_METHOD,
  SUBSCRIPTION_KEY,
  toErrorResponse,
} from '@mcpwire/core/authoring'
import {
  CAPABILITY_MISSING,
  HEADER_MISMATCH,
  METHOD_NOT_FOUND,
  UNSUPPORTED_VERSION,
} from '../../shared/error-codes.js'
import type { EndpointSettings } from '../request/endpoint-options.js'
import {
  expiredCredential,
  type HttpFailure,
  jsonHeaders,
  respondWithRefusal,
} from '../request/http-errors.js'
import type { Caller, EventStream, HttpExchange } from '../request/http-exchange.js'
import { jsonWithin, type ResponseFormat, unsendable } from '../request/message-body.js'
import { type KeepAliveScheduler, keepAlive, type ScheduledStream } from '../request/periodic-check.js'
import { eventStreamHeaders, messageEvent } from '../responses/event-text.js'

const done: Promise<void> = Promise.resolve()

/** The services of the endpoint that a request uses. */
export interface RequestHost {
  readonly settings: EndpointSettings
  readonly keepAlive: KeepAliveScheduler
  /** Responds with an error, and reports it if it is a refusal. */
  fail(exchange: HttpExchange, failure: HttpFailure): void
  /** Reports an error response that is a refusal. */
  failed(exchange: HttpExchange, failure: HttpFailure): void
  /** Refuses a caller, and reports it. */
  refuse(exchange: HttpExchange, refusal: Refusal): void
}

/** `undecided` until something is sent, then `open` for an event stream. The response ends it. */
type State = 'undecided' | 'open' | 'over'

/** One request of 2026-07-28 and its HTTP response. */
export class StatelessRequest implements ScheduledStream {
  readonly id: RequestId
  readonly method: string
  readonly caller: Caller
  dueAt: number = Infinity
  readonly #host: RequestHost
  readonly #exchange: HttpExchange
  readonly #format: ResponseFormat
  #state: State = 'undecided'
  #stream: EventStream | undefined
  #admissionTimer: AdmissionTimer | undefined
  #onDisconnect: (() => void) | undefined
  #onEnd: (() => void) | undefined

  constructor(
    host: RequestHost,
    exchange: HttpExchange,
    how: { readonly message: JsonRpcRequest; readonly caller: Caller; readonly format: ResponseFormat },
  ) {
    this.#host = host
    this.#exchange = exchange
    this.id = how.message.id
    this.method = how.message.method
    this.caller = how.caller
    this.#format = how.format
  }

  /** Whether it opens a subscription, which lasts until one side ends it. */
  get isListen(): boolean {
    return this.method === LISTEN_METHOD
  }

  /** Whether it was answered, or its client has disconnected. */
  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** Sets the callback for the end of the request. It runs once. */
  whenOver(callback: () => void): void {
    this.#onEnd = callback
  }

  /** Starts to wait for the response. `onDisconnect` is called if the client disconnects or loses its admission. */
  await(onDisconnect: () => void): void {
    const { settings } = this.#host
    const { admission } = this.caller
    this.#onDisconnect = onDisconnect
    this.#resetKeepAlive()
    this.#host.keepAlive.add(this)
    if (admission.expiresAt !== undefined || admission.revoked !== undefined) {
      this.#admissionTimer = new AdmissionTimer(settings.clock, () => this.#expire())
      this.#admissionTimer.renew(admission)
    }
    this.#exchange.whenDisconnected(() => this.#disconnected())
  }

  /** Sends a message that belongs to the request and is not its response. Dropped if the format is JSON. */
  notify(message: JsonRpcMessage): Promise<void> {
    if (this.#state === 'over' || this.#format === 'json') return done
    const json = jsonWithin(message, this.#host.settings.maxMessageBytes)
    return this.#open().write(messageEvent(json))
  }

  /** Sends the response, or an error where it cannot be sent. */
  respond(response: JsonRpcResponse): Promise<void> {
    let json: string
    try {
      json = jsonWithin(response, this.#host.settings.maxMessageBytes)
    } catch (error) {
      // The client awaits a response, so it gets an error instead.
      void this.#send(JSON.stringify({ jsonrpc: '2.0', id: this.id, error: unsendable }), 200)
      return Promise.reject(error)
    }
    return this.#send(json, statusOf(response, this.method))
  }

  /** Ends an acknowledged subscription in order. */
  complete(): Promise<void> {
    const result = { resultType: 'complete', _meta: { [SUBSCRIPTION_KEY]: this.id } }
    return this.respond({ jsonrpc: '2.0', id: this.id, result })
  }

  /** Ends the request with an error, as the application will not answer. Resolves once the response is sent. */
  abandon(): Promise<void> {
    if (this.isListen && this.#state === 'open') return this.complete()
    const message = 'the server ended before the request was answered'
    const lost = new TransportError('OUTCOME_UNKNOWN', message, { method: this.method })
    return this.respond(toErrorResponse(this.id, lost))
  }

  /** Responds with a refusal, unless the response has begun. */
  refuse(refusal: Refusal): void {
    if (this.#state !== 'undecided') return
    this.#over()
    respondWithRefusal(this.#exchange, refusal, this.id)
  }

  /** Responds with an error: in the event stream, where it has begun. */
  fail(failure: HttpFailure): void {
    if (this.#state === 'over') return
    if (this.#stream) {
      const { code, message, data } = failure
      void this.#send(JSON.stringify({ jsonrpc: '2.0', id: this.id, error: { code, message, data } }), 200)
      this.#host.failed(this.#exchange, failure)
      return
    }
    this.#over()
    this.#host.fail(this.#exchange, failure)
  }

  tick(now: number): void {
    keepAlive(this.#open())
    this.dueAt = now + this.#host.settings.keepAliveIntervalMs
  }

  #open(): EventStream {
    this.#state = 'open'
    this.#resetKeepAlive()
    this.#stream ??= this.#exchange.openStream(eventStreamHeaders)
    return this.#stream
  }

  #send(json: string, status: number): Promise<void> {
    const stream = this.#stream
    const isDecided = this.#state !== 'undecided'
    this.#over()
    if (stream) {
      const sent = stream.write(messageEvent(json))
      void stream.end()
      return sent
    }
    if (isDecided) return done
    if (this.#format === 'sse' && status === 200) {
      this.#exchange.respond(200, eventStreamHeaders, messageEvent(json))
    } else this.#exchange.respond(status, jsonHeaders, json)
    return done
  }

  #resetKeepAlive(): void {
    const { clock, keepAliveIntervalMs } = this.#host.settings
    this.dueAt = this.#format === 'json' ? Infinity : clock.now() + keepAliveIntervalMs
  }

  #disconnected(): void {
    if (this.#state === 'over') return
    const onDisconnect = this.#onDisconnect
    this.#over()
    onDisconnect?.()
  }

  /** The admission has ended: the request ends, and the client needs another credential. */
  #expire(): void {
    if (this.#state === 'over') return
    const stream = this.#stream
    this.#disconnected()
    if (stream) void stream.end()
    else this.#host.refuse(this.#exchange, expiredCredential)
  }

  #over(): void {
    this.#state = 'over'
    this.#stream = undefined
    this.#onDisconnect = undefined
    this.#admissionTimer?.end()
    this.#host.keepAlive.delete(this)
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.()
  }
}

/** The statuses that go with errors (2026-07-28, Streamable HTTP). Any other response has 200. */
const STATUSES: Readonly<Record<number, number>> = {
  [METHOD_NOT_FOUND]: 404,
  [HEADER_MISMATCH]: 400,
  [CAPABILITY_MISSING]: 400,
  [UNSUPPORTED_VERSION]: 400,
}

function statusOf(response: JsonRpcResponse, method: string): number {
  const code = 'error' in response ? response.error.code : 0
  // Every server of 2026-07-28 has this method. With 404 clients would take an older server for one (VER-C-06).
  if (method === DISCOVER_METHOD && code === METHOD_NOT_FOUND) return 400
  return STATUSES[code] ?? 200
}
