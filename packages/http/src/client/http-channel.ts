import {
  isResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type JsonRpcResponse,
  type MessageContext,
  type Peer,
  type RequestId,
  type SendOptions,
  TransportError,
} from '@mcpwire/core'
import type { HeaderRecord } from '@mcpwire/core/authoring'
import {
  type Channel,
  createMessageReader,
  type HandshakeReplay,
  type HttpTraits,
  handshakeReplay,
  isRequestId,
  type MessageReader,
  overloaded,
  type Sink,
  notWritable,
  toJson,
  tooLargeToSend,
} from '@mcpwire/core/authoring'
import type { AnswerHead } from '../engines/engine.js'
import { utf8Length } from '../shared/utf8-length.js'
import { callBack } from './call/callbacks.js'
import { closedBy, unasked } from './call/channel-errors.js'
import type { Link } from './call/client-context.js'
import {
  errorInText,
  isModernError,
  isNoServer,
  type RefusedAnswer,
  statusError,
  statusWords,
} from './call/refused-answer.js'
import { markAsHttpError } from './call/sdk-marks.js'
import { StandaloneStream, type StreamState } from './get-stream.js'
import { HttpSse } from './http-sse.js'
import { waitsFor } from './opening.js'
import { Exchange, type ExchangeHost } from './post-request.js'
import { endSession } from './session-end.js'
import { SessionRenewal } from './session-renewal.js'
import { ToolHeaders } from './tool-headers.js'

/** What a channel over HTTP needs to know besides its link. */
export interface HttpChannelOptions {
  readonly peer: Peer
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly httpSse: boolean
  readonly standaloneStream: boolean
  readonly endSessionOnClose: boolean
  readonly onstreamstate: ((state: StreamState) => void) | undefined
}

/** How much of the time for closing the server has to hear of it, which need not answer. */
const PART_OF_CLOSE = 3 / 4

/** A channel to one server over HTTP: one POST a message. */
export function httpChannel(link: Link, sink: Sink, options: HttpChannelOptions): Channel {
  const conversation = new Conversation(link, sink, options)
  return {
    peer: options.peer,
    http: conversation,
    send: (message, sendOptions) => conversation.send(message, sendOptions),
    close: (reason) => conversation.close(reason),
    flow: {
      pause: () => conversation.pause(),
      resume: () => conversation.resume(),
    },
  }
}

/** Everything one client has under way with its server. */
class Conversation implements ExchangeHost, HttpTraits {
  readonly link: Link
  readonly setProtocolVersion: (version: string) => void
  postUrl: URL
  answersElsewhere = false
  isUnderstood = false
  readonly #sink: Sink
  readonly #options: HttpChannelOptions
  readonly #intake: MessageReader
  readonly #replay: HandshakeReplay = handshakeReplay()
  readonly #renewal: SessionRenewal
  readonly #standalone: StandaloneStream
  readonly #tools: ToolHeaders
  readonly #exchanges: Set<Exchange> = new Set()
  readonly #requests: Map<RequestId, Exchange> = new Map()
  #hearing: Exchange | undefined
  /** What the present session was begun with, until its response is there. */
  #begun: Exchange | undefined
  /** The `initialize` without whose answer there is no session to send anything in. */
  #opening: Exchange | undefined
  #oldStream: HttpSse | undefined
  #queuedBytes = 0
  #closing: Promise<void> | undefined
  #isOver = false

  constructor(link: Link, sink: Sink, options: HttpChannelOptions) {
    this.link = link
    this.postUrl = link.url
    this.#sink = sink
    this.#options = options
    const heard: Sink = {
      ...sink,
      message: (message, context) => this.#heard(message, context),
    }
    this.#intake = createMessageReader(heard, { address: link.address, abandon: (error) => this.#end(error) })
    this.setProtocolVersion = (version) => {
      link.headers.protocolVersion = version
    }
    this.#renewal = new SessionRenewal(link, this.#replay, {
      send: (message) => this.#exchange(message, undefined),
      renewed: (error) => sink.error(error),
      failed: (error) => this.#end(error),
    })
    this.#tools = new ToolHeaders({
      send: (request) => this.#exchange(request, undefined),
      report: (error) => sink.error(error),
    })
    this.#standalone = new StandaloneStream(link, {
      hear: (text) => this.#intake.text(text),
      report: (error) => sink.error(error),
      state: (state) => this.#tell(state),
      sessionLost: (sessionId) => this.#renewal.begin(sessionId),
    })
    // Whoever resumes a session has said long ago that it is initialized.
    if (link.headers.sessionId !== undefined) this.#openStandalone()
  }

  get sessionId(): string | undefined {
    return this.link.headers.sessionId
  }

  get hasPerRequestStream(): boolean {
    return !this.answersElsewhere
  }

  send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    const { address, maxMessageBytes } = this.link
    const { maxQueuedBytes } = this.#options
    if (this.#isOver) return Promise.reject(notWritable(address))
    if (options?.requestSignal?.aborted) return Promise.reject(options.requestSignal.reason)
    const text = toJson(message)
    const bytes = utf8Length(text)
    if (bytes > maxMessageBytes) return Promise.reject(tooLargeToSend(bytes, maxMessageBytes))
    const queuedBytes = this.#queuedBytes + bytes
    if (queuedBytes > maxQueuedBytes) return Promise.reject(overloaded(address, queuedBytes, maxQueuedBytes))
    const exchange = this.#add(new Exchange(this, message, text, bytes, options))
    this.#intake.sent(message)
    if (exchange.isInitialize && this.sessionId === undefined) this.#opening = exchange
    const isHeld = this.#renewal.isUnderWay || (this.#opening && waitsFor(this.#opening.id, message))
    if (isHeld && !exchange.isInitialize) this.#renewal.hold(exchange)
    else {
      this.#replay.sent(message)
      exchange.start()
    }
    return exchange.sent
  }

  /** Ends it once: whoever closes what is ending of its own accord waits for that. */
  close(reason: Error | undefined): Promise<void> {
    if (!this.#isOver) this.#release(reason)
    this.#closing ??= this.#leave()
    return this.#closing
  }

  async #leave(): Promise<void> {
    const { endSessionOnClose, closeTimeoutMs } = this.#options
    if (endSessionOnClose && this.sessionId !== undefined)
      await endSession(this.link, closeTimeoutMs * PART_OF_CLOSE)
    this.link.asked.stop(notWritable(this.link.address))
    await this.link.engine.close()
  }

  pause(): void {
    this.link.inflow.pause()
    this.#standalone.pause()
    this.#oldStream?.pause()
    for (const exchange of this.#exchanges) exchange.pause()
  }

  resume(): void {
    this.link.inflow.resume()
    this.#standalone.resume()
    this.#oldStream?.resume()
    for (const exchange of this.#exchanges) exchange.resume()
  }

  mirroring(message: JsonRpcMessage): HeaderRecord {
    return this.#tools.mirroring(message)
  }

  accepted(exchange: Exchange, head: AnswerHead): void {
    this.isUnderstood = true
    if (exchange.isInitialize) {
      const sessionId = head.header('mcp-session-id')
      if (sessionId) {
        this.link.headers.sessionId = sessionId
        this.#begun = exchange
      }
    }
    if (exchange.id !== undefined || !('method' in exchange.message)) return
    const { method, params } = exchange.message
    if (method === 'notifications/initialized') {
      // By then this exchange has given back its socket. On a new one the stream would come after the next message.
      queueMicrotask(() => this.#openStandalone())
    } else if (method === 'notifications/cancelled') {
      const id = params?.['requestId']
      if (isRequestId(id)) this.#requests.get(id)?.drop()
    }
  }

  hear(text: string, from: Exchange): void {
    this.#hearing = from
    try {
      this.#intake.text(text)
    } finally {
      this.#hearing = undefined
    }
  }

  unreadable(bytes: Uint8Array): void {
    this.#intake.unreadable(bytes, 'not UTF-8')
  }

  answer(response: JsonRpcErrorResponse, from: Exchange): void {
    const own = this.#tools.heard(response, from)
    if (own && !this.#isOver) this.#deliver(own, undefined)
  }

  again(exchange: Exchange): void {
    this.#renewal.again(exchange)
  }

  takesOver(exchange: Exchange, answer: RefusedAnswer): boolean {
    if (answer.status === 404 && exchange.sessionId !== undefined) {
      this.#renewal.refused(exchange)
      return true
    }
    if (this.#tools.takesOver(exchange, answer)) return true
    const { httpSse } = this.#options
    // What refuses by then is the endpoint that the old transport named.
    if (
      !httpSse ||
      this.answersElsewhere ||
      this.isUnderstood ||
      !exchange.isInitialize ||
      !isOldStatus(answer.status)
    )
      return false
    const said = errorInText(answer.text, exchange.id ?? '')
    if (said && isModernError(said, answer.status)) return false
    this.#fallBack(exchange, answer)
    return true
  }

  report(error: Error): void {
    this.#sink.error(error)
  }

  settled({ bytes }: Exchange): void {
    this.#queuedBytes -= bytes
  }

  over(exchange: Exchange): void {
    this.#exchanges.delete(exchange)
    this.#opened(exchange)
    const { id } = exchange
    if (id === undefined || this.#requests.get(id) !== exchange) return
    this.#requests.delete(id)
    this.#replay.cancelled(id)
  }

  /** Sends a message of our own making, which waits for nothing. */
  #exchange(message: JsonRpcMessage, options: SendOptions | undefined): Exchange {
    const text = toJson(message)
    const exchange = this.#add(new Exchange(this, message, text, utf8Length(text), options))
    exchange.start()
    return exchange
  }

  #add(exchange: Exchange): Exchange {
    this.#queuedBytes += exchange.bytes
    this.#exchanges.add(exchange)
    if (exchange.id !== undefined) this.#requests.set(exchange.id, exchange)
    return exchange
  }

  #heard(message: JsonRpcMessage, context: MessageContext | undefined): void {
    if (!isResponse(message)) {
      this.#deliver(message, context)
      return
    }
    const from = this.#hearing
    const response = from?.adopts && from.id !== undefined ? { ...message, id: from.id } : message
    const exchange = response.id === undefined ? undefined : this.#requests.get(response.id)
    if (response.id !== undefined && (!exchange || exchange.isAnswered)) {
      this.report(unasked(this.link.address, response.id))
      return
    }
    if (exchange?.isInitialize) this.#initialized(response, exchange)
    const own = this.#tools.heard(response, exchange)
    if (own) this.#deliver(own, context)
    exchange?.answered()
    this.#opened(exchange)
  }

  #opened(exchange: Exchange | undefined): void {
    if (exchange === undefined || exchange !== this.#opening) return
    this.#opening = undefined
    if (!this.#renewal.isUnderWay) this.#renewal.letGo(this.postUrl)
  }

  #initialized(response: JsonRpcResponse, exchange: Exchange): void {
    const { headers } = this.link
    if ('result' in response) {
      const version = response.result['protocolVersion']
      if (typeof version === 'string') headers.protocolVersion = version
    } else if (exchange === this.#begun) headers.sessionId = undefined
    this.#begun = undefined
  }

  #deliver(message: JsonRpcMessage, context: MessageContext | undefined): void {
    const step = this.#replay.received(message)
    if (step.kind === 'deliver') {
      this.#renewal.isUseful = true
      this.#sink.message(message, context)
    } else this.#renewal.stepped(step)
  }

  /** Tries the transport of 2024-11-05, as servers that know nothing else refuse the first POST. */
  #fallBack(exchange: Exchange, answer: RefusedAnswer): void {
    const { link } = this
    this.#oldStream?.stop()
    this.#oldStream = new HttpSse(link, {
      endpoint: (url) => {
        this.postUrl = url
        this.answersElsewhere = true
        exchange.moveTo(url)
        exchange.start()
      },
      hear: (text) => this.#intake.text(text),
      ended: (error) => this.#end(error),
      unavailable: ({ message }) => {
        const { status, statusText, text } = answer
        // A server that answered in JSON-RPC, and speaks nothing else, meant what it said.
        if (!isNoServer(answer, errorInText(text, exchange.id ?? ''))) {
          exchange.refuse(answer)
          return
        }
        const why = statusWords(link, answer)
        const words = `${link.address} refused Streamable HTTP with status ${status}${why}; and HTTP+SSE: ${message.replace(why, '')}`
        const cause = statusError(link, answer)
        const error = new TransportError('CONNECT_FAILED', words, { address: link.address }, { cause })
        exchange.fail(markAsHttpError(error, { status, statusText, text }))
      },
    })
    this.#oldStream.begin()
  }

  #openStandalone(): void {
    if (this.#isOver || this.answersElsewhere) return
    if (this.#options.standaloneStream) this.#standalone.open()
  }

  #tell(state: StreamState): void {
    callBack('onstreamstate', () => this.#options.onstreamstate?.(state), this)
  }

  /** Ends the conversation of its own accord. */
  #end(error: Error): void {
    if (this.#isOver) return
    // Nothing of ours remains once the end is told (clause C13), at the server neither.
    void this.close(error).then(() => this.#sink.end(error))
  }

  #release(reason: Error | undefined): void {
    const error = reason ? closedBy(reason) : notWritable(this.link.address)
    this.#isOver = true
    this.#renewal.stop()
    this.#standalone.stop()
    this.#oldStream?.stop()
    for (const exchange of [...this.#exchanges]) exchange.fail(error)
    this.link.lingering.stop()
    this.link.asked.stop(error)
  }
}

/** With these a server that knows only HTTP+SSE refuses a POST (2025-11-25, Backwards Compatibility). */
function isOldStatus(status: number): boolean {
  return status === 400 || status === 404 || status === 405
}
