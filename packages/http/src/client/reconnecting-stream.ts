import { isTransportError, TransportError } from '@mcpwire/core'
import type { HeaderRecord } from '@mcpwire/core/authoring'
import { toError } from '@mcpwire/core/authoring'
import type { AnswerHead } from '../engines/engine.js'
import type { Link } from './call/client-context.js'
import { EventFeed, type FeedOwner } from './call/event-feed.js'
import { HttpCall } from './call/http-call.js'
import { EVENTS_TYPE, mediaTypeOf } from './call/media-type.js'
import { ReconnectBudget } from './call/reconnect-budget.js'
import { type RefusedAnswer, retryAfterOf, statusError } from './call/refused-answer.js'

/** Whom a kept stream serves. */
export interface KeptStreamOwner extends Omit<FeedOwner, 'silent'> {
  /** What errors call the stream. */
  readonly what: string
  /** Whether a stream was of use that only moved on to another event: its server lets a request be asked about. */
  readonly isPolled?: boolean
  /** The stream is open, for the first time or once more. */
  opened?(): void
  /** The stream ended or could not be had, and is asked for again after that time. */
  waiting?(delayMs: number): void
  /** The server does not know where the stream broke off; where this is there, it is asked for without that. */
  forgotten?(error: Error): void
  /** The server has no such stream. */
  refused(error: Error, answer: RefusedAnswer): void
  /** There is none, and no more attempts are made. */
  lost(error: Error): void
}

/** Statuses that say that something is wrong for now. */
const PASSING = new Set([408, 409, 425, 429, 500, 502, 503, 504])

/** Keeps one stream of events: asks for it by GET, and again from where it broke off, within a budget. */
export class KeptStream {
  readonly feed: EventFeed
  readonly #link: Link
  readonly #owner: KeptStreamOwner
  readonly #budget: ReconnectBudget
  #openedAtMs: number | undefined
  #openedBehind: string | undefined
  #call: EventsCall | undefined
  #wait: Disposable | undefined
  #isStopped = false

  /** Without a feed it makes its own; with that of another stream it goes on where that one ended. */
  constructor(link: Link, owner: KeptStreamOwner, feed?: EventFeed) {
    this.#link = link
    this.#owner = owner
    this.#budget = new ReconnectBudget(link.reconnect)
    this.feed =
      feed ??
      new EventFeed(
        {
          event: (data, type) => owner.event(data, type),
          token: (id) => owner.token(id),
          overlong: (error) => owner.overlong(error),
          silent: (error) => this.ended(error),
        },
        link,
      )
  }

  /** Asks for the stream at once. */
  start(): void {
    if (this.#isStopped) return
    this.#call = new EventsCall(this.#link, this)
    this.#call.begin()
  }

  /** Goes on where the stream the feed had so far ended, for that reason unless the server ended it in order. */
  goOn(cause: Error | undefined): void {
    this.#openedAtMs = this.feed.heardAtMs
    this.ended(cause)
  }

  /** The stream ended, for that reason unless the server ended it in order. */
  ended(cause?: Error | undefined, retryAfterMs?: number | undefined): void {
    if (this.#isStopped) return
    const { clock } = this.#link
    const { retryMs, events, lastEventId } = this.feed
    const hasMoved = this.#owner.isPolled === true && lastEventId !== this.#openedBehind
    const delayMs = this.#budget.next({
      retryMs: retryAfterMs ?? retryMs,
      uptimeMs: this.#openedAtMs === undefined ? undefined : clock.now() - this.#openedAtMs,
      wasUseful: events > 0 || hasMoved,
    })
    this.#call?.giveUp()
    this.feed.close()
    this.#openedAtMs = undefined
    this.#openedBehind = lastEventId
    if (delayMs === undefined) {
      this.#exhausted(cause)
      return
    }
    this.#owner.waiting?.(delayMs)
    this.#wait = clock.deadline(delayMs, () => this.start())
  }

  /** Nothing more can be told from where the stream is: it is asked for as if for the first time. */
  beginAnew(cause: Error): void {
    this.feed.lastEventId = undefined
    this.ended(cause)
  }

  /** Marks the stream as open. */
  opened(): void {
    this.#openedAtMs = this.#link.clock.now()
    this.feed.open()
    this.#owner.opened?.()
  }

  refused(answer: RefusedAnswer): void {
    const { clock } = this.#link
    const error = statusError(this.#link, answer, this.#owner.what)
    this.feed.events = 0
    if (PASSING.has(answer.status)) this.ended(error, retryAfterOf(answer, clock))
    else if (answer.status === 400 && this.feed.lastEventId !== undefined && this.#owner.forgotten) {
      this.feed.lastEventId = undefined
      this.#owner.forgotten(error)
      this.start()
    } else {
      this.stop()
      this.#owner.refused(error, answer)
    }
  }

  unsent(error: unknown): void {
    // What the application threw is no better the next time; what it was late with may be.
    if (isTransportError(error) && (error.code !== 'CALLBACK_FAILED' || error.cause === undefined)) {
      this.feed.events = 0
      this.ended(error)
    } else {
      this.stop()
      this.#owner.lost(toError(error))
    }
  }

  /** Gives the stream up for good. */
  stop(): void {
    this.#isStopped = true
    this.#wait?.[Symbol.dispose]()
    this.#call?.giveUp()
    this.feed.close()
  }

  pause(): void {
    this.#call?.pause()
  }

  resume(): void {
    this.#call?.resume()
  }

  #exhausted(cause: Error | undefined): void {
    const { address } = this.#link
    const { attempts } = this.#budget
    this.stop()
    const counted = `${attempts} attempts in a row were of no use (reconnect.maxAttempts)`
    const message = `${address} did not give back ${this.#owner.what}: ${counted}`
    this.#owner.lost(new TransportError('RECONNECT_EXHAUSTED', message, { attempts }, { cause }))
  }
}

/** One GET for events. */
class EventsCall extends HttpCall {
  readonly #stream: KeptStream

  constructor(link: Link, stream: KeptStream) {
    super(link, 'GET')
    this.#stream = stream
  }

  protected headers(): HeaderRecord | Promise<HeaderRecord> {
    return this.link.headers.events(this.#stream.feed.lastEventId)
  }

  protected accepted(head: AnswerHead): void {
    if (mediaTypeOf(head.header('content-type')) === EVENTS_TYPE) {
      this.#stream.opened()
      return
    }
    this.giveUp()
    this.#stream.refused({
      status: head.status,
      statusText: head.statusText,
      header: (name) => head.header(name),
      text: '',
    })
  }

  protected received(chunk: Uint8Array): void {
    this.#stream.feed.push(chunk)
  }

  protected finished(): void {
    this.#stream.ended()
  }

  protected refused(answer: RefusedAnswer): void {
    this.#stream.refused(answer)
  }

  protected unsent(error: unknown): void {
    this.#stream.unsent(error)
  }

  protected severed(cause: Error): void {
    this.#stream.ended(cause)
  }
}
