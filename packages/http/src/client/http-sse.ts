import { type ErrorAdvice, TransportError } from '@mcpwire/core'
import { type HeaderRecord, toError } from '@mcpwire/core/authoring'
import type { ResponseHead } from '../engines/engine.js'
import { EVENT_STREAM_MEDIA_TYPE } from '../shared/media-types.js'
import type { ClientContext } from './call/client-context.js'
import { EventFeed, type FeedOwner } from './call/event-feed.js'
import { HttpCall } from './call/http-call.js'
import { mediaTypeOf } from './call/request-headers.js'
import {
  CODED_HINT,
  codedBody,
  type RefusedRequest,
  type RefusedResponse,
  statusError,
} from './call/response-errors.js'
import { ServerDeadline } from './call/server-deadline.js'

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

/** The names of a message to the endpoint in an error. */
export function toEndpoint(
  { context, postUrl }: { readonly context: ClientContext; readonly postUrl: URL },
  status: number,
): RefusedRequest {
  const isWrongPath = !context.history.hasAccepted && (status === 404 || status === 405)
  const hint =
    'the endpoint event of the server names this URL: if a proxy needs another one, set option "messageUrl"'
  return { address: postUrl.origin + postUrl.pathname, ...(isWrongPath && { hint }) }
}

/** The stream of a server of 2024-11-05, which carries all of its messages. */
export class HttpSse extends HttpCall implements FeedOwner {
  readonly #owner: HttpSseOwner
  readonly #feed: EventFeed
  readonly #givenUrl: URL | undefined
  #deadline: Disposable | undefined
  #isOpen = false

  /** `messageUrl` replaces the URL that the server names. */
  constructor(context: ClientContext, owner: HttpSseOwner, messageUrl: URL | undefined) {
    super(context, 'GET')
    this.#owner = owner
    this.#givenUrl = messageUrl
    this.#feed = new EventFeed(this, context)
  }

  override begin(): void {
    const { address, connectTimeoutMs: timeoutMs } = this.context
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = new ServerDeadline(this.context, timeoutMs, () => {
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
    const coding = this.codingOf(head)
    if (coding !== undefined)
      this.#lost(this.#failure(`the response to GET has ${codedBody(coding)}`, { hint: CODED_HINT }))
    else if (mediaTypeOf(head.header('content-type')) === EVENT_STREAM_MEDIA_TYPE) this.#feed.open()
    else this.#lost(this.#failure('the response to GET is no event stream'))
  }

  protected received(chunk: Uint8Array): void {
    this.#feed.push(chunk)
  }

  protected ended(): void {
    this.#lost(this.#failure('the server ended the stream'))
  }

  protected interrupted(cause: Error): void {
    this.#lost(this.#failure(`the stream was interrupted: ${cause.message}`, {}, cause))
  }

  protected refused(response: RefusedResponse): void {
    this.#lost(statusError(this.context, response))
  }

  protected sendFailed(error: unknown): void {
    this.#lost(this.#failure(`the GET failed: ${toError(error).message}`, {}, error))
  }

  #open(data: string): void {
    const { url: serverUrl } = this.context
    const named = URL.canParse(data, serverUrl) ? new URL(data, serverUrl) : undefined
    const url = this.#givenUrl ? withQueryOf(this.#givenUrl, named) : named
    // Messages may contain credentials, which are meant for this server.
    if (url?.origin !== serverUrl.origin) {
      const what = named
        ? `another origin: ${named.origin === 'null' ? named.protocol : named.origin}`
        : 'no URL'
      const hint = `set option "messageUrl" to a URL of ${serverUrl.origin}`
      this.#lost(this.#failure(`its endpoint event names ${what}`, { option: 'messageUrl', hint }))
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

  #failure(why: string, advice: ErrorAdvice = {}, cause?: unknown): Error {
    const { address } = this.context
    return new TransportError(
      'PEER_LOST',
      `HTTP+SSE with ${address}: ${why}`,
      { address, ...advice },
      { cause },
    )
  }
}

/** The URL of the option, with the query that the server named: it usually holds the session. */
function withQueryOf(given: URL, named: URL | undefined): URL {
  const url = new URL(given)
  named?.searchParams.forEach((value, name) => {
    url.searchParams.append(name, value)
  })
  return url
}
