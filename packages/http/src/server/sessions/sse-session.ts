import {
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type Peer,
  type RequestId,
  type SessionGrant,
  TransportError,
} from '@mcpwire/core'
import {
  AdmissionTimer,
  CANCELLED_METHOD,
  type Channel,
  type HttpTraits,
  ignore,
  JsonRpcMessageReader,
  type Sink,
} from '@mcpwire/core/authoring'
import type { EndpointSettings } from '../request/endpoint-options.js'
import type { Body, Caller, EventStream, HttpExchange } from '../request/http-exchange.js'
import {
  HttpContext,
  isInitialize,
  jsonWithin,
  type Posted,
  rejectBody,
  unsendable,
} from '../request/message-body.js'
import { keepAlive, type ScheduledStream } from '../request/periodic-check.js'
import { PostFlow } from '../request/read-post.js'
import { REVISION_WITH_BATCHES } from '../request/revisions.js'
import type { ServedSession, SessionHost, SessionStart } from '../request/served-session.js'
import type { PrincipalUsage } from '../request/session-eviction.js'
import { endpointEvent, eventStreamHeaders, messageEvent } from '../responses/event-text.js'
import { endWithin } from '../responses/event-writer.js'

const done: Promise<void> = Promise.resolve()

/** One session of HTTP+SSE. All messages to the client use the stream that it opened. The session ends with the stream. */
export class SseSession implements ServedSession {
  readonly id: string
  readonly remoteAddress: string
  readonly owner: string
  readonly isNamed: boolean
  readonly usage: PrincipalUsage
  readonly openedAt: number
  grant: SessionGrant | undefined
  /** With an open stream it is never idle. */
  readonly dueAt: number
  /** Paused while the application accepts no messages. */
  readonly flow: PostFlow = new PostFlow()
  readonly #host: SessionHost
  readonly #peer: Peer
  readonly #keepAlive: StreamKeepAlive
  #reader: JsonRpcMessageReader | undefined
  readonly #pending = new Set<RequestId>()
  #admissionTimer: AdmissionTimer | undefined
  #sink: Sink | undefined
  #stream: EventStream | undefined
  #initializeId: RequestId | undefined
  #revision: string | undefined
  #isOver = false

  constructor(host: SessionHost, { id, caller, peer, remoteAddress, usage }: SessionStart) {
    const { clock, lifetimeMs, keepAliveIntervalMs } = host.settings
    this.#host = host
    this.id = id
    this.#peer = peer
    this.remoteAddress = remoteAddress
    this.owner = caller.owner
    this.isNamed = caller.authInfo !== undefined
    this.usage = usage
    this.openedAt = clock.now()
    this.dueAt = this.openedAt + lifetimeMs
    this.#keepAlive = new StreamKeepAlive(keepAliveIntervalMs, () => this.#stream)
    this.renew(caller)
  }

  get settings(): EndpointSettings {
    return this.#host.settings
  }

  get inFlight(): number {
    return this.#pending.size
  }

  get isServed(): boolean {
    return this.#sink !== undefined
  }

  get allowsBatches(): boolean {
    return this.#revision === REVISION_WITH_BATCHES
  }

  /** Uses the latest admission of the caller from now on. */
  renew({ admission }: Caller): void {
    if (!this.#admissionTimer) {
      if (admission.expiresAt === undefined && admission.revoked === undefined) return
      this.#admissionTimer = new AdmissionTimer(this.#host.settings.clock, (why) => {
        this.end(new TransportError('REFUSED', `the admission of this caller was ${why}`, { status: 401 }))
      })
    }
    this.#admissionTimer.renew(admission)
  }

  /** Connects the application, and opens the stream. */
  connect(sink: Sink, exchange: HttpExchange, messagesPath: string): Channel {
    this.#sink = sink
    this.#reader = new JsonRpcMessageReader(sink, {
      address: this.#peer.address,
      abandon: (error) => this.end(error),
    })
    this.#stream = exchange.openStream(eventStreamHeaders)
    exchange.whenDisconnected(() => this.end())
    void this.#write(endpointEvent(`${messagesPath}?sessionId=${this.id}`)).catch(ignore)
    this.#host.keepAlive.add(this.#keepAlive)
    return {
      peer: this.#peer,
      send: (message) => this.#send(message),
      close: () => this.#close(),
      flow: this.flow,
      http: new SseTraits(this.id),
    }
  }

  /** Reports a malformed body. Too many in a row end the session. */
  malformed(error: Error, body: Body): void {
    if (this.#reader) rejectBody(this.#reader, error, body, (each) => this.#sink?.error(each))
  }

  /** Passes posted messages to the application. Responses use the stream. */
  receive(exchange: HttpExchange, { messages, skipped = [] }: Posted, caller: Caller): void {
    for (const { reason, value } of skipped) this.#reader?.rejected(reason, value)
    const context = new HttpContext(exchange, caller.authInfo)
    for (const message of messages) {
      this.#track(message)
      this.#reader?.value(message, context)
    }
    exchange.respond(202, [])
  }

  end(reason?: Error): void {
    if (this.#isOver) return
    void this.#close()
    this.#sink?.end(reason)
  }

  #track(message: JsonRpcMessage): void {
    if (isRequest(message)) {
      if (!this.#pending.has(message.id)) this.usage.inFlight++
      this.#pending.add(message.id)
      if (isInitialize(message)) this.#initializeId = message.id
    } else if ('method' in message && message.method === CANCELLED_METHOD) {
      // A cancelled request gets no response (GEN-28).
      this.#settle(message.params?.['requestId'] as RequestId)
    }
  }

  #send(message: JsonRpcMessage): Promise<void> {
    this.#reader?.sent(message)
    if (isResponse(message) && message.id !== undefined) this.#settle(message.id)
    if (isResponse(message) && message.id === this.#initializeId && 'result' in message) {
      const { protocolVersion } = message.result
      if (typeof protocolVersion === 'string') this.#revision = protocolVersion
    }
    try {
      return this.#write(messageEvent(jsonWithin(message, this.#host.settings.maxMessageBytes)))
    } catch (error) {
      // The client awaits a response, so it gets an error instead.
      if (isResponse(message) && message.id !== undefined) {
        const failure = { jsonrpc: '2.0', id: message.id, error: unsendable }
        this.#write(messageEvent(JSON.stringify(failure))).catch(ignore)
      }
      return Promise.reject(error)
    }
  }

  #settle(id: RequestId): void {
    if (this.#pending.delete(id)) this.usage.inFlight--
  }

  #write(text: string): Promise<void> {
    if (!this.#stream?.isBlocked) this.#keepAlive.reset(this.#host.settings.clock.now())
    return this.#stream?.write(text) ?? done
  }

  #close(): Promise<void> {
    if (this.#isOver) return done
    this.#isOver = true
    this.usage.inFlight -= this.#pending.size
    this.#pending.clear()
    this.#admissionTimer?.end()
    this.#host.keepAlive.delete(this.#keepAlive)
    this.#host.ended(this)
    // Waiting POSTs then find no session.
    this.flow.resume()
    return this.#stream ? endWithin(this.#stream, this.#host.settings) : done
  }
}

class StreamKeepAlive implements ScheduledStream {
  dueAt: number = Infinity
  readonly #intervalMs: number
  readonly #streamOf: () => EventStream | undefined

  constructor(intervalMs: number, streamOf: () => EventStream | undefined) {
    this.#intervalMs = intervalMs
    this.#streamOf = streamOf
  }

  reset(now: number): void {
    this.dueAt = now + this.#intervalMs
  }

  tick(now: number): void {
    const stream = this.#streamOf()
    if (stream) keepAlive(stream)
    this.reset(now)
  }
}

class SseTraits implements HttpTraits {
  readonly sessionId: string
  readonly hasPerRequestStream = false

  constructor(sessionId: string) {
    this.sessionId = sessionId
  }

  readonly setProtocolVersion = ignore
}
