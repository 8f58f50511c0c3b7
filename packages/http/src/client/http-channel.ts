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
  isRequestId,
  type MessageReader,
  notWritable,
  overloaded,
  type Sink,
  toJson,
  tooLargeToSend,
} from '@mcpwire/core/authoring'
import type { ResponseHead } from '../engines/engine.js'
import { utf8Length } from '../shared/utf8-length.js'
import { callBack } from './call/callbacks.js'
import type { ClientContext } from './call/client-context.js'
import {
  errorInText,
  isModernError,
  isNoMcpServer,
  neitherTransport,
  type RefusedResponse,
  unexpectedResponse,
} from './call/response-errors.js'
import { GetStream, type StreamState } from './get-stream.js'
import { type HandshakeReplay, handshakeReplay } from './handshake-replay.js'
import { HttpSse } from './http-sse.js'
import { PostRequest, type PostRequestHost } from './post-request.js'
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
    send: (message, sendOptions) => http.send(message, sendOptions),
    close: (reason) => http.close(reason),
    flow: {
      pause: () => http.pause(),
      resume: () => http.resume(),
    },
  }
}

class HttpChannel implements PostRequestHost, HttpTraits {
  readonly context: ClientContext
  readonly setProtocolVersion: (version: string) => void
  postUrl: URL
  isHttpSse = false
  hasAccepted = false
  readonly #sink: Sink
  readonly #options: HttpChannelOptions
  readonly #reader: MessageReader
  readonly #replay: HandshakeReplay = handshakeReplay()
  readonly #renewal: SessionRenewal
  readonly #getStream: GetStream
  readonly #tools: ToolHeaders
  readonly #posts: Set<PostRequest> = new Set()
  readonly #requests: Map<RequestId, PostRequest> = new Map()
  /** The request whose response is being read. */
  #reading: PostRequest | undefined
  /** The request that started the session, until its response arrives. */
  #sessionStart: PostRequest | undefined
  /** The `initialize` that other messages wait for. */
  #initialize: PostRequest | undefined
  #httpSse: HttpSse | undefined
  #queuedBytes = 0
  #closing: Promise<void> | undefined
  #isOver = false

  constructor(context: ClientContext, sink: Sink, options: HttpChannelOptions) {
    this.context = context
    this.postUrl = context.url
    this.#sink = sink
    this.#options = options
    const read: Sink = { ...sink, message: (message, messageContext) => this.#read(message, messageContext) }
    this.#reader = createMessageReader(read, {
      address: context.address,
      abandon: (error) => this.#end(error),
    })
    this.setProtocolVersion = (version) => {
      context.headers.protocolVersion = version
    }
    this.#renewal = new SessionRenewal(context, this.#replay, {
      send: (message) => this.#post(message),
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
    })
    // A resumed session is initialized already.
    if (context.headers.sessionId !== undefined) this.#openGetStream()
  }

  get sessionId(): string | undefined {
    return this.context.headers.sessionId
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
    const queuedBytes = this.#queuedBytes + bytes
    if (queuedBytes > maxQueuedBytes) return Promise.reject(overloaded(address, queuedBytes, maxQueuedBytes))
    const post = this.#add(new PostRequest(this, message, text, bytes, options))
    this.#reader.sent(message)
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
    this.#httpSse?.pause()
    for (const post of this.#posts) post.pause()
  }

  resume(): void {
    this.context.pauseState.resume()
    this.#getStream.resume()
    this.#httpSse?.resume()
    for (const post of this.#posts) post.resume()
  }

  mirroredHeaders(message: JsonRpcMessage): HeaderRecord {
    return this.#tools.mirroredHeaders(message)
  }

  accepted(post: PostRequest, head: ResponseHead): void {
    this.hasAccepted = true
    if (post.isInitialize) {
      const sessionId = head.header('mcp-session-id')
      if (sessionId) {
        this.context.headers.sessionId = sessionId
        this.#sessionStart = post
      }
    }
    if (post.id !== undefined || !('method' in post.message)) return
    const { method, params } = post.message
    if (method === 'notifications/initialized') {
      // After this request has released its socket: on a new one the stream would open after the next message.
      queueMicrotask(() => this.#openGetStream())
    } else if (method === 'notifications/cancelled') {
      const id = params?.['requestId']
      if (isRequestId(id)) this.#requests.get(id)?.drop()
    }
  }

  readText(text: string, from: PostRequest): void {
    this.#reading = from
    try {
      this.#reader.text(text)
    } finally {
      this.#reading = undefined
    }
  }

  unreadable(bytes: Uint8Array): void {
    this.#reader.unreadable(bytes, 'not UTF-8')
  }

  respond(response: JsonRpcErrorResponse, from: PostRequest): void {
    const forApplication = this.#tools.read(response, from)
    if (forApplication && !this.#isOver) this.#deliver(forApplication, undefined)
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
    const isFirst = post.isInitialize && !this.hasAccepted && !this.isHttpSse
    if (!this.#options.httpSse || !isFirst || !isHttpSseStatus(response.status)) return false
    const error = errorInText(response.text, post.id ?? '')
    if (error && isModernError(error, response.status)) return false
    this.#fallBack(post, response)
    return true
  }

  report(error: Error): void {
    this.#sink.error(error)
  }

  settled({ bytes }: PostRequest): void {
    this.#queuedBytes -= bytes
  }

  over(post: PostRequest): void {
    this.#posts.delete(post)
    this.#initializeOver(post)
    const { id } = post
    if (id === undefined || this.#requests.get(id) !== post) return
    this.#requests.delete(id)
    this.#replay.cancelled(id)
  }

  /** Sends a message of the client's own, which no limit or renewal delays. */
  #post(message: JsonRpcMessage): PostRequest {
    const text = toJson(message)
    const post = this.#add(new PostRequest(this, message, text, utf8Length(text)))
    post.start()
    return post
  }

  #add(post: PostRequest): PostRequest {
    this.#queuedBytes += post.bytes
    this.#posts.add(post)
    if (post.id !== undefined) this.#requests.set(post.id, post)
    return post
  }

  #read(message: JsonRpcMessage, messageContext: MessageContext | undefined): void {
    if (!isResponse(message)) {
      this.#deliver(message, messageContext)
      return
    }
    const from = this.#reading
    const response = from?.adoptsResponses && from.id !== undefined ? { ...message, id: from.id } : message
    const post = response.id === undefined ? undefined : this.#requests.get(response.id)
    if (response.id !== undefined && (!post || post.hasResponse)) {
      this.report(unexpectedResponse(this.context.address, response.id))
      return
    }
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

  /** Tries HTTP+SSE, the transport of 2024-11-05: servers that support nothing else refuse the first POST. */
  #fallBack(post: PostRequest, response: RefusedResponse): void {
    this.#httpSse?.stop()
    this.#httpSse = new HttpSse(this.context, {
      endpoint: (url) => {
        this.postUrl = url
        this.isHttpSse = true
        post.moveTo(url)
        post.start()
      },
      message: (text) => this.#reader.text(text),
      ended: (error) => this.#end(error),
      unavailable: (error) => {
        // A refusal in JSON-RPC is from an MCP server, and stands.
        if (isNoMcpServer(response, errorInText(response.text, post.id ?? '')))
          post.fail(neitherTransport(this.context, response, error))
        else post.refuse(response)
      },
    })
    this.#httpSse.begin()
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
    this.#renewal.stop()
    this.#getStream.stop()
    this.#httpSse?.stop()
    for (const post of [...this.#posts]) post.fail(error)
    this.context.lingering.stop()
    this.context.callbacks.cancel(error)
  }
}

/** Whether a server of HTTP+SSE refuses a POST with this status (2025-11-25, Backwards Compatibility). */
function isHttpSseStatus(status: number): boolean {
  return status === 400 || status === 404 || status === 405
}

/**
 * Whether the message has to wait for the response to `initialize`. A response does not, since `initialize` may wait
 * for it; nor does a ping, or the cancellation of `initialize`.
 */
function waitsFor(initialize: RequestId | undefined, message: JsonRpcMessage): boolean {
  if (isResponse(message) || message.method === 'ping') return false
  return message.method !== 'notifications/cancelled' || message.params?.['requestId'] !== initialize
}
