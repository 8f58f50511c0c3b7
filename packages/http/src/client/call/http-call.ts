import { type HeaderRecord, toError } from '@mcpwire/core/authoring'
import type { EngineCall, EngineHandlers, EngineRequest, ResponseHead } from '../../engines/engine.js'
import type { ClientContext } from './client-context.js'
import { isMissingScope } from './error-advice.js'
import { BodyText } from './json-response.js'
import { type RefusedResponse, sendError } from './response-errors.js'
import type { RequestProgress, ServerDeadline } from './server-deadline.js'

/** The most of a refusal's text that is kept, in bytes. */
const MAX_REFUSAL_BYTES = 65_536
/** The most of an unused body that is read to keep its socket, in bytes. */
const MAX_UNUSED_BYTES = 65_536
/** The longest chain of redirects that is followed. */
const MAX_REDIRECTS = 5

/**
 * One HTTP request, repeated after redirects and challenges, from its start to the end of its response.
 *
 * begin() → headers() → engine.send() → 2xx: accepted(), received()…, ended() or interrupted()
 *                                     → other status: its text is read → redirect or new credential: again()
 *                                                                      → refused()
 *                                     → no response: sendFailed()
 */
export abstract class HttpCall implements EngineHandlers, RequestProgress {
  readonly context: ClientContext
  /** The length of the body. */
  bytes = 0
  /** Limits how late the response starts. Neither callbacks of the application nor the text of a refusal count. */
  protected deadline: ServerDeadline | undefined
  readonly #method: EngineRequest['method']
  #url: URL
  #call: EngineCall | undefined
  #refusal: Refusal | undefined
  #redirects = 0
  /** The statuses after which another credential was requested. */
  #renewedAfter: Set<number> | undefined
  #generation = 0
  #sent: HeaderRecord | undefined
  #isAccepted = false
  #isCancelled = false
  #unusedBytes = 0

  constructor(context: ClientContext, method: EngineRequest['method'], url: URL = context.url) {
    this.context = context
    this.#method = method
    this.#url = url
  }

  /** The headers to send, made anew each time. */
  protected abstract headers(): HeaderRecord | Promise<HeaderRecord>
  /** The server accepted the request; its response starts. */
  protected abstract accepted(head: ResponseHead): void
  /** Whether the body can be used. If not, a response of 2xx counts as a refusal, so that its text is read. */
  protected isUsable(_head: ResponseHead): boolean {
    return true
  }

  protected abstract received(chunk: Uint8Array): void
  /** The response is complete. */
  protected abstract ended(): void
  /** The server refused it for good. */
  protected abstract refused(response: RefusedResponse): void
  /** It could not be sent, or has no response, or the application failed to supply its headers. */
  protected abstract sendFailed(error: unknown): void
  /** The response broke off. */
  protected abstract interrupted(cause: Error): void

  /** Whether the body is used. An unused body ignores a pause, so that its socket becomes free. */
  protected get isBodyUsed(): boolean {
    return true
  }

  protected get body(): string | undefined {
    return undefined
  }

  protected get isReply(): boolean {
    return false
  }

  /** Whether it is the first request of the client. */
  get isOpening(): boolean {
    return false
  }

  get isCancelled(): boolean {
    return this.#isCancelled
  }

  get isSent(): boolean {
    return this.#call?.isSent ?? false
  }

  /** Whether it waits for a connection. */
  get isQueued(): boolean {
    return this.#call !== undefined && !this.isSent
  }

  /** Sends the request. Nothing of its response arrives before this returns. */
  begin(): void {
    this.#call = undefined
    this.#isAccepted = false
    this.#generation = this.context.authorization?.generation ?? 0
    let headers: HeaderRecord | Promise<HeaderRecord>
    try {
      headers = this.headers()
    } catch (error) {
      this.#fail(error)
      return
    }
    if (!(headers instanceof Promise)) {
      this.#send(headers)
      return
    }
    this.deadline?.suspend()
    headers.then(
      (ready) => {
        this.deadline?.resume()
        this.#send(ready)
      },
      (error) => this.#fail(error),
    )
  }

  /** Sends the request once more. */
  protected again(): void {
    this.begin()
  }

  /** Changes the URL for the next time it is sent. */
  moveTo(url: URL): void {
    this.#url = url
  }

  /** Cancels the request. Nothing more is reported. */
  cancel(): void {
    this.#isCancelled = true
    this.deadline?.[Symbol.dispose]()
    this.abandon()
  }

  /** Aborts the current attempt. Nothing more of it is reported. */
  protected abandon(): void {
    this.#takeRefusal()
    this.#call?.abort()
  }

  pause(): void {
    if (this.#isAccepted && this.isBodyUsed) this.#call?.pause()
  }

  resume(): void {
    this.#call?.resume()
  }

  head(head: ResponseHead): void {
    try {
      this.#head(head)
    } catch (error) {
      this.#handlerFailed(error)
    }
  }

  data(chunk: Uint8Array): void {
    this.context.traffic.bytesReceived += chunk.length
    try {
      if (this.#refusal) this.#addToRefusal(this.#refusal, chunk)
      else if (this.isBodyUsed) this.received(chunk)
      else {
        this.#unusedBytes += chunk.length
        if (this.#unusedBytes > MAX_UNUSED_BYTES) this.cancel()
      }
    } catch (error) {
      this.#handlerFailed(error)
    }
  }

  end(): void {
    try {
      if (this.#refusal) this.#refusalRead()
      else this.ended()
    } catch (error) {
      this.#handlerFailed(error)
    }
  }

  failed(cause: Error, delivery: 'none' | 'unknown'): void {
    if (this.#refusal) this.#refusalRead()
    else if (this.#isAccepted) this.interrupted(cause)
    else this.#fail(sendError(this.context, cause, { delivery, isOpening: this.isOpening }))
  }

  #head(head: ResponseHead): void {
    const { status } = head
    const { history, engine } = this.context
    history.hasResponded = true
    if (head.cookies) engine.cookies?.store(this.#url, head.cookies)
    this.#isAccepted = status >= 200 && status < 300
    if (this.#isAccepted && this.isUsable(head)) {
      this.deadline?.[Symbol.dispose]()
      this.accepted(head)
      if (this.context.pauseState.isPaused && !this.#isCancelled) this.pause()
    } else {
      this.#isAccepted = false
      this.deadline?.suspend()
      this.#refusal = new Refusal(head, this.#sent, this.codingOf(head))
      // The status alone decides where the text is late.
      this.#refusal.deadline = this.context.clock.deadline(this.context.connectTimeoutMs, () => {
        this.#call?.abort()
        this.#refusalRead()
      })
    }
  }

  /** The coding of the body, where neither this client nor the platform decodes it. */
  protected codingOf(head: ResponseHead): string | undefined {
    if (this.context.engine.decodesContent) return undefined
    const coding = head.header('content-encoding')?.trim().toLowerCase()
    return coding === '' || coding === 'identity' ? undefined : coding
  }

  #addToRefusal(refusal: Refusal, chunk: Uint8Array): void {
    if (refusal.add(chunk)) return
    this.#call?.abort()
    this.#refusalRead()
  }

  /** Reports an error of our own handlers as the end of the response: an engine cannot handle it. */
  #handlerFailed(error: unknown): void {
    const cause = toError(error)
    this.#call?.abort()
    if (this.#isAccepted) this.interrupted(cause)
    else this.#fail(cause)
  }

  #send(headers: HeaderRecord): void {
    if (this.#isCancelled) return
    const { engine, traffic } = this.context
    if (engine.cookies?.loading) {
      engine.cookies.loading.then(
        () => this.#send(headers),
        (error) => this.#fail(error),
      )
      return
    }
    const { body, isReply, isOpening } = this
    this.#sent = engine.cookies?.addTo(headers, this.#url) ?? headers
    try {
      this.#call = engine.send(
        { method: this.#method, url: this.#url, headers: this.#sent, body, isReply, isOpening },
        this,
      )
      traffic.bytesSent += this.bytes
    } catch (error) {
      this.#fail(sendError(this.context, toError(error), { delivery: 'none', isOpening }))
    }
  }

  #fail(error: unknown): void {
    if (!this.#isCancelled) this.sendFailed(error)
  }

  #refusalRead(): void {
    const response = this.#takeRefusal()
    if (!response) return
    this.#call = undefined
    this.#retryUrl(response)
      .then((url) => {
        if (this.#isCancelled) return
        this.deadline?.resume()
        if (url === undefined) {
          this.refused(response)
          return
        }
        this.#url = url
        this.again()
      })
      .catch((error) => this.#fail(error))
  }

  #takeRefusal(): Refusal | undefined {
    const refusal = this.#refusal
    this.#refusal = undefined
    refusal?.deadline?.[Symbol.dispose]()
    return refusal
  }

  /** Follows a redirect or gets another credential. Yields the URL to send the request to again, if there is one. */
  async #retryUrl(response: RefusedResponse): Promise<URL | undefined> {
    const { authorization } = this.context
    const { status } = response
    if (status === 307 || status === 308) return this.#redirectUrl(response)
    if (!authorization || !(status === 401 || isMissingScope(response))) return undefined
    this.#renewedAfter ??= new Set()
    if (this.#renewedAfter.has(status)) return undefined
    this.#renewedAfter.add(status)
    return (await authorization.renew(response, this.#generation)) ? this.#url : undefined
  }

  /** Within the origin only: headers and body are meant for this server. */
  #redirectUrl(response: RefusedResponse): URL | undefined {
    const location = response.header('location')
    if (location === undefined || ++this.#redirects > MAX_REDIRECTS || !URL.canParse(location, this.#url))
      return undefined
    const target = new URL(location, this.#url)
    return target.origin === this.#url.origin ? target : undefined
  }
}

/** A response that is no success, while its text arrives. */
class Refusal implements RefusedResponse {
  readonly status: number
  readonly statusText: string
  readonly header: ResponseHead['header']
  readonly sent: HeaderRecord | undefined
  readonly coding: string | undefined
  deadline: Disposable | undefined
  readonly #body = new BodyText(MAX_REFUSAL_BYTES)
  #isText = true

  constructor(head: ResponseHead, sent: HeaderRecord | undefined, coding: string | undefined) {
    this.sent = sent
    this.coding = coding
    this.status = head.status
    this.statusText = head.statusText
    this.header = (name) => head.header(name)
  }

  /** Adds a chunk. Returns whether there is space for more. */
  add(chunk: Uint8Array): boolean {
    if (this.coding !== undefined) return false
    try {
      this.#body.add(chunk)
    } catch {
      this.#isText = false
    }
    return this.#isText && !this.#body.isTooLong
  }

  get text(): string {
    try {
      return this.#isText ? this.#body.text() : ''
    } catch {
      return ''
    }
  }
}
