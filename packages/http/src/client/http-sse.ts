import { TransportError } from '@mcpwire/core'
import type { HeaderRecord } from '@mcpwire/core/authoring'
import type { ResponseHead } from '../engines/engine.js'
import { EVENT_STREAM_MEDIA_TYPE } from '../shared/media-types.js'
import { type ClientContext, serverDeadline } from './call/client-context.js'
import { EventFeed, type FeedOwner } from './call/event-feed.js'
import { HttpCall } from './call/http-call.js'
import { mediaTypeOf } from './call/request-headers.js'
import { type RefusedResponse, statusError } from './call/response-errors.js'

/** The channel of an HTTP+SSE stream. */
export interface HttpSseOwner {
  /** The server supports HTTP+SSE, and receives messages at this URL. */
  endpoint(url: URL): void
  message(text: string): void
  /** The server does not support it. */
  unavailable(error: Error): void
  /** The stream ended, and the session with it. */
  ended(error: Error): void
}

/** The stream of a server of 2024-11-05, which carries all of its messages. */
export class HttpSse extends HttpCall implements FeedOwner {
  readonly #owner: HttpSseOwner
  readonly #feed: EventFeed
  #deadline: Disposable | undefined
  #isOpen = false

  constructor(context: ClientContext, owner: HttpSseOwner) {
    super(context, 'GET')
    this.#owner = owner
    this.#feed = new EventFeed(this, context)
  }

  override begin(): void {
    const { address, connectTimeoutMs: timeoutMs } = this.context
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = serverDeadline(this.context, () => {
      const message = `${address} named no endpoint within connectTimeoutMs (${timeoutMs} ms)`
      this.#lost(new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs }))
    })
    super.begin()
  }

  stop(): void {
    this.#deadline?.[Symbol.dispose]()
    this.#feed.close()
    this.cancel()
  }

  event(data: string, type: string): void {
    if (type === 'endpoint' && !this.#isOpen) this.#open(data)
    else if (type === 'message' && this.#isOpen) this.#owner.message(data)
  }

  tooLarge(error: Error): void {
    this.#lost(error)
  }

  silent(error: Error): void {
    this.#lost(error)
  }

  token(): void {}

  protected headers(): HeaderRecord | Promise<HeaderRecord> {
    return this.context.headers.events(undefined)
  }

  protected accepted(head: ResponseHead): void {
    if (mediaTypeOf(head.header('content-type')) === EVENT_STREAM_MEDIA_TYPE) this.#feed.open()
    else this.#lost(this.#failure('the response to GET is no event stream'))
  }

  protected received(chunk: Uint8Array): void {
    this.#feed.push(chunk)
  }

  protected ended(): void {
    this.#lost(this.#failure('the server ended the stream'))
  }

  protected interrupted(cause: Error): void {
    this.#lost(this.#failure('the stream was interrupted', cause))
  }

  protected refused(response: RefusedResponse): void {
    this.#lost(statusError(this.context, response))
  }

  protected sendFailed(error: unknown): void {
    this.#lost(this.#failure('the GET failed', error))
  }

  #open(data: string): void {
    const { url: serverUrl } = this.context
    const url = URL.canParse(data, serverUrl) ? new URL(data, serverUrl) : undefined
    // Messages may contain credentials, which are meant for this server.
    if (url?.origin !== serverUrl.origin) {
      this.#lost(this.#failure('its endpoint has another origin'))
      return
    }
    this.#isOpen = true
    this.#deadline?.[Symbol.dispose]()
    this.#owner.endpoint(url)
  }

  #lost(error: Error): void {
    this.stop()
    if (this.#isOpen) this.#owner.ended(error)
    else this.#owner.unavailable(error)
  }

  #failure(why: string, cause?: unknown): Error {
    const { address } = this.context
    return new TransportError('PEER_LOST', `HTTP+SSE with ${address}: ${why}`, { address }, { cause })
  }
}
