import { isTransportError, TransportError } from '@mcpwire/core'
import { type HeaderRecord, toError } from '@mcpwire/core/authoring'
import type { ResponseHead } from '../engines/engine.js'
import { EVENT_STREAM_MEDIA_TYPE } from '../shared/media-types.js'
import type { ClientContext } from './call/client-context.js'
import { EventFeed, type FeedOwner } from './call/event-feed.js'
import { HttpCall } from './call/http-call.js'
import { ReconnectBudget } from './call/reconnect-budget.js'
import { mediaTypeOf } from './call/request-headers.js'
import {
  CODED_HINT,
  codedBody,
  type RefusedResponse,
  reasonOf,
  retryAfterOf,
  statusError,
} from './call/response-errors.js'
import { isUnsent } from './call/send-outcome.js'
import { ServerDeadline } from './call/server-deadline.js'

/** The user of a reconnecting stream. */
export interface ReconnectingStreamOwner extends Omit<FeedOwner, 'silent'> {
  /** The stream's name in errors. */
  readonly what: string
  /** Whether a new event id alone makes a stream useful: the server ends streams and lets clients poll. */
  readonly isPolled?: boolean
  /** Whether the stream must not be requested now. It is requested by `wake()`. */
  mustWait?(): boolean
  /** The stream is open, for the first time or again. */
  opened?(): void
  /** The stream ended or was refused, and is requested again after the delay. */
  waiting?(delayMs: number): void
  /** The server cannot resume after the last event. With this method, the stream starts without it. */
  cannotResume?(error: Error): void
  /** The server refused the stream for good. */
  refused(error: Error, response: RefusedResponse): void
  /** The stream is lost, and no attempts are left. */
  lost(error: Error): void
}

/** Statuses of temporary failures. */
const TEMPORARY = new Set([408, 409, 425, 429, 500, 502, 503, 504])

/** The most resumptions without an event: the server cannot replay, or waits for the end of another stream. */
const MAX_FRUITLESS = 2

/** The most consecutive attempts without a connection, for the stream of a request: its caller waits. */
const MAX_UNCONNECTED = 3
/** The longest delay before such an attempt, in first delays. */
const UNCONNECTED_DELAYS = 2

/** One stream of events, requested by GET and resumed after each interruption, within a budget. */
export class ReconnectingStream {
  readonly feed: EventFeed
  readonly #context: ClientContext
  readonly #owner: ReconnectingStreamOwner
  readonly #budget: ReconnectBudget
  #openedAtMs: number | undefined
  #lastResumedId: string | undefined
  /** Consecutive resumptions without any event: the stream had none, or did not start in time. */
  #fruitless = 0
  /** Consecutive attempts without a connection. */
  #unconnected = 0
  readonly #sessionId: string | undefined
  #isDue = false
  #call: EventsCall | undefined
  #retry: Disposable | undefined
  #isStopped = false

  /** With the feed of another stream it continues that stream. */
  constructor(context: ClientContext, owner: ReconnectingStreamOwner, feed?: EventFeed) {
    this.#context = context
    this.#owner = owner
    this.#budget = new ReconnectBudget(context.reconnect)
    this.#sessionId = context.headers.sessionId
    this.feed =
      feed ??
      new EventFeed(
        {
          event: (data, type) => owner.event(data, type),
          token: (id) => owner.token(id),
          tooLarge: (error) => owner.tooLarge(error),
          silent: (error) => this.ended(error),
        },
        context,
      )
  }

  /** Requests the stream at once. */
  start(): void {
    if (this.#isStopped) return
    if (this.#sessionId !== this.#context.headers.sessionId) {
      this.fail(sessionEnded(this.#context.address, this.#sessionId))
      return
    }
    this.#isDue = this.#owner.mustWait?.() ?? false
    if (this.#isDue) return
    this.#lastResumedId = this.feed.lastEventId
    this.#call = new EventsCall(this.#context, this)
    this.#call.begin()
  }

  /** Requests the stream, if that had to wait. */
  wake(): void {
    if (this.#isDue) this.start()
  }

  /** Gives the stream up. */
  fail(error: Error): void {
    this.stop()
    this.#owner.lost(error)
  }

  /** Continues the stream of the given feed, which ended with the cause, or orderly. */
  continue(cause: Error | undefined): void {
    this.#openedAtMs = this.feed.activeAtMs
    this.ended(cause)
  }

  /** The stream ended with the cause, or orderly. */
  ended(cause?: Error | undefined, retryAfterMs?: number | undefined): void {
    if (this.#isStopped) return
    const { clock, reconnect } = this.#context
    const { retryMs, events, lastEventId, isEmpty, isSilent } = this.feed
    const hasAdvanced = this.#owner.isPolled === true && lastEventId !== this.#lastResumedId
    const uptimeMs = this.#openedAtMs === undefined ? undefined : clock.now() - this.#openedAtMs
    const wasUseful = events > 0 || hasAdvanced
    const wasHealthy = uptimeMs !== undefined && uptimeMs >= reconnect.healthyUptimeMs && !isSilent
    if (!isEmpty || wasHealthy) this.#fruitless = 0
    else if (uptimeMs !== undefined) this.#fruitless++
    const nextMs = this.#budget.next({ retryMs: retryAfterMs ?? retryMs, uptimeMs, wasUseful }) ?? Infinity
    this.#call?.cancel()
    this.feed.close()
    this.#openedAtMs = undefined
    const exhaustion = this.#exhaustion(nextMs, cause)
    if (exhaustion) {
      this.fail(exhaustion)
      return
    }
    const isShort = this.#owner.isPolled && this.#unconnected > 0
    const longestMs = Math.max(retryMs ?? 0, reconnect.firstDelayMs * UNCONNECTED_DELAYS)
    const delayMs = isShort ? Math.min(nextMs, longestMs) : nextMs
    this.#owner.waiting?.(delayMs)
    this.#retry = clock.deadline(delayMs, () => this.start())
  }

  /** Requests the stream again without resuming. */
  restart(cause: Error): void {
    this.feed.lastEventId = undefined
    this.ended(cause)
  }

  opened(): void {
    this.#openedAtMs = this.#context.clock.now()
    this.#unconnected = 0
    this.feed.open()
    this.#owner.opened?.()
  }

  refused(response: RefusedResponse): void {
    const { clock } = this.#context
    const error = statusError(this.#context, response, { what: this.#owner.what })
    this.#unconnected = 0
    this.feed.events = 0
    if (TEMPORARY.has(response.status)) this.ended(error, retryAfterOf(response, clock))
    else if (response.status === 400 && this.feed.lastEventId !== undefined && this.#owner.cannotResume) {
      this.feed.lastEventId = undefined
      this.#owner.cannotResume(error)
      this.start()
    } else {
      this.stop()
      this.#owner.refused(error, response)
    }
  }

  /** The body has a coding that is not decoded. */
  coded(coding: string): void {
    const message = `${this.#context.address} responded to the request for ${this.#owner.what} with ${codedBody(coding)}`
    this.fail(new TransportError('REFUSED', message, { status: 200, hint: CODED_HINT }))
  }

  sendFailed(error: unknown): void {
    // An error of the application's own is final; a timeout of its callbacks is not.
    if (isTransportError(error) && (error.code !== 'CALLBACK_FAILED' || error.cause === undefined)) {
      this.#unconnected = isUnsent(error) ? this.#unconnected + 1 : 0
      this.feed.events = 0
      this.ended(error)
    } else {
      this.fail(toError(error))
    }
  }

  /** The response did not start within `responseHeadTimeoutMs`. */
  late(): void {
    const { address, responseHeadTimeoutMs: timeoutMs } = this.#context
    const limit = `responseHeadTimeoutMs (${timeoutMs} ms)`
    const message = `${address} did not start to respond to the request for ${this.#owner.what} within ${limit}`
    this.feed.isEmpty = true
    this.#fruitless++
    this.sendFailed(new TransportError('PEER_LOST', message, { address, option: 'responseHeadTimeoutMs' }))
  }

  /** Closes the stream for good. */
  stop(): void {
    this.#isStopped = true
    this.#retry?.[Symbol.dispose]()
    this.#call?.cancel()
    this.feed.close()
  }

  pause(): void {
    this.#call?.pause()
  }

  resume(): void {
    this.#call?.resume()
  }

  /** The error where no attempt is left. */
  #exhaustion(nextMs: number, cause: Error | undefined): TransportError | undefined {
    const fruitless = this.#owner.isPolled && this.#fruitless >= MAX_FRUITLESS
    const unconnected = this.#owner.isPolled && this.#unconnected >= MAX_UNCONNECTED
    if (fruitless) return this.#exhausted(this.#fruitless, 'resumed streams carried no event', cause)
    if (unconnected) return this.#exhausted(this.#unconnected, 'attempts found no connection', cause)
    const { attempts } = this.#budget
    const why = 'failed attempts (reconnect.maxAttempts)'
    return nextMs === Infinity ? this.#exhausted(attempts, why, cause, 'reconnect.maxAttempts') : undefined
  }

  #exhausted(attempts: number, why: string, cause: Error | undefined, option?: string): TransportError {
    const { text, advice } = reasonOf(cause ?? '')
    const message = `${this.#context.address} did not reopen ${this.#owner.what}: gave up after ${attempts} ${why}`
    const details = { attempts, ...advice, ...(option !== undefined && { option }) }
    const reason = cause ? `${message}; the last: ${text}` : message
    return new TransportError('RECONNECT_EXHAUSTED', reason, details, { cause })
  }
}

function sessionEnded(address: string, sessionId = ''): TransportError {
  return new TransportError('SESSION_LOST', `${address} no longer knows the session of the stream`, {
    sessionId,
  })
}

/** One GET of an event stream. */
class EventsCall extends HttpCall {
  readonly #stream: ReconnectingStream

  constructor(context: ClientContext, stream: ReconnectingStream) {
    super(context, 'GET')
    this.#stream = stream
  }

  override begin(): void {
    this.deadline ??= new ServerDeadline(
      this.context,
      this.context.responseHeadTimeoutMs,
      () => this.#stream.late(),
      this,
    )
    super.begin()
  }

  protected headers(): HeaderRecord | Promise<HeaderRecord> {
    return this.context.headers.events(this.#stream.feed.lastEventId)
  }

  protected accepted(head: ResponseHead): void {
    const coding = this.codingOf(head)
    if (coding !== undefined) {
      this.#stream.coded(coding)
      return
    }
    if (mediaTypeOf(head.header('content-type')) === EVENT_STREAM_MEDIA_TYPE) {
      this.#stream.opened()
      return
    }
    this.cancel()
    const { status, statusText } = head
    this.#stream.refused({ status, statusText, header: (name) => head.header(name), text: '' })
  }

  protected received(chunk: Uint8Array): void {
    this.#stream.feed.push(chunk)
  }

  protected ended(): void {
    this.#stream.ended()
  }

  protected refused(response: RefusedResponse): void {
    this.#stream.refused(response)
  }

  protected sendFailed(error: unknown): void {
    this.#stream.sendFailed(error)
  }

  protected interrupted(cause: Error): void {
    this.#stream.ended(cause)
  }
}
