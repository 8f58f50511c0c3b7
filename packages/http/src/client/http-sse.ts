import { TransportError } from '@mcpwire/core'
import type { HeaderRecord } from '@mcpwire/core/authoring'
import type { AnswerHead } from '../engines/engine.js'
import type { Link } from './call/client-context.js'
import { EventFeed, type FeedOwner } from './call/event-feed.js'
import { HttpCall } from './call/http-call.js'
import { EVENTS_TYPE, mediaTypeOf } from './call/media-type.js'
import { type RefusedAnswer, statusError } from './call/refused-answer.js'
import { serverDeadline } from './call/server-deadline.js'

/** Whom the one stream of HTTP+SSE serves. */
export interface HttpSseOwner {
  /** The server speaks HTTP+SSE, and takes messages there. */
  endpoint(url: URL): void
  hear(text: string): void
  /** The server does not speak it. */
  unavailable(error: Error): void
  /** The stream ended, and the conversation with it. */
  ended(error: Error): void
}

/** The stream of a server of 2024-11-05, on which everything it says arrives. */
export class HttpSse extends HttpCall implements FeedOwner {
  readonly #owner: HttpSseOwner
  readonly #feed: EventFeed
  #patience: Disposable | undefined
  #isOpen = false

  constructor(link: Link, owner: HttpSseOwner) {
    super(link, 'GET')
    this.#owner = owner
    this.#feed = new EventFeed(this, link)
  }

  override begin(): void {
    const { address, connectTimeoutMs: timeoutMs } = this.link
    this.#patience?.[Symbol.dispose]()
    this.#patience = serverDeadline(this.link, () => {
      const message = `${address} named no endpoint within connectTimeoutMs (${timeoutMs} ms)`
      this.#lost(new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs }))
    })
    super.begin()
  }

  stop(): void {
    this.#patience?.[Symbol.dispose]()
    this.#feed.close()
    this.giveUp()
  }

  event(data: string, type: string): void {
    if (type === 'endpoint' && !this.#isOpen) this.#open(data)
    else if (type === 'message' && this.#isOpen) this.#owner.hear(data)
  }

  overlong(error: Error): void {
    this.#lost(error)
  }

  silent(error: Error): void {
    this.#lost(error)
  }

  token(): void {}

  protected headers(): HeaderRecord | Promise<HeaderRecord> {
    return this.link.headers.events(undefined)
  }

  protected accepted(head: AnswerHead): void {
    if (mediaTypeOf(head.header('content-type')) === EVENTS_TYPE) this.#feed.open()
    else this.#lost(this.#failure('it answered a GET with something else than events'))
  }

  protected received(chunk: Uint8Array): void {
    this.#feed.push(chunk)
  }

  protected finished(): void {
    this.#lost(this.#failure('it ended the stream'))
  }

  protected severed(cause: Error): void {
    this.#lost(this.#failure('the stream broke off', cause))
  }

  protected refused(answer: RefusedAnswer): void {
    this.#lost(statusError(this.link, answer))
  }

  protected unsent(error: unknown): void {
    this.#lost(this.#failure('it could not be asked', error))
  }

  #open(data: string): void {
    const url = URL.canParse(data, this.link.url) ? new URL(data, this.link.url) : undefined
    // What is sent there may hold credentials, and is meant for this server.
    if (url?.origin !== this.link.url.origin) {
      this.#lost(this.#failure('its endpoint is not within its origin'))
      return
    }
    this.#isOpen = true
    this.#patience?.[Symbol.dispose]()
    this.#owner.endpoint(url)
  }

  #lost(error: Error): void {
    this.stop()
    if (this.#isOpen) this.#owner.ended(error)
    else this.#owner.unavailable(error)
  }

  #failure(why: string, cause?: unknown): Error {
    const { address } = this.link
    return new TransportError('PEER_LOST', `HTTP+SSE with ${address}: ${why}`, { address }, { cause })
  }
}
