import type { EventId } from '@mcpwire/core'
import { overloaded } from '@mcpwire/core/authoring'
import { utf8Length } from '../../shared/utf8-length.js'
import { endSoon, endWithin } from '../request/end-within.js'
import { eventStreamHeaders, messageEvent, primingEvent, retryHint } from '../request/event-text.js'
import { answerFailure, sessionNotFound } from '../request/http-errors.js'
import type { EventStream, Exchange } from '../request/http-exchange.js'
import { keepAlive, type LiveStream } from '../request/keep-alive-scheduler.js'
import type { Outgoing } from '../request/message-text.js'
import { type EventLog, stored } from './event-log.js'
import type { StreamOwner } from './stream-owner.js'

const done: Promise<void> = Promise.resolve()

/** The stream for messages that belong to no request: what the client opened it with, or a queue until it does. */
export class StandaloneStream implements LiveStream {
  readonly log: EventLog | undefined
  dueAt: number = Infinity
  readonly #owner: StreamOwner
  readonly #address: string
  #exchange: Exchange | undefined
  #stream: EventStream | undefined
  /** Texts by their ids; those that are not in the store by themselves. */
  #queue: Map<EventId | symbol, string> | undefined
  #queuedBytes = 0
  #isOver = false

  constructor(owner: StreamOwner, address: string) {
    this.#owner = owner
    this.#address = address
    this.log = owner.newLog()
  }

  send(outgoing: Outgoing): Promise<void> {
    const { log } = this
    const { json } = outgoing
    if (!log) return this.#stream ? this.#write(messageEvent(json)) : this.#enqueue(messageEvent(json))
    const free = this.#stream?.freeBytes ?? this.#owner.settings.maxQueuedBytes - this.#queuedBytes
    return log.append(outgoing, free, (id) => {
      const text = messageEvent(json, id)
      if (!this.#stream) return this.#enqueue(text, id)
      log.lastId = id ?? log.lastId
      const written = this.#write(text)
      return id === undefined ? written : stored(this.#stream, written)
    })
  }

  /** Takes the place of the stream there was, which its client has given up. */
  open(exchange: Exchange): void {
    if (this.log) this.log.inTurn(() => this.#openNow(exchange))
    else this.#openNow(exchange)
  }

  /** Whether an event waits for a stream. */
  holds(id: EventId): boolean {
    return this.#queue?.has(id) === true
  }

  /** Continues on a stream that has what was missed already, but for what is held. */
  continueOn(exchange: Exchange, stream: EventStream): void {
    if (this.#isOver || exchange.hasLeft) {
      void stream.end()
      return
    }
    this.#replace()
    this.#flush(stream)
    this.#attach(exchange, stream)
  }

  /** Ends the HTTP answer, for the client to come back. */
  closeForPolling(): void {
    this.log?.inTurn(() => {
      if (!this.#stream) return
      this.#stream.write(retryHint(this.#owner.settings.retryMs)).catch(ignore)
      this.#replace()
    })
  }

  end(): Promise<void> {
    this.#isOver = true
    const stream = this.#stream
    this.#detach()
    this.#queue = undefined
    return stream ? endWithin(stream, this.#owner.settings) : done
  }

  beat(now: number): void {
    if (this.#stream) keepAlive(this.#stream)
    this.dueAt = now + this.#owner.settings.keepAliveIntervalMs
  }

  #openNow(exchange: Exchange): void {
    if (exchange.hasLeft) return
    if (this.#isOver) {
      // The session ended while the event store was busy.
      answerFailure(exchange, sessionNotFound())
      return
    }
    this.#replace()
    const stream = exchange.stream(eventStreamHeaders)
    const { retryMs } = this.#owner.settings
    if (this.#owner.allowsPolling) {
      this.log?.prime((id) => void stream.write(primingEvent(id, retryMs)).catch(ignore))
    }
    this.#flush(stream)
    this.#attach(exchange, stream)
  }

  /** Writes what waited for a stream. */
  #flush(stream: EventStream): void {
    const waiting = this.#queue
    if (!waiting) return
    this.#queue = undefined
    this.#queuedBytes = 0
    for (const id of waiting.keys()) if (this.log && typeof id === 'string') this.log.lastId = id
    stream.write([...waiting.values()].join('')).catch(this.#owner.report)
  }

  #attach(exchange: Exchange, stream: EventStream): void {
    this.#exchange = exchange
    this.#stream = stream
    this.#owner.attached()
    this.#wrote()
    this.#owner.live.add(this)
    exchange.whenLeft(() => {
      if (this.#exchange === exchange) this.#detach()
    })
  }

  #replace(): void {
    const stale = this.#stream
    this.#detach()
    if (stale) void endSoon(stale, this.#owner.settings)
  }

  #detach(): void {
    if (!this.#exchange) return
    this.#exchange = undefined
    this.#stream = undefined
    this.#owner.live.delete(this)
    this.#owner.detached()
  }

  #write(text: string): Promise<void> {
    if (!this.#stream) return this.#enqueue(text)
    if (!this.#stream.isBlocked) this.#wrote()
    return this.#stream.write(text)
  }

  #wrote(): void {
    const { clock, keepAliveIntervalMs } = this.#owner.settings
    this.dueAt = clock.now() + keepAliveIntervalMs
  }

  /** What is stored already is not to be rejected any more: there was room before. */
  #enqueue(text: string, storedAs?: EventId): Promise<void> {
    const { maxQueuedBytes } = this.#owner.settings
    const queuedBytes = this.#queuedBytes + utf8Length(text)
    if (queuedBytes > maxQueuedBytes && storedAs === undefined)
      return Promise.reject(overloaded(this.#address, queuedBytes, maxQueuedBytes))
    this.#queue ??= new Map()
    this.#queue.set(storedAs ?? Symbol(), text)
    this.#queuedBytes = queuedBytes
    return done
  }
}

function ignore(): void {}
