import {
  type ErrorAdvice,
  isRequest,
  type JsonRpcMessage,
  type RequestId,
  type SendOptions,
} from '@mcpwire/core'
import { type HeaderRecord, toError, toOwnErrorResponse } from '@mcpwire/core/authoring'
import type { ResponseHead } from '../engines/engine.js'
import { EVENT_STREAM_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../shared/media-types.js'
import { callBack, callBackAtEnd } from './call/callbacks.js'
import { EventFeed, type FeedOwner } from './call/event-feed.js'
import { HttpCall } from './call/http-call.js'
import type { WatchedStream } from './call/idle-watch.js'
import { faultIn, JsonResponse, type JsonResponseOwner } from './call/json-response.js'
import { isModernMessage, isOpeningMessage } from './call/message-era.js'
import { mediaTypeOf, parseSessionId } from './call/request-headers.js'
import {
  contentFault,
  errorInText,
  invalidSessionId,
  isNoMcpServer,
  markAsFinal,
  outcomeUnknown,
  type RefusedResponse,
  statusError,
} from './call/response-errors.js'
import { SendOutcome, type SentMessage } from './call/send-outcome.js'
import { toEndpoint } from './http-sse.js'
import type { PostRequestHost } from './post-request-host.js'
import { ReconnectingStream } from './reconnecting-stream.js'

// The stages of a message:
//
//   status ── 2xx with JSON ──▶ json ─────────────────────────────────────▶ over
//          ── 2xx with events ─▶ events ── broken off, with an id ──▶ resumed ──▶ over
//          ── 2xx otherwise ──▶ elsewhere (HTTP+SSE, or no response is due) ──▶ over
//          ── 2xx that is not MCP ──▶ over, with its text in the error
//          ── refused ──▶ the channel recovers it, or the refusal is the response ──▶ over
type Stage = 'status' | 'json' | 'events' | 'resumed' | 'elsewhere' | 'over'

/** One message sent by POST, and its response. */
export class PostRequest
  extends HttpCall
  implements FeedOwner, JsonResponseOwner, WatchedStream, SentMessage
{
  readonly message: JsonRpcMessage
  readonly id: RequestId | undefined
  readonly isInitialize: boolean
  /** The session it was last sent in. */
  sessionId: string | undefined
  /** Since when its end is due, by the clock. */
  activeAtMs = 0
  /** Whether its response was delivered. */
  hasResponse = false
  /** How often it was sent again in a new session. */
  renewals = 0
  /** Whether its cancellation was sent: the loss of its response is no error. */
  isUnwanted = false
  readonly #host: PostRequestHost<PostRequest>
  readonly #text: string
  readonly #options: SendOptions | undefined
  readonly #outcome: SendOutcome
  #stage: Stage = 'status'
  #json: JsonResponse | undefined
  #feed: EventFeed | undefined
  #stream: ReconnectingStream | undefined
  #onAbort: (() => void) | undefined
  /** The fault of the last malformed message in the response. */
  #fault: Error | undefined

  constructor(
    host: PostRequestHost<PostRequest>,
    message: JsonRpcMessage,
    text: string,
    bytes: number,
    options?: SendOptions,
  ) {
    super(host.context, 'POST', host.postUrl)
    this.#host = host
    this.message = message
    this.id = isRequest(message) ? message.id : undefined
    this.isInitialize = isRequest(message) && message.method === 'initialize'
    this.bytes = bytes
    this.#text = text
    this.#options = options
    this.#outcome = new SendOutcome(this)
    this.deadline = this.#outcome.deadline
    if (!options?.requestSignal) return
    this.#onAbort = () => this.drop({ reason: options.requestSignal?.reason })
    options.requestSignal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** The outcome of `send()`. */
  get sent(): Promise<void> {
    return this.#outcome.promise
  }

  /** Whether each response on its stream is for it, whatever its id: the option resumes a request of another client. */
  get adoptsResponses(): boolean {
    return this.#options?.resumptionToken !== undefined && this.id !== undefined
  }

  get isOver(): boolean {
    return this.#stage === 'over'
  }

  /** Whether its revision is named in each request, and has no streams that can be resumed. */
  get isModern(): boolean {
    return isModernMessage(this.message, this.context.headers.protocolVersion)
  }

  /** Sends the message, or resumes the request that `resumptionToken` names. */
  start(): void {
    if (this.#stage === 'over') return
    const { context } = this
    this.sessionId = this.isInitialize ? undefined : context.headers.sessionId
    const token = this.adoptsResponses ? this.#options?.resumptionToken : undefined
    if (token === undefined) {
      this.begin()
      return
    }
    this.#settle()
    this.#feed = new EventFeed(this, context)
    this.#feed.lastEventId = token
    this.#reconnecting(this.#feed).start()
  }

  resend(): void {
    if (this.#stage === 'over') return
    this.abandon()
    this.#host.again(this)
  }

  /** Its response was delivered, on any stream. */
  responseDelivered(): void {
    this.hasResponse = true
    if (this.#stage === 'resumed') this.#end()
    else if (this.#stage === 'elsewhere') this.#end('keepCall')
    else if (this.#stage === 'events') this.#linger()
  }

  /** Ends it: `send()` rejects. Once that has settled, the error is the response. */
  fail(error: unknown): void {
    if (this.#stage === 'over') return
    if (this.isUnwanted || this.hasResponse) this.#settle()
    else if (!this.#outcome.isSettled) this.#settle({ reason: error })
    else if (this.id !== undefined)
      this.#host.respond(toOwnErrorResponse(this.id, error, { delivery: 'unknown' }), this, toError(error))
    this.#end()
  }

  /** Ends it without a response. `send()` resolves unless a reason is given. */
  drop(rejection?: { readonly reason: unknown }): void {
    this.isUnwanted = true
    this.#settle(rejection)
    this.#end('silent')
  }

  override pause(): void {
    if (this.#stream) this.#stream.pause()
    else super.pause()
  }

  override resume(): void {
    if (this.#stream) this.#stream.resume()
    else super.resume()
  }

  protected override again(): void {
    this.#host.again(this)
  }

  protected override get body(): string {
    return this.#text
  }

  protected override get isReply(): boolean {
    return this.id === undefined
  }

  protected override get isBodyUsed(): boolean {
    return this.#stage === 'events' || this.#stage === 'json'
  }

  /** Whether it is a first request of an era. */
  get isOpeningMethod(): boolean {
    return isOpeningMessage(this.message)
  }

  override get isOpening(): boolean {
    return !this.context.history.hasAccepted && this.isOpeningMethod
  }

  protected headers(): HeaderRecord | Promise<HeaderRecord> {
    const { headers } = this.context
    const own = this.#options?.headers
    const mirrored = this.isModern ? this.#host.mirroredHeaders(this.message) : undefined
    return this.isInitialize ? headers.initialize(own, mirrored) : headers.post(own, mirrored)
  }

  protected override isUsable(head: ResponseHead): boolean {
    if (this.id === undefined || this.#host.isHttpSse) return true
    const type = mediaTypeOf(head.header('content-type'))
    return this.codingOf(head) === undefined && (type === EVENT_STREAM_MEDIA_TYPE || type === JSON_MEDIA_TYPE)
  }

  protected accepted(head: ResponseHead): void {
    const idHeader = this.isInitialize ? head.header('mcp-session-id') : undefined
    const sessionId = idHeader ? parseSessionId(idHeader) : undefined
    if (idHeader && sessionId === undefined) {
      this.fail(invalidSessionId(this.context.address))
      return
    }
    this.#settle()
    this.#host.accepted(this, sessionId)
    const type = mediaTypeOf(head.header('content-type'))
    if (this.id === undefined || this.#host.isHttpSse) {
      this.#stage = 'elsewhere'
      if (this.id === undefined || this.hasResponse) this.#end('keepCall')
      // The body is unused, and must not hold a socket for long.
      if (type === EVENT_STREAM_MEDIA_TYPE) this.cancel()
      else if (head.header('content-length') !== '0') this.#linger()
    } else if (type === EVENT_STREAM_MEDIA_TYPE) {
      this.#stage = 'events'
      this.#feed = new EventFeed(this, this.context)
      this.#feed.open()
    } else {
      this.#stage = 'json'
      this.#json = new JsonResponse(this, this.context, head)
      this.#json.open()
    }
  }

  protected received(chunk: Uint8Array): void {
    ;(this.#stage === 'events' ? this.#feed : this.#json)?.push(chunk)
  }

  protected ended(): void {
    if (this.#stage === 'json') this.#json?.end()
    else if (this.#stage === 'events') this.#streamEnded(undefined)
    else this.context.lingering.delete(this)
  }

  protected interrupted(cause: Error): void {
    if (this.#stage === 'events') this.#streamEnded(cause)
    else if (this.#stage === 'json' || this.#stage === 'status')
      this.broken(`the response of ${this.context.address} was interrupted`, cause)
    else this.context.lingering.delete(this)
  }

  protected sendFailed(error: unknown): void {
    if (!this.#outcome.failed(error)) this.fail(error)
  }

  protected refused(response: RefusedResponse): void {
    if (response.status >= 200 && response.status < 300) {
      const { message, advice } = contentFault(this.context, response)
      this.#settle()
      this.broken(message, undefined, advice)
    } else if (!this.#host.recover(this, response)) this.refuse(response)
  }

  /**
   * Makes the refusal final. Both SDKs expect a response to a request that is refused with a status of 4xx, except
   * `initialize`; v2 decides about the era by the rest.
   */
  refuse(response: RefusedResponse): void {
    const { status } = response
    const requested = this.#host.isHttpSse ? toEndpoint(this.#host, status) : {}
    const error = statusError(this.context, response, requested)
    // The v2 SDK would replace it by an error without the reason.
    if (status === 401 || status === 403 || status >= 500) markAsFinal(error)
    const isResponse = status >= 400 && status < 500 && status !== 401 && status !== 403
    const own = this.id === undefined ? undefined : errorInText(response.text, this.id)
    const isFailed = this.isInitialize && this.isOpening && isNoMcpServer(response, own)
    if (this.id === undefined || !isResponse || isFailed) {
      this.sendFailed(error)
      return
    }
    this.#settle()
    if (!this.isUnwanted) {
      // The refusal of a first request may only select another era.
      if (!own && !this.isOpening) this.#host.report(error)
      this.#host.respond(own ?? toOwnErrorResponse(this.id, error), this, error)
    }
    this.#end()
  }

  event(data: string, type: string): void {
    if (type === 'message') this.#fault = this.#host.readText(data, this) ?? this.#fault
  }

  token(id: string): void {
    const { onresumptiontoken } = this.#options ?? {}
    if (onresumptiontoken) callBack('onresumptiontoken', () => onresumptiontoken(id), this.#host)
  }

  tooLarge(error: Error): void {
    this.cancel()
    if (!this.isUnwanted) this.#host.report(error)
    this.fail(error)
  }

  /** The end that was due did not arrive. */
  idle(): void {
    this.cancel()
    if (this.#stage !== 'elsewhere') this.#end()
  }

  silent(error: Error): void {
    this.cancel()
    if (this.#stream) this.#stream.ended(error)
    else this.#streamEnded(error)
  }

  complete(text: string): void {
    const fault = this.#host.readText(text, this) ?? (this.hasResponse ? undefined : faultIn(text))
    if (this.hasResponse) this.#end()
    else this.broken(`${this.context.address} responded to a request without its JSON-RPC response`, fault)
  }

  unreadable(bytes: Uint8Array): void {
    this.#host.unreadable(bytes)
    this.broken(`the response of ${this.context.address} is not UTF-8`)
  }

  #streamEnded(cause: Error | undefined): void {
    const feed = this.#feed as EventFeed
    if (this.hasResponse || this.isUnwanted) {
      this.#end()
      return
    }
    const isResumable = feed.lastEventId !== undefined && !this.isModern
    if (!isResumable || this.sessionId !== this.context.headers.sessionId) {
      feed.close()
      const message = `the stream of a request to ${this.context.address} ended before its response`
      this.broken(message, cause ?? this.#fault)
      return
    }
    this.#reconnecting(feed).continue(cause)
  }

  #reconnecting(feed: EventFeed): ReconnectingStream {
    this.#stage = 'resumed'
    this.#host.resuming(this)
    const failed = (error: Error): void =>
      this.broken(`a request to ${this.context.address} could not be resumed`, error)
    this.#stream = new ReconnectingStream(
      this.context,
      {
        what: 'the stream of a request',
        isPolled: true,
        event: (data, type) => this.event(data, type),
        token: (id) => this.token(id),
        tooLarge: (error) => this.tooLarge(error),
        refused: failed,
        lost: failed,
      },
      feed,
    )
    return this.#stream
  }

  /** Fails it with `OUTCOME_UNKNOWN`: it may have run, and its response does not arrive. */
  broken(what: string, cause?: unknown, advice?: ErrorAdvice): void {
    const error = outcomeUnknown(this.message, what, cause, advice)
    // A relay conceals the text of the response.
    if (!this.isUnwanted) this.#host.report(error)
    this.fail(error)
  }

  /** Settles `send()`: rejects where a reason is given. */
  #settle(rejection?: { readonly reason: unknown }): void {
    if (this.#outcome.settle(rejection)) this.#host.settled(this)
  }

  /** `silent` reports no end of its stream; `keepCall` lets the rest of the response arrive. */
  #end(how?: 'silent' | 'keepCall'): void {
    if (this.#stage === 'over') return
    const hadStream = this.id !== undefined && this.#stage !== 'status'
    this.#stage = 'over'
    if (how !== 'keepCall') {
      this.cancel()
      this.context.lingering.delete(this)
    }
    this.#json?.close()
    this.#feed?.close()
    this.#stream?.stop()
    if (this.#onAbort) this.#options?.requestSignal?.removeEventListener('abort', this.#onAbort)
    this.#host.over(this)
    const { onRequestStreamEnd } = this.#options ?? {}
    if (how !== 'silent' && hadStream && onRequestStreamEnd) callBackAtEnd(onRequestStreamEnd, this.#host)
  }

  #linger(): void {
    this.activeAtMs = this.context.clock.now()
    this.context.lingering.add(this)
  }
}
