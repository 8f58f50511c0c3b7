import {
  type JsonRpcMessage,
  type JsonRpcRequest,
  type ProgressToken,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import { ignore, toErrorResponse } from '@mcpwire/core/authoring'
import { jsonHeaders } from '../request/http-errors.js'
import type { EventStream, HeaderLines, HttpExchange } from '../request/http-exchange.js'
import type { Outgoing, ResponseFormat } from '../request/message-body.js'
import { keepAlive, type ScheduledStream } from '../request/periodic-check.js'
import { type EventLog, settleStored } from './event-log.js'
import {
  completeEventsHeaders,
  eventStreamHeaders,
  messageEvent,
  overloadError,
  primingEvent,
  retryHint,
} from './event-text.js'
import { endWithin } from './event-writer.js'
import type { StreamOwner } from './stream-owner.js'

// The response to one POST with requests.
//
//   undecided ──respond(): JSON──────────────────────────────────────▶ over
//       │ notify() or keep-alive: becomes an event stream               ▲
//       ▼                                                               │
//     open ──────────── last response sent ─────────────────────────────┤
//       │ client disconnects, or closeForPolling()                      │
//       ▼                                                               │
//     away ──────────── last response stored, or cancelled ─────────────┘
//       └── continueOn(): the client resumes, with an event store ──▶ open
type State = 'undecided' | 'open' | 'away' | 'over'

/** How long the application has to send a rejected response again, once the queue has capacity. */
const RESEND_MS = 1_000

const noHeaders: HeaderLines = []
const done: Promise<void> = Promise.resolve()

/** One request of the client that awaits its response. */
export class PendingRequest {
  readonly id: RequestId
  readonly method: string
  readonly progressToken: ProgressToken | undefined
  readonly response: PostResponse
  /** Whether its task goes on after its response. */
  readonly isTask: boolean
  isAnswered = false

  constructor({ id, method, params }: JsonRpcRequest, response: PostResponse) {
    this.id = id
    this.method = method
    this.progressToken = params?._meta?.progressToken
    this.isTask = params?.['task'] !== undefined
    this.response = response
  }
}

/** The HTTP response to a POST with one or, in a batch, several requests. */
export class PostResponse implements ScheduledStream {
  /** The stream in the event store, where the response is, or may become, one that can be resumed. */
  log: EventLog | undefined
  dueAt: number = Infinity
  readonly #owner: StreamOwner
  #format: ResponseFormat
  readonly #acceptsEvents: boolean
  readonly #isBatch: boolean
  /** Set for the response that opens a session: the header with its id. */
  #headers: HeaderLines
  readonly #requests: PendingRequest[] = []
  #unanswered = 0
  #state: State = 'undecided'
  #exchange: HttpExchange | undefined
  #stream: EventStream | undefined
  /** The responses of a batch, until the batch is complete. */
  #responses: Outgoing[] | undefined
  #cancelTimer: Disposable | undefined
  /** Requests whose responses were rejected as `OVERLOADED`. The application may not send them again. */
  readonly #rejected = new Set<PendingRequest>()
  #resendTimer: Disposable | undefined

  constructor(
    owner: StreamOwner,
    exchange: HttpExchange,
    how: {
      readonly format: ResponseFormat
      /** Whether the client accepts an event stream in place of JSON. */
      readonly acceptsEvents: boolean
      readonly isBatch: boolean
      readonly headers: HeaderLines
    },
  ) {
    this.#owner = owner
    this.#format = how.format
    this.#acceptsEvents = how.acceptsEvents
    this.#isBatch = how.isBatch
    this.#headers = how.headers
    this.#attach(exchange)
  }

  /** Whether it can carry messages besides responses. */
  get carriesMessages(): boolean {
    if (this.#state === 'over' || this.#format === 'json') return false
    return this.#state !== 'away' || this.log !== undefined
  }

  /**
   * Makes it carry messages, although its format is JSON: a request of the application would otherwise wait for a stream
   * that the client may never open. Returns whether it can.
   */
  allowMessages(): boolean {
    if (this.isJson && this.#acceptsEvents && this.#state === 'undecided') this.#format = 'auto'
    return this.carriesMessages
  }

  /** Whether it is JSON and carries no other message. */
  get isJson(): boolean {
    return this.#format === 'json'
  }

  /** Whether the client has disconnected and cannot resume. */
  get isLost(): boolean {
    return this.#state === 'away' && this.log === undefined
  }

  add(request: PendingRequest): void {
    this.#requests.push(request)
    this.#unanswered++
  }

  /** Opens the stream at once where it begins with a priming event. */
  prime(): void {
    if (this.#format === 'json' || !this.#owner.allowsPolling) return
    this.log = this.#owner.createLog()
    if (this.log) this.#open()
  }

  /** Sends a message that belongs to a request and is not its response. */
  notify(outgoing: Outgoing): Promise<void> {
    if (this.#state === 'undecided') this.#becomeStream()
    return this.#write(outgoing)
  }

  /**
   * The error for a response that the queue has no capacity for. An event store accepts all that can be replayed. If
   * the application does not send the response again in time, an error response is sent instead.
   */
  overload(request: PendingRequest, { json }: Outgoing): Error | undefined {
    if (!this.log && !this.#stream) return undefined
    const { maxQueuedBytes } = this.#owner.settings
    const freeBytes = this.log ? maxQueuedBytes : (this.#stream?.freeBytes ?? maxQueuedBytes)
    const error = overloadError(json, freeBytes, maxQueuedBytes)
    if (!error) return undefined
    this.#rejected.add(request)
    const stream = this.log ? undefined : this.#stream
    // Resolves once the client has read the queue.
    void (stream?.write('') ?? done).then(() => this.#startResendTimer(), ignore)
    return error
  }

  respond(request: PendingRequest, outgoing: Outgoing): Promise<void> {
    request.isAnswered = true
    this.#unanswered--
    if (this.#state === 'undecided') return this.#respondWhole(outgoing)
    if (this.#state === 'away' && !this.log) {
      this.#finishIfDone()
      return Promise.reject(clientDisconnected())
    }
    const sent = this.#write(outgoing, Infinity)
    this.#finishIfDone()
    return sent
  }

  /** Drops the header with the session id, as the session has failed. */
  dropSessionId(): void {
    if (this.#state === 'undecided') this.#headers = noHeaders
  }

  /** Removes a request that gets no response, as it was cancelled. */
  drop(request: PendingRequest): void {
    request.isAnswered = true
    this.#unanswered--
    this.#finishIfDone()
  }

  /** Responds to open requests with an error, as the session has ended. */
  abandon(): Promise<void> {
    if (this.#state === 'over') return done
    this.dropSessionId()
    if (this.#exchange && !this.#exchange.isDisconnected) {
      for (const request of this.#requests) if (!request.isAnswered) this.#respondLost(request).catch(ignore)
    }
    const stream = this.#stream
    this.#finish()
    return stream ? endWithin(stream, this.#owner.settings) : done
  }

  /** Ends the HTTP response. The client reconnects for the rest. */
  closeForPolling(): void {
    this.log?.enqueue(() => {
      if (this.#state !== 'open' || !this.#stream) return
      this.#stream.write(retryHint(this.#owner.settings.retryMs)).catch(ignore)
      void this.#stream.end()
      this.#detach()
      this.#state = 'away'
    })
  }

  /** Whether an event is queued outside the store. None is. */
  hasQueued(): boolean {
    return false
  }

  /** Continues on another exchange, whose stream has the missed events. */
  continueOn(exchange: HttpExchange, stream: EventStream): void {
    if (this.#state === 'over') {
      void stream.end()
      return
    }
    const stale = this.#stream
    this.#detach()
    stale?.destroy()
    this.#cancelTimer?.[Symbol.dispose]()
    this.#state = 'open'
    this.#stream = stream
    this.#attach(exchange)
  }

  tick(now: number): void {
    if (this.#state === 'undecided') this.#becomeStream()
    if (this.#stream) keepAlive(this.#stream)
    this.dueAt = now + this.#owner.settings.keepAliveIntervalMs
  }

  #attach(exchange: HttpExchange): void {
    this.#exchange = exchange
    this.#owner.attached()
    this.#resetKeepAlive()
    this.#owner.keepAlive.add(this)
    exchange.whenDisconnected(() => {
      if (this.#exchange === exchange) this.#disconnected()
    })
  }

  #resetKeepAlive(): void {
    const { clock, keepAliveIntervalMs } = this.#owner.settings
    this.dueAt = this.#format === 'json' ? Infinity : clock.now() + keepAliveIntervalMs
  }

  #becomeStream(): void {
    this.log = this.#headers.length === 0 ? this.#owner.createLog() : undefined
    this.#open()
  }

  #open(): void {
    if (!this.#exchange) return
    this.#state = 'open'
    this.#stream = this.#exchange.openStream([...eventStreamHeaders, ...this.#headers])
    const { retryMs } = this.#owner.settings
    if (this.#owner.allowsPolling) {
      this.log?.prime((id) => void this.#stream?.write(primingEvent(id, retryMs)).catch(ignore))
    }
    const responses = this.#responses ?? []
    this.#responses = undefined
    for (const outgoing of responses) this.#write(outgoing).catch(ignore)
  }

  /** `storedBytes` limits what may be queued in the store alone. */
  #write(
    outgoing: Outgoing,
    storedBytes = this.#stream?.freeBytes ?? this.#owner.settings.maxQueuedBytes,
  ): Promise<void> {
    const { log } = this
    const { json } = outgoing
    if (!log) {
      if (!this.#stream) return Promise.reject(clientDisconnected())
      if (!this.#stream.isBlocked) this.#resetKeepAlive()
      return this.#stream.write(messageEvent(json))
    }
    return log.append(outgoing, storedBytes, (id) => {
      log.lastId = id ?? log.lastId
      if (!this.#stream) {
        if (id === undefined) throw clientDisconnected()
        return undefined
      }
      if (!this.#stream.isBlocked) this.#resetKeepAlive()
      const written = this.#stream.write(messageEvent(json, id))
      return id === undefined ? written : settleStored(this.#stream, written)
    })
  }

  #respondWhole(outgoing: Outgoing): Promise<void> {
    if (this.#isBatch) {
      this.#responses ??= []
      this.#responses.push(outgoing)
      if (this.#unanswered > 0) return done
    }
    const exchange = this.#exchange
    this.#sendWhole(this.#responses ?? [outgoing])
    return exchange?.isDisconnected ? Promise.reject(clientDisconnected()) : done
  }

  #sendWhole(responses: readonly Outgoing[]): void {
    const exchange = this.#exchange
    this.#finish()
    if (this.#format === 'sse' || responses.length === 0) {
      // Without a response, as for a cancelled request, the stream has no events.
      const events = responses.map(({ json }) => messageEvent(json)).join('')
      exchange?.respond(200, joinHeaders(completeEventsHeaders, this.#headers), events)
      return
    }
    const body = this.#isBatch ? `[${responses.map(({ json }) => json).join(',')}]` : responses[0]?.json
    exchange?.respond(200, joinHeaders(jsonHeaders, this.#headers), body)
  }

  #finishIfDone(): void {
    if (this.#unanswered > 0 || this.#state === 'over') return
    if (this.#state === 'undecided') this.#sendWhole(this.#responses ?? [])
    else if (this.log) this.log.enqueue(() => void this.#end())
    else void this.#end()
  }

  #respondLost(request: PendingRequest): Promise<void> {
    const reason = 'the session ended before the request was answered'
    const lost = new TransportError('OUTCOME_UNKNOWN', reason, { method: request.method })
    const message: JsonRpcMessage = toErrorResponse(request.id, lost)
    const outgoing = { message, json: JSON.stringify(message) }
    request.isAnswered = true
    this.#unanswered--
    if (this.#state === 'undecided') return this.#respondWhole(outgoing)
    return this.#stream ? this.#stream.write(messageEvent(outgoing.json)).catch(ignore) : done
  }

  #end(): Promise<void> {
    const stream = this.#stream
    this.#finish()
    return stream?.end() ?? done
  }

  #finish(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#cancelTimer?.[Symbol.dispose]()
    this.#resendTimer?.[Symbol.dispose]()
    this.#detach()
  }

  #detach(): void {
    if (!this.#exchange) return
    this.#exchange = undefined
    this.#stream = undefined
    this.#owner.keepAlive.delete(this)
    this.#owner.detached()
  }

  #disconnected(): void {
    this.#detach()
    this.#state = 'away'
    const { settings } = this.#owner
    const {
      onDisconnect = settings.eventStore ? 'continue' : 'cancel-after',
      clock,
      cancelAfterMs,
    } = settings
    if (this.#headers.length > 0) this.#owner.disconnectedBeforeId()
    else if (onDisconnect === 'cancel' || this.#rejected.size > 0) this.#cancel()
    else if (onDisconnect === 'cancel-after') {
      this.#cancelTimer = clock.deadline(cancelAfterMs, () => this.#cancel())
    }
  }

  #startResendTimer(): void {
    if (this.#state === 'over') return
    this.#resendTimer?.[Symbol.dispose]()
    this.#resendTimer = this.#owner.settings.clock.deadline(RESEND_MS, () => {
      for (const request of this.#rejected) if (!request.isAnswered) this.#owner.respondUnsendable(request.id)
    })
  }

  #cancel(): void {
    for (const request of this.#requests) if (!request.isAnswered) this.#owner.cancel(request.id)
  }
}

function joinHeaders(usual: HeaderLines, more: HeaderLines): HeaderLines {
  return more.length === 0 ? usual : [...usual, ...more]
}

/** The error for a message whose client has disconnected. */
export function clientDisconnected(): Error {
  const message = 'the client disconnected before the response'
  return new TransportError('SEND_FAILED', message, { delivery: 'none' })
}
