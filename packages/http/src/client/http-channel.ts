import {
  isResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type JsonRpcResponse,
  type MessageContext,
  type Peer,
  type RequestId,
  type SendOptions,
} from '@mcpwire/core'
import {
  type Channel,
  closedError,
  createMessageReader,
  type HeaderRecord,
  type HttpTraits,
  type MessageReader,
  notWritable,
  overloaded,
  PROGRESS_METHOD,
  type Sink,
  toJson,
  tooLargeToSend,
} from '@mcpwire/core/authoring'
import { utf8Length } from '../shared/utf8-length.js'
import { callBack } from './call/callbacks.js'
import type { ClientContext } from './call/client-context.js'
import { onlyMessageIn } from './call/json-response.js'
import { isModernRevision } from './call/request-headers.js'
import type { RefusedResponse } from './call/response-errors.js'
import { GetStream, type StreamState } from './get-stream.js'
import { type HandshakeReplay, handshakeReplay } from './handshake-replay.js'
import { HttpSseFallback } from './http-sse-fallback.js'
import { OpeningOutcome } from './opening-outcome.js'
import { PendingPosts } from './pending-posts.js'
import { PostRequest } from './post-request.js'
import type { PostRequestHost } from './post-request-host.js'
import { endSession, SessionRenewal } from './session-renewal.js'
import { ToolHeaders } from './tool-headers.js'

// The states of a channel:
//
//   idle ── first POST ──▶ opening ── 2xx ──▶ open ── 404 within a session ──▶ renewing ── initialize replayed ──▶ open
//                             └── 400, 404 or 405 to initialize ──▶ HTTP+SSE, or failed
//   any state ── close(), or an error that ends the channel ──▶ closed
//
// Each message is one PostRequest, which holds its response. While opening and renewing, other messages wait in
// SessionRenewal, except responses, pings and cancellations of `initialize`. Once open, GetStream receives messages
// that belong to no request. In HTTP+SSE one GET receives every message and names the URL for POST. Closing fails all
// requests, ends the session by DELETE, and closes the engine.

/** Settings of a channel besides its context. */
export interface HttpChannelOptions {
  readonly peer: Peer
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly httpSse: boolean
  readonly messageUrl: URL | undefined
  readonly standaloneStream: boolean
  readonly endSessionOnClose: boolean
  readonly onStreamState?: ((state: StreamState) => void) | undefined
}

/** The part of `closeTimeoutMs` that the DELETE of the session may take. */
const DELETE_PART = 3 / 4

/** A channel to one server over HTTP, with one POST per message. */
export function httpChannel(context: ClientContext, sink: Sink, options: HttpChannelOptions): Channel {
  const http = new HttpChannel(context, sink, options)
  return {
    peer: options.peer,
    http,
    traffic: context.traffic,
    send: (message, sendOptions) => http.send(message, sendOptions),
    close: (reason) => http.close(reason),
    flow: {
      pause: () => http.pause(),
      resume: () => http.resume(),
    },
  }
}

class HttpChannel implements PostRequestHost<PostRequest>, HttpTraits {
  readonly context: ClientContext
  readonly setProtocolVersion: (version: string) => void
  postUrl: URL
  isHttpSse = false
  readonly #sink: Sink
  readonly #options: HttpChannelOptions
  readonly #reader: MessageReader
  readonly #replay: HandshakeReplay = handshakeReplay()
  readonly #renewal: SessionRenewal
  readonly #getStream: GetStream
  readonly #fallback: HttpSseFallback
  readonly #tools: ToolHeaders
  readonly #posts: PendingPosts
  readonly #opening: OpeningOutcome
  /** The requests whose streams are being resumed: some servers have only one stream for each session. */
  readonly #resuming: Set<PostRequest> = new Set()
  /** The request whose response is being read. */
  #reading: PostRequest | undefined
  /** The fault of the last message in it. */
  #fault: Error | undefined
  /** The request that started the session, until its response arrives. */
  #sessionStart: PostRequest | undefined
  /** The `initialize` that other messages wait for. */
  #initialize: PostRequest | undefined
  #closing: Promise<void> | undefined
  #isOver = false

  constructor(context: ClientContext, sink: Sink, options: HttpChannelOptions) {
    this.context = context
    this.postUrl = context.url
    this.#sink = sink
    this.#options = options
    this.#opening = new OpeningOutcome(context.address)
    this.#posts = new PendingPosts(context, (error) => sink.error(error))
    const message: Sink['message'] = (received, messageContext) => this.#read(received, messageContext)
    const error: Sink['error'] = (received) => this.#malformed(received)
    const read: Sink = { ...sink, message, error }
    this.#reader = createMessageReader(read, {
      address: context.address,
      abandon: (reason) => this.#end(reason),
      // Since 2026-07-28, clients send no responses.
      respond: (text) => {
        if (!isModernRevision(context.headers.protocolVersion))
          this.#post(JSON.parse(text)).sent.catch(sink.error)
      },
    })
    this.setProtocolVersion = (version) => {
      context.headers.protocolVersion = version
    }
    this.#renewal = new SessionRenewal(context, this.#replay, {
      send: (message) => this.#post(message),
      begun: () => this.#getStream.stop(),
      renewed: (error) => sink.error(error),
      failed: (error) => this.#end(error),
    })
    this.#tools = new ToolHeaders({
      send: (request) => this.#post(request),
      report: (error) => sink.error(error),
    })
    this.#getStream = new GetStream(context, {
      message: (text) => this.#reader.text(text),
      report: (error) => sink.error(error),
      state: (state) => callBack('onStreamState', () => options.onStreamState?.(state), this),
      sessionLost: (sessionId) => this.#renewal.begin(sessionId),
      mustWait: () => this.#resuming.size > 0,
    })
    const fallback = {
      moved: (url: URL) => {
        this.postUrl = url
        this.isHttpSse = true
      },
      message: (text: string) => this.#reader.text(text),
      ended: (error: Error) => this.#end(error),
    }
    this.#fallback = new HttpSseFallback(context, fallback, options.messageUrl)
    // A resumed session is initialized already.
    if (context.headers.sessionId !== undefined) this.#openGetStream()
  }

  get sessionId(): string | undefined {
    return this.context.headers.sessionId
  }

  get failure(): Error | undefined {
    return this.#opening.failure
  }

  get hasPerRequestStream(): boolean {
    return !this.isHttpSse
  }

  send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    const { address, maxMessageBytes } = this.context
    const { maxQueuedBytes } = this.#options
    if (this.#isOver) return Promise.reject(notWritable(address))
    if (options?.requestSignal?.aborted) return Promise.reject(options.requestSignal.reason)
    const text = toJson(message)
    const bytes = utf8Length(text)
    if (bytes > maxMessageBytes) return Promise.reject(tooLargeToSend(bytes, maxMessageBytes))
    const queuedBytes = this.#posts.queuedBytes + bytes
    if (queuedBytes > maxQueuedBytes) return Promise.reject(overloaded(address, queuedBytes, maxQueuedBytes))
    const post = this.#posts.add(new PostRequest(this, message, text, bytes, options))
    this.#opening.sent(post)
    this.#reader.sent(message)
    this.#posts.observeCancellation(post)
    if (post.isInitialize && this.sessionId === undefined) this.#initialize = post
    const isHeld = this.#renewal.isActive || (this.#initialize && waitsFor(this.#initialize.id, message))
    if (isHeld && !post.isInitialize) this.#renewal.hold(post)
    else {
      this.#replay.sent(message)
      post.start()
    }
    return post.sent
  }

  /** Idempotent: a call while the channel closes waits for the same end. */
  close(reason: Error | undefined): Promise<void> {
    if (!this.#isOver) this.#stop(reason)
    this.#closing ??= this.#closeEngine()
    return this.#closing
  }

  async #closeEngine(): Promise<void> {
    const { endSessionOnClose, closeTimeoutMs } = this.#options
    if (endSessionOnClose && this.sessionId !== undefined)
      await endSession(this.context, closeTimeoutMs * DELETE_PART)
    this.context.callbacks.cancel(notWritable(this.context.address))
    await this.context.engine.close()
  }

  pause(): void {
    this.context.pauseState.pause()
    this.#getStream.pause()
    this.#fallback.pause()
    for (const post of this.#posts.all) post.pause()
  }

  resume(): void {
    this.context.pauseState.resume()
    this.#getStream.resume()
    this.#fallback.resume()
    for (const post of this.#posts.all) post.resume()
  }

  mirroredHeaders(message: JsonRpcMessage): HeaderRecord {
    return this.#tools.mirroredHeaders(message)
  }

  accepted(post: PostRequest, sessionId: string | undefined): void {
    const { history, headers } = this.context
    history.hasAccepted = true
    if (sessionId !== undefined) {
      headers.sessionId = sessionId
      this.#sessionStart = post
    }
    if (post.id !== undefined || !('method' in post.message)) return
    // After this request has released its socket: on a new one the stream would open after the next message.
    if (post.message.method === 'notifications/initialized') queueMicrotask(() => this.#openGetStream())
  }

  readText(text: string, from: PostRequest): Error | undefined {
    this.#reading = from
    this.#fault = undefined
    try {
      const only = from.id === undefined ? undefined : onlyMessageIn(text)
      if (only === undefined) this.#reader.text(text)
      else this.#reader.value(only)
    } finally {
      this.#reading = undefined
    }
    return this.#fault
  }

  unreadable(bytes: Uint8Array): void {
    this.#reader.unreadable(bytes, 'not UTF-8')
  }

  respond(response: JsonRpcErrorResponse, from: PostRequest, error: Error): void {
    this.#opening.responded(from, response, error)
    const forApplication = this.#tools.read(response, from)
    if (forApplication && !this.#isOver) this.#deliver(forApplication, undefined)
  }

  resuming(post: PostRequest): void {
    this.#resuming.add(post)
  }

  again(post: PostRequest): void {
    this.#renewal.again(post)
  }

  recover(post: PostRequest, response: RefusedResponse): boolean {
    if (response.status === 404 && post.sessionId !== undefined) {
      this.#renewal.refused(post)
      return true
    }
    if (this.#tools.recover(post, response)) return true
    // Once HTTP+SSE is in use, its own endpoint is what refuses.
    return this.#options.httpSse && !this.isHttpSse && this.#fallback.recover(post, response)
  }

  report(error: Error): void {
    this.#sink.error(error)
  }

  settled({ bytes }: PostRequest): void {
    this.#posts.queuedBytes -= bytes
  }

  over(post: PostRequest): void {
    this.#initializeOver(post)
    if (this.#resuming.delete(post) && this.#resuming.size === 0) this.#getStream.wake()
    const id = this.#posts.over(post)
    if (id !== undefined) this.#replay.cancelled(id)
  }

  /** Sends a message of the client's own, which no limit or renewal delays. */
  #post(message: JsonRpcMessage): PostRequest {
    const text = toJson(message)
    const post = this.#posts.add(new PostRequest(this, message, text, utf8Length(text)))
    post.start()
    return post
  }

  #malformed(error: Error): void {
    this.#fault = error
    if (!this.#reading?.isUnwanted) this.report(error)
  }

  #read(message: JsonRpcMessage, messageContext: MessageContext | undefined): void {
    if (this.#posts.isLate(message)) return
    const from = this.#reading
    if (!isResponse(message)) {
      const isUnwanted = from?.isUnwanted && message.method === PROGRESS_METHOD
      if (!isUnwanted) this.#deliver(message, messageContext)
      return
    }
    const id = from && idFor(from, message)
    const response = id === undefined ? message : { ...message, id }
    const post = this.#posts.request(response.id)
    if (post?.isUnwanted) {
      post.responseDelivered()
      return
    }
    if (response.id !== undefined && (!post || post.hasResponse)) {
      this.#fault = this.#posts.unexpected(response.id, from)
      return
    }
    if (post) this.#opening.responded(post, response)
    if (post?.isInitialize) this.#initialized(response, post)
    const forApplication = this.#tools.read(response, post)
    if (forApplication) this.#deliver(forApplication, messageContext)
    post?.responseDelivered()
    this.#initializeOver(post)
  }

  #initializeOver(post: PostRequest | undefined): void {
    if (post === undefined || post !== this.#initialize) return
    this.#initialize = undefined
    if (!this.#renewal.isActive) this.#renewal.sendHeld(this.postUrl)
  }

  #initialized(response: JsonRpcResponse, post: PostRequest): void {
    const { headers } = this.context
    if ('result' in response) {
      const version = response.result['protocolVersion']
      if (typeof version === 'string') headers.protocolVersion = version
    } else if (post === this.#sessionStart) headers.sessionId = undefined
    this.#sessionStart = undefined
  }

  #deliver(message: JsonRpcMessage, messageContext: MessageContext | undefined): void {
    const step = this.#replay.received(message)
    if (step.kind === 'deliver') {
      this.#renewal.isUseful = true
      this.#sink.message(message, messageContext)
    } else this.#renewal.replayed(step)
  }

  #openGetStream(): void {
    if (!this.#isOver && !this.isHttpSse && this.#options.standaloneStream) this.#getStream.open()
  }

  /** Ends the channel with an error. */
  #end(error: Error): void {
    if (this.#isOver) return
    // Nothing of ours remains once the end is reported (clause C13), at the server neither.
    void this.close(error).then(() => this.#sink.end(error))
  }

  #stop(reason: Error | undefined): void {
    const error = reason ? closedError(reason) : notWritable(this.context.address)
    this.#isOver = true
    this.#opening.close()
    this.#renewal.stop()
    this.#getStream.stop()
    this.#fallback.stop()
    for (const post of [...this.#posts.all]) post.fail(error)
    this.#posts.stop()
    this.context.lingering.stop()
    this.context.callbacks.cancel(error)
  }
}

/** The id of the request whose stream has the response, where the response needs no id, or is adopted. */
function idFor(post: PostRequest, response: JsonRpcResponse): RequestId | undefined {
  return !post.hasResponse && (post.adoptsResponses || response.id === undefined) ? post.id : undefined
}

/**
 * Whether the message has to wait for the response to `initialize`. A response does not, since `initialize` may wait
 * for it; nor does a ping, or the cancellation of `initialize`.
 */
function waitsFor(initialize: RequestId | undefined, message: JsonRpcMessage): boolean {
  if (isResponse(message) || message.method === 'ping') return false
  return message.method !== 'notifications/cancelled' || message.params?.['requestId'] !== initialize
}
