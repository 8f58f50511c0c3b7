import { type BudgetAccount, type EventId, isRequest, type RequestId, TransportError } from '@mcpwire/core'
import { ignore, overloaded } from '@mcpwire/core/authoring'
import { utf8Length } from '../../shared/utf8-length.js'
import { respondWithError, sessionNotFound } from '../request/http-errors.js'
import type { EventStream, HttpExchange } from '../request/http-exchange.js'
import type { Outgoing } from '../request/message-body.js'
import { keepAlive, type ScheduledStream } from '../request/periodic-check.js'
import { type EventLog, settleStored } from './event-log.js'
import { eventStreamHeaders, messageEvent, primingEvent, retryHint } from './event-text.js'
import { endWithin } from './event-writer.js'
import type { StreamOwner } from './stream-owner.js'

const done: Promise<void> = Promise.resolve()

/** What a queued message takes besides its text. */
const ENTRY_BYTES = 128

/** A message that waits for the next stream. */
interface QueuedEvent {
  readonly text: string
  /** Set for a request of the application. */
  readonly requestId: RequestId | undefined
}

/** The stream of a session for messages that belong to no request. Queues them until the client opens it. */
export class PushStream implements ScheduledStream {
  readonly log: EventLog | undefined
  dueAt: number = Infinity
  readonly #owner: StreamOwner
  readonly #address: string
  #exchange: HttpExchange | undefined
  #stream: EventStream | undefined
  /** Queued messages by event id, or by a symbol where the message is not in the store. */
  #queue: Map<EventId | symbol, QueuedEvent> | undefined
  #queuedBytes = 0
  #account: BudgetAccount | undefined
  #isOver = false
  /** Whether the client has opened it at least once. */
  wasOpened = false

  constructor(owner: StreamOwner, address: string) {
    this.#owner = owner
    this.#address = address
    this.log = owner.createLog()
  }

  /** Whether a message reaches the client now. */
  get isOpen(): boolean {
    return this.#stream !== undefined
  }

  send(outgoing: Outgoing): Promise<void> {
    const { log } = this
    const { json } = outgoing
    const requestId = isRequest(outgoing.message) ? outgoing.message.id : undefined
    if (!log) {
      const text = messageEvent(json)
      return this.#stream ? this.#write(text) : this.#enqueue({ text, requestId })
    }
    const freeBytes = this.#stream?.freeBytes ?? this.#owner.settings.maxQueuedBytes - this.#queuedBytes
    return log.append(outgoing, freeBytes, (id) => {
      const text = messageEvent(json, id)
      if (!this.#stream) return this.#enqueue({ text, requestId }, id)
      log.lastId = id ?? log.lastId
      const written = this.#write(text)
      return id === undefined ? written : settleStored(this.#stream, written)
    })
  }

  /** Opens the stream on this exchange. It replaces an open one. */
  open(exchange: HttpExchange): void {
    if (this.log) this.log.enqueue(() => this.#openNow(exchange))
    else this.#openNow(exchange)
  }

  /** Whether an event is queued for the next stream. */
  hasQueued(id: EventId): boolean {
    return this.#queue?.has(id) === true
  }

  /** Continues on a stream that has the missed events, except the queued ones. */
  continueOn(exchange: HttpExchange, stream: EventStream): void {
    if (this.#isOver || exchange.isDisconnected) {
      void stream.end()
      return
    }
    this.#replace()
    this.#flush(stream)
    this.#attach(exchange, stream)
  }

  /** Ends the HTTP response. The client reconnects. */
  closeForPolling(): void {
    this.log?.enqueue(() => {
      if (!this.#stream) return
      this.#stream.write(retryHint(this.#owner.settings.retryMs)).catch(ignore)
      this.#replace()
    })
  }

  end(): Promise<void> {
    this.#isOver = true
    const stream = this.#stream
    this.#detach()
    this.#emptyQueue()
    this.#account?.close()
    return stream ? endWithin(stream, this.#owner.settings) : done
  }

  tick(now: number): void {
    if (this.#stream) keepAlive(this.#stream)
    this.dueAt = now + this.#owner.settings.keepAliveIntervalMs
  }

  #openNow(exchange: HttpExchange): void {
    if (exchange.isDisconnected) return
    if (this.#isOver) {
      // The session ended during a call of the event store.
      respondWithError(exchange, sessionNotFound())
      return
    }
    this.#replace()
    const stream = exchange.openStream(eventStreamHeaders)
    const { retryMs } = this.#owner.settings
    if (this.#owner.allowsPolling) {
      this.log?.prime((id) => void stream.write(primingEvent(id, retryMs)).catch(ignore))
    }
    this.#flush(stream)
    this.#attach(exchange, stream)
  }

  #flush(stream: EventStream): void {
    const queue = this.#queue
    if (!queue) return
    this.#emptyQueue()
    for (const id of queue.keys()) if (this.log && typeof id === 'string') this.log.lastId = id
    stream.write([...queue.values()].map(({ text }) => text).join('')).catch(this.#owner.report)
  }

  #attach(exchange: HttpExchange, stream: EventStream): void {
    this.#exchange = exchange
    this.#stream = stream
    this.wasOpened = true
    this.#owner.attached()
    this.#resetKeepAlive()
    this.#owner.keepAlive.add(this)
    exchange.whenDisconnected(() => {
      if (this.#exchange === exchange) this.#detach()
    })
  }

  /** Ends the open stream. Only a blocked one needs a deadline. */
  #replace(): void {
    const stale = this.#stream
    this.#detach()
    if (stale) void (stale.isBlocked ? endWithin(stale, this.#owner.settings) : stale.end())
  }

  #detach(): void {
    if (!this.#exchange) return
    this.#exchange = undefined
    this.#stream = undefined
    this.#owner.keepAlive.delete(this)
    this.#owner.detached()
  }

  #write(text: string): Promise<void> {
    if (!this.#stream) return this.#enqueue({ text, requestId: undefined })
    if (!this.#stream.isBlocked) this.#resetKeepAlive()
    return this.#stream.write(text)
  }

  #resetKeepAlive(): void {
    const { clock, keepAliveIntervalMs } = this.#owner.settings
    this.dueAt = clock.now() + keepAliveIntervalMs
  }

  /** Queues a message. A stored one is never rejected: its size was checked before it was stored. */
  #enqueue(event: QueuedEvent, storedAs?: EventId): Promise<void> {
    const { maxQueuedBytes } = this.#owner.settings
    const queuedBytes = this.#queuedBytes + utf8Length(event.text)
    if (queuedBytes > maxQueuedBytes && storedAs === undefined)
      return Promise.reject(overloaded(this.#address, queuedBytes, maxQueuedBytes))
    this.#queue ??= new Map()
    this.#queue.set(storedAs ?? Symbol(), event)
    this.#queuedBytes = queuedBytes
    this.#account ??= this.#owner.budget?.open({ shed: (error) => this.#shed(error) })
    this.#account?.hold(queuedBytes + this.#queue.size * ENTRY_BYTES)
    return done
  }

  /** Drops the queue, as the budget of the listener is exceeded. The session goes on. */
  #shed(error: TransportError<'OVERLOADED'>): void {
    const dropped = [...(this.#queue?.values() ?? [])]
    this.#emptyQueue()
    this.#owner.dropped(
      error,
      dropped.map(({ requestId }) => requestId),
    )
  }

  #emptyQueue(): void {
    this.#queue = undefined
    this.#queuedBytes = 0
    this.#account?.hold(0)
  }
}

/** The error for a request of the application that the client could not receive. */
export function withoutStream(method: string): Error {
  const message = `cannot send ${method}: the client accepts JSON only, and has opened no event stream`
  const hint = 'the client must accept text/event-stream, or open a stream with GET'
  return new TransportError('SEND_FAILED', message, { delivery: 'none', hint })
}
