import {
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type Peer,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import type { Channel, Sink } from '@mcpwire/core/authoring'
import { Standing } from '../request/admission-timer.js'
import { endWithin } from '../request/end-within.js'
import type { EndpointSettings } from '../request/endpoint-options.js'
import { endpointEvent, eventStreamHeaders, messageEvent } from '../request/event-text.js'
import { HttpContext } from '../request/http-context.js'
import type { EventStream, Exchange } from '../request/http-exchange.js'
import { keepAlive, type LiveStream } from '../request/keep-alive-scheduler.js'
import { MalformedCount } from '../request/malformed-count.js'
import { jsonWithin, unsendable } from '../request/message-text.js'
import { malformed } from '../request/post-body.js'
import type { Posted } from '../request/posted-messages.js'
import type { Caller } from '../request/principal.js'
import { REVISION_WITH_BATCHES } from '../request/revisions.js'
import type { Opening } from '../request/session-registry.js'
import type { ServedSession, SessionHost } from '../request/session-table.js'

const CANCELLED = 'notifications/cancelled'
const done: Promise<void> = Promise.resolve()

/** One client of HTTP+SSE: everything to it goes over the one stream it opened, with which the session ends. */
export class SseSession implements ServedSession {
  readonly id: string
  readonly remoteAddress: string
  readonly owner: string
  readonly openedAt: number
  readonly dueAt: number
  readonly #host: SessionHost
  readonly #peer: Peer
  readonly #beats: KeepAlive
  readonly #malformed = new MalformedCount()
  #standing: Standing | undefined
  #sink: Sink | undefined
  #stream: EventStream | undefined
  #initializeId: RequestId | undefined
  readonly #awaited = new Set<RequestId>()
  #revision: string | undefined
  #isOver = false

  constructor(host: SessionHost, { id, caller, peer, remoteAddress }: Opening) {
    const { clock, lifetimeMs } = host.settings
    this.#host = host
    this.id = id
    this.#peer = peer
    this.remoteAddress = remoteAddress
    this.owner = caller.owner
    this.openedAt = clock.now()
    // While its stream is open it is not idle.
    this.dueAt = this.openedAt + lifetimeMs
    this.#beats = new KeepAlive(host.settings, () => this.#stream)
    this.renew(caller)
  }

  get settings(): EndpointSettings {
    return this.#host.settings
  }

  /** How many requests await their response. */
  get inFlight(): number {
    return this.#awaited.size
  }

  get isServed(): boolean {
    return this.#sink !== undefined
  }

  get allowsBatches(): boolean {
    return this.#revision === REVISION_WITH_BATCHES
  }

  /** Takes the latest admission of its caller for the one that counts. */
  renew({ admission }: Caller): void {
    if (!this.#standing) {
      if (admission.expiresAt === undefined && admission.revoked === undefined) return
      this.#standing = new Standing(this.#host.settings.clock, () => {
        this.end(new TransportError('REFUSED', 'the admission of this caller ended', { status: 401 }))
      })
    }
    this.#standing.renew(admission)
  }

  /** Connects the application to it, over the stream that its client waits for. */
  connect(sink: Sink, exchange: Exchange, messagesPath: string): Channel {
    this.#sink = sink
    this.#stream = exchange.stream(eventStreamHeaders)
    exchange.whenLeft(() => this.end())
    void this.#write(endpointEvent(`${messagesPath}?sessionId=${this.id}`)).catch(ignore)
    this.#host.live.add(this.#beats)
    return {
      peer: this.#peer,
      send: (message) => this.#send(message),
      close: () => this.#close(),
      http: new SseTraits(this.id),
    }
  }

  /** Hears of a body without messages. */
  refused(error: Error): void {
    this.#sink?.error(error)
    const final = this.#malformed.add(error, this.#peer.address)
    if (final) this.end(final)
  }

  /** Takes what a POST says. */
  take(exchange: Exchange, { messages, skipped = [] }: Posted, caller: Caller): void {
    this.#malformed.reset()
    for (const why of skipped) this.#sink?.error(malformed(why, this.#peer.address, ''))
    const context = new HttpContext(exchange, caller.authInfo)
    for (const message of messages) {
      this.#expect(message)
      this.#sink?.message(message, context)
    }
    exchange.answer(202, [])
  }

  end(reason?: Error): void {
    if (this.#isOver) return
    void this.#close()
    this.#sink?.end(reason)
  }

  #expect(message: JsonRpcMessage): void {
    if (isRequest(message)) {
      this.#awaited.add(message.id)
      if (message.method === 'initialize') this.#initializeId = message.id
    } else if ('method' in message && message.method === CANCELLED) {
      // Nobody answers it any more (GEN-28).
      this.#awaited.delete(message.params?.['requestId'] as RequestId)
    }
  }

  #send(message: JsonRpcMessage): Promise<void> {
    if (isResponse(message) && message.id !== undefined) this.#awaited.delete(message.id)
    if (isResponse(message) && message.id === this.#initializeId && 'result' in message) {
      const { protocolVersion } = message.result
      if (typeof protocolVersion === 'string') this.#revision = protocolVersion
    }
    try {
      return this.#write(messageEvent(jsonWithin(message, this.#host.settings.maxMessageBytes)))
    } catch (error) {
      // Whoever waits for an answer that cannot be sent is better told so.
      if (isResponse(message) && message.id !== undefined) {
        const told = { jsonrpc: '2.0', id: message.id, error: unsendable }
        this.#write(messageEvent(JSON.stringify(told))).catch(ignore)
      }
      return Promise.reject(error)
    }
  }

  #write(text: string): Promise<void> {
    if (!this.#stream?.isBlocked) this.#beats.wrote(this.#host.settings.clock.now())
    return this.#stream?.write(text) ?? done
  }

  #close(): Promise<void> {
    if (this.#isOver) return done
    this.#isOver = true
    this.#standing?.end()
    this.#host.live.delete(this.#beats)
    this.#host.over(this)
    return this.#stream ? endWithin(this.#stream, this.#host.settings) : done
  }
}

/** Keeps a silent stream from being cut. */
class KeepAlive implements LiveStream {
  dueAt: number = Infinity
  readonly #intervalMs: number
  readonly #streamOf: () => EventStream | undefined

  constructor({ keepAliveIntervalMs }: EndpointSettings, streamOf: () => EventStream | undefined) {
    this.#intervalMs = keepAliveIntervalMs
    this.#streamOf = streamOf
  }

  wrote(now: number): void {
    this.dueAt = now + this.#intervalMs
  }

  beat(now: number): void {
    const stream = this.#streamOf()
    if (stream) keepAlive(stream)
    this.wrote(now)
  }
}

class SseTraits {
  readonly sessionId: string
  readonly hasPerRequestStream = false

  constructor(sessionId: string) {
    this.sessionId = sessionId
  }

  readonly setProtocolVersion = ignore
}

function ignore(): void {}
