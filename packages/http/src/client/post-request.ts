import {
  isRequest,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type RequestId,
  type SendOptions,
  TransportError,
} from '@mcpwire/core'
import type { HeaderRecord } from '@mcpwire/core/authoring'
import { toErrorResponse } from '@mcpwire/core/authoring'
import type { AnswerHead } from '../engines/engine.js'
import { VERSION_KEY } from '../headers/standard-headers.js'
import { callBack, callBackAtEnd } from './call/callbacks.js'
import type { Link } from './call/client-context.js'
import { EventFeed, type FeedOwner } from './call/event-feed.js'
import { HttpCall } from './call/http-call.js'
import type { WatchedStream } from './call/idle-watch.js'
import { JsonAnswer, type JsonAnswerOwner } from './call/json-answer.js'
import { EVENTS_TYPE, JSON_TYPE, mediaTypeOf } from './call/media-type.js'
import { errorInText, isNoServer, type RefusedAnswer, statusError } from './call/refused-answer.js'
import { isModernRevision } from './call/request-headers.js'
import { markAsAuthFailure } from './call/sdk-marks.js'
import { isOpening } from './opening.js'
import { KeptStream } from './reconnecting-stream.js'

/** The client that an exchange belongs to. */
export interface ExchangeHost {
  readonly link: Link
  /** Where messages go. */
  readonly postUrl: URL
  /** Whether answers come on a stream of their own, as over HTTP+SSE, instead of with the status. */
  readonly answersElsewhere: boolean
  /** Whether the server has taken any message, and so speaks what we speak. */
  readonly isUnderstood: boolean
  /** The headers that repeat the message, where its revision has such. */
  mirroring(message: JsonRpcMessage): HeaderRecord
  /** The server took the message. */
  accepted(exchange: Exchange, head: AnswerHead): void
  /** Text of an answer, which should hold a message. */
  hear(text: string, from: Exchange): void
  /** What arrived is not text at all. */
  unreadable(bytes: Uint8Array): void
  /** An answer in place of one that will not come. */
  answer(response: JsonRpcErrorResponse, from: Exchange): void
  /** Sends the message once more, with which the server did nothing: its session may be another by now. */
  again(exchange: Exchange): void
  /** A refusal that the client may know a way around: it then sends the message again, or fails it. */
  takesOver(exchange: Exchange, answer: RefusedAnswer): boolean
  report(error: Error): void
  /** The status has come, or will not: the message waits for nothing any more. */
  settled(exchange: Exchange): void
  /** Nothing more will be heard of the exchange. */
  over(exchange: Exchange): void
}

/** What an exchange awaits. */
type Stage = 'status' | 'json' | 'events' | 'resumed' | 'elsewhere' | 'nothing'

/** One message on its way to the server, and whatever comes back for it. */
export class Exchange extends HttpCall implements FeedOwner, JsonAnswerOwner, WatchedStream {
  readonly message: JsonRpcMessage
  readonly id: RequestId | undefined
  readonly isInitialize: boolean
  readonly bytes: number
  /** Settles as `send()` does. */
  readonly sent: Promise<void>
  /** The session it was last sent in. */
  sessionId: string | undefined
  /** Since when the end of what it still receives is due, by the clock. */
  heardAtMs = 0
  /** Whether its response was delivered. */
  isAnswered = false
  /** How often it was sent again because a session was lost. */
  renewals = 0
  readonly #host: ExchangeHost
  readonly #text: string
  readonly #options: SendOptions | undefined
  #resolve!: () => void
  #reject!: (error: unknown) => void
  #isSettled = false
  #stage: Stage = 'status'
  #json: JsonAnswer | undefined
  #feed: EventFeed | undefined
  #stream: KeptStream | undefined
  #onabort: (() => void) | undefined

  constructor(
    host: ExchangeHost,
    message: JsonRpcMessage,
    text: string,
    bytes: number,
    options?: SendOptions,
  ) {
    super(host.link, 'POST', host.postUrl)
    this.#host = host
    this.message = message
    this.id = isRequest(message) ? message.id : undefined
    this.isInitialize = isRequest(message) && message.method === 'initialize'
    this.bytes = bytes
    this.#text = text
    this.#options = options
    this.sent = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const signal = options?.requestSignal
    if (!signal) return
    this.#onabort = () => this.#abandon()
    signal.addEventListener('abort', this.#onabort, { once: true })
  }

  /** Whether responses on its streams are for it, whatever request they name: it resumes one of another life. */
  get adopts(): boolean {
    return this.#options?.resumptionToken !== undefined && this.id !== undefined
  }

  /** Whether nothing more is heard of it. */
  get isOver(): boolean {
    return this.#stage === 'nothing'
  }

  /** Whether it keeps to a revision whose requests say so themselves, and whose streams cannot be resumed. */
  get isModern(): boolean {
    if (!('method' in this.message)) return false
    const named = this.message.params?._meta?.[VERSION_KEY]
    return isModernRevision(typeof named === 'string' ? named : this.link.headers.protocolVersion)
  }

  /** Sends the message, or goes on with the request that was interrupted where the options say so. */
  start(): void {
    if (this.#stage === 'nothing') return
    const { link } = this
    this.sessionId = this.isInitialize ? undefined : link.headers.sessionId
    const token = this.adopts ? this.#options?.resumptionToken : undefined
    if (token === undefined) {
      this.begin()
      return
    }
    this.#settle()
    this.#feed = new EventFeed(this, link)
    this.#feed.lastEventId = token
    this.#keep(this.#feed).start()
  }

  /** Its response arrived, on whatever stream. */
  answered(): void {
    this.isAnswered = true
    if (this.#stage === 'resumed') this.#over()
    else if (this.#stage === 'elsewhere') this.#over(true, true)
    else if (this.#stage === 'events') this.#linger()
  }

  /** Ends it: `send()` rejects, or where that is past, the error is the answer. */
  fail(error: unknown): void {
    if (this.#stage === 'nothing') return
    if (!this.#isSettled) {
      this.#reject(error)
      this.#settled()
    } else if (this.id !== undefined && !this.isAnswered)
      this.#host.answer(toErrorResponse(this.id, error), this)
    this.#over()
  }

  /** Ends it without a word: nobody waits for what comes of it. */
  drop(): void {
    this.#settle()
    this.#over(false)
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

  protected override get isRead(): boolean {
    return this.#stage === 'events' || this.#stage === 'json'
  }

  protected override get isOpening(): boolean {
    return !this.#host.isUnderstood && isOpening(this.message)
  }

  protected headers(): HeaderRecord | Promise<HeaderRecord> {
    const { headers } = this.link
    const own = this.#options?.headers
    const mirrored = this.isModern ? this.#host.mirroring(this.message) : undefined
    return this.isInitialize ? headers.initialize(own, mirrored) : headers.post(own, mirrored)
  }

  protected accepted(head: AnswerHead): void {
    this.#settle()
    this.#host.accepted(this, head)
    const type = mediaTypeOf(head.header('content-type'))
    if (this.id === undefined || this.#host.answersElsewhere) {
      this.#stage = 'elsewhere'
      if (this.id === undefined || this.isAnswered) this.#over(true, true)
      // What follows is nobody's, and must not keep a socket for ever.
      if (type === EVENTS_TYPE) this.giveUp()
      else if (head.header('content-length') !== '0') this.#linger()
    } else if (type === EVENTS_TYPE) {
      this.#stage = 'events'
      this.#feed = new EventFeed(this, this.link)
      this.#feed.open()
    } else if (type === JSON_TYPE) {
      this.#stage = 'json'
      this.#json = new JsonAnswer(this, this.link, head)
      this.#json.open()
    } else
      this.broken(
        `${this.link.address} answered a request with status ${head.status} and ${type ?? 'no type'}, which is no message: is it an MCP endpoint?`,
      )
  }

  protected received(chunk: Uint8Array): void {
    if (this.#stage === 'events') this.#feed?.push(chunk)
    else this.#json?.push(chunk)
  }

  protected finished(): void {
    if (this.#stage === 'json') this.#json?.end()
    else if (this.#stage === 'events') this.#interrupted(undefined)
    else this.link.lingering.delete(this)
  }

  protected severed(cause: Error): void {
    if (this.#stage === 'events') this.#interrupted(cause)
    else if (this.#stage === 'json' || this.#stage === 'status')
      this.broken(`the answer of ${this.link.address} broke off`, cause)
    else this.link.lingering.delete(this)
  }

  protected unsent(error: unknown): void {
    this.fail(error)
  }

  protected refused(answer: RefusedAnswer): void {
    if (!this.#host.takesOver(this, answer)) this.refuse(answer)
  }

  /**
   * Lets the refusal stand. To both SDKs a request but `initialize` that is refused with a status of 4xx is one that
   * was answered; v2 decides about the era by the rest.
   */
  refuse(answer: RefusedAnswer): void {
    const { status } = answer
    const error = statusError(this.link, answer)
    if (status === 401 && this.link.authorization) markAsAuthFailure(error)
    const isAnswer = status >= 400 && status < 500 && status !== 401 && status !== 403
    const own = this.id === undefined ? undefined : errorInText(answer.text, this.id)
    const isLost = this.isInitialize && !this.#host.isUnderstood && isNoServer(answer, own)
    if (this.id === undefined || !isAnswer || isLost) {
      this.fail(error)
      return
    }
    if (!own) this.#host.report(error)
    this.#settle()
    this.#host.answer(own ?? toErrorResponse(this.id, error), this)
    this.#over()
  }

  event(data: string, type: string): void {
    if (type === 'message') this.#host.hear(data, this)
  }

  token(id: string): void {
    const { onresumptiontoken } = this.#options ?? {}
    if (onresumptiontoken) callBack('onresumptiontoken', () => onresumptiontoken(id), this.#host)
  }

  overlong(error: Error): void {
    this.giveUp()
    this.#host.report(error)
    this.fail(error)
  }

  /** The end that was due did not come. */
  idle(): void {
    this.giveUp()
    if (this.#stage !== 'elsewhere') this.#over()
  }

  silent(error: Error): void {
    this.giveUp()
    if (this.#stream) this.#stream.ended(error)
    else this.#interrupted(error)
  }

  complete(text: string): void {
    this.#host.hear(text, this)
    if (this.isAnswered) this.#over()
    else this.broken(`${this.link.address} answered a request with something else than its response`)
  }

  unreadable(bytes: Uint8Array): void {
    this.#host.unreadable(bytes)
    this.broken(`the answer of ${this.link.address} is not UTF-8`)
  }

  /** The stream of the request ended. */
  #interrupted(cause: Error | undefined): void {
    const feed = this.#feed as EventFeed
    if (this.isAnswered) {
      this.#over()
      return
    }
    const isResumable = feed.lastEventId !== undefined && !this.isModern
    if (!isResumable || this.sessionId !== this.link.headers.sessionId) {
      feed.close()
      this.broken(`the stream of a request to ${this.link.address} ended before its response`, cause)
      return
    }
    this.#keep(feed).goOn(cause)
  }

  #keep(feed: EventFeed): KeptStream {
    this.#stage = 'resumed'
    const gone = (error: Error): void =>
      this.broken(`a request to ${this.link.address} could not be resumed`, error)
    this.#stream = new KeptStream(
      this.link,
      {
        what: 'the stream of a request',
        isPolled: true,
        event: (data, type) => this.event(data, type),
        token: (id) => this.token(id),
        overlong: (error) => this.overlong(error),
        refused: gone,
        lost: gone,
      },
      feed,
    )
    return this.#stream
  }

  /** The request may have run, and its response will not come. */
  broken(message: string, cause?: unknown): void {
    const method = 'method' in this.message ? this.message.method : ''
    const error = new TransportError('OUTCOME_UNKNOWN', message, { method }, { cause })
    // The answer says no more than that: its reader may be behind another transport.
    this.#host.report(error)
    this.fail(error)
  }

  #abandon(): void {
    if (!this.#isSettled) {
      this.#reject(this.#options?.requestSignal?.reason)
      this.#settled()
    }
    this.#over(false)
  }

  #settle(): void {
    if (this.#isSettled) return
    this.#resolve()
    this.#settled()
  }

  #settled(): void {
    this.#isSettled = true
    this.#host.settled(this)
  }

  #over(isWanted = true, keepsCall = false): void {
    if (this.#stage === 'nothing') return
    const hadStream = this.id !== undefined && this.#stage !== 'status'
    this.#stage = 'nothing'
    if (!keepsCall) {
      this.giveUp()
      this.link.lingering.delete(this)
    }
    this.#json?.close()
    this.#feed?.close()
    this.#stream?.stop()
    if (this.#onabort) this.#options?.requestSignal?.removeEventListener('abort', this.#onabort)
    this.#host.over(this)
    const { onRequestStreamEnd } = this.#options ?? {}
    if (isWanted && hadStream && onRequestStreamEnd) callBackAtEnd(onRequestStreamEnd, this.#host)
  }

  #linger(): void {
    this.heardAtMs = this.link.clock.now()
    this.link.lingering.add(this)
  }
}
