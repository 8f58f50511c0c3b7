import { invalidHeaderReason } from '@mcpwire/core/authoring'
import {
  type Engine,
  type EngineCall,
  type EngineHandlers,
  type EngineRequest,
  type Fetch,
  type OpeningLimit,
  openingTimeout,
  type ResponseHead,
} from './engine.js'
import { deliveryOf, describeFetchError } from './failures.js'
import { Slots } from './slots.js'

/** Settings of an engine on a `fetch`. */
export interface WebFetchSettings {
  /** The platform's own by default. */
  readonly fetch?: Fetch | undefined
  /** How many requests may be in progress at once. */
  readonly maxSockets: number
  /** Makes an error of what `fetch` rejects with. */
  readonly describeError?: ((failure: unknown) => Error) | undefined
  /** Limits how late the response to the first request may start, where `fetch` itself has no limit for connecting. */
  readonly opening?: OpeningLimit | undefined
  /** Delays the next request where a socket is free only after the current turn of the event loop. */
  readonly afterTurn?: ((then: () => void) => void) | undefined
}

/**
 * An engine on any WHATWG `fetch`, which manages its own sockets. A redirect whose target the platform hides is a
 * failure.
 */
export function webFetchEngine({
  fetch,
  maxSockets,
  opening,
  describeError = describeFetchError,
  afterTurn = (then) => then(),
}: WebFetchSettings): Engine {
  const calls = new Set<WebFetchCall>()
  const slots = new Slots(maxSockets, () => undefined)
  let isClosed = false
  const settings: CallSettings = {
    // Called without a receiver: the platform's function rejects any other `this`.
    fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)),
    slots,
    describeError,
    opening,
    afterTurn,
    done: (call) => calls.delete(call),
  }
  return {
    decodesContent: true,
    send(request, handlers) {
      const call = new WebFetchCall(request, handlers, settings)
      calls.add(call)
      const fault = isClosed ? 'the engine is closed' : headerFault(request.headers)
      if (fault !== undefined) call.fail(new Error(fault))
      else slots.acquire(call)
      return call
    },
    async close() {
      isClosed = true
      for (const call of calls) call.fail(new Error('the engine is closed'))
    },
  }
}

/** The body of a response, chunk by chunk. */
interface BodyReader {
  readonly next: () => Promise<{
    readonly done?: boolean | undefined
    readonly value?: Uint8Array | undefined
  }>
  readonly cancel: () => void
}

interface CallSettings extends Pick<WebFetchSettings, 'opening'> {
  readonly fetch: Fetch
  readonly slots: Slots<undefined>
  readonly describeError: (failure: unknown) => Error
  readonly afterTurn: (then: () => void) => void
  readonly done: (call: WebFetchCall) => void
}

/** One request, from its wait for a slot to the end of its response. */
class WebFetchCall implements EngineCall {
  readonly isReply: boolean
  readonly #request: EngineRequest
  readonly #handlers: EngineHandlers
  readonly #settings: CallSettings
  readonly #aborter = new AbortController()
  #hasBegun = false
  #isOver = false
  #cancelBody: (() => void) | undefined
  #endPause: (() => void) | undefined
  #paused: Promise<void> | undefined
  #deadline: Disposable | undefined

  constructor(request: EngineRequest, handlers: EngineHandlers, settings: CallSettings) {
    this.isReply = request.isReply ?? false
    this.#request = request
    this.#handlers = handlers
    this.#settings = settings
  }

  get isSent(): boolean {
    return this.#hasBegun
  }

  begin(): void {
    this.#hasBegun = true
    const { describeError, opening } = this.#settings
    if (opening && this.#request.isOpening) this.#startDeadline(opening)
    this.#exchange().then(
      () => this.#finish(() => this.#handlers.end()),
      (cause: unknown) => this.#finish(() => this.#handlers.failed(describeError(cause), deliveryOf(cause))),
    )
  }

  abort(): void {
    this.#cancel(() => {})
  }

  pause(): void {
    this.#paused ??= new Promise((resolve) => {
      this.#endPause = resolve
    })
  }

  resume(): void {
    this.#endPause?.()
    this.#paused = undefined
  }

  /** Ends the call with an error, after `send()` has returned. */
  fail(cause: Error): void {
    const delivery = this.#hasBegun ? 'unknown' : 'none'
    queueMicrotask(() => this.#cancel(() => this.#handlers.failed(cause, delivery)))
  }

  #startDeadline(opening: OpeningLimit): void {
    const { clock, connectTimeoutMs, connectingMs = 0 } = opening
    this.#deadline = clock.deadline(connectTimeoutMs + connectingMs, () => {
      this.#cancel(() => this.#handlers.failed(openingTimeout(opening), 'unknown'))
    })
  }

  #cancel(report: () => void): void {
    if (this.#isOver) return
    this.#finish(report)
    this.#aborter.abort()
    this.#cancelBody?.()
  }

  #finish(report: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#settings.done(this)
    this.resume()
    this.#deadline?.[Symbol.dispose]()
    const { slots, afterTurn } = this.#settings
    if (this.#hasBegun) afterTurn(() => slots.release(undefined))
    else slots.remove(this)
    report()
  }

  async #exchange(): Promise<void> {
    const { method, url, headers, body } = this.#request
    const { fetch } = this.#settings
    const response = await fetch(url, {
      method,
      headers: { ...headers },
      redirect: 'manual',
      signal: this.#aborter.signal,
      ...(body !== undefined && { body }),
    })
    this.#deadline?.[Symbol.dispose]()
    if (typeof response?.headers?.get !== 'function' || !Number.isInteger(response.status))
      throw new Error('fetch() returned no Response')
    if (response.type === 'opaqueredirect')
      throw new Error('the server redirects, and the platform hides the target')
    const reader = response.body ? readerOf(response.body) : undefined
    this.#cancelBody = reader?.cancel
    if (this.#isOver) reader?.cancel()
    else this.#handlers.head(headOf(response))
    for (let next = await reader?.next(); next && !next.done; next = await reader?.next()) {
      await this.#unpaused()
      if (this.#isOver) return
      this.#handlers.data(next.value as Uint8Array)
      await this.#unpaused()
    }
    this.#cancelBody = undefined
  }

  async #unpaused(): Promise<void> {
    while (this.#paused) await this.#paused
  }
}

/** The fault of the first invalid header, without its value, which platforms would show. */
function headerFault(headers: EngineRequest['headers']): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    const fault = invalidHeaderReason(name, value)
    if (fault !== undefined) return fault
  }
  return undefined
}

function headOf({ status, statusText, headers }: Response): ResponseHead {
  return {
    status,
    statusText,
    header: (name) => headers.get(name) ?? undefined,
    get cookies() {
      return cookiesIn(headers)
    },
  }
}

/** The values of `Set-Cookie`. node-fetch has a method of its own for them. */
function cookiesIn(
  headers: Partial<Headers> & { raw?(): Readonly<Record<string, string[]>> },
): readonly string[] | undefined {
  const cookies = headers.getSetCookie?.() ?? headers.raw?.()['set-cookie']
  return cookies?.length ? cookies : undefined
}

/** Reads the body. Not every platform can iterate over its own streams. */
function readerOf(body: NonNullable<Response['body']> | AsyncIterable<Uint8Array>): BodyReader {
  if ('getReader' in body) {
    const reader = body.getReader()
    return { next: () => reader.read(), cancel: () => void reader.cancel().catch(() => {}) }
  }
  const chunks = body[Symbol.asyncIterator]()
  // A stream of Node: without a listener its error would end the process before the first read.
  if ('on' in body && typeof body.on === 'function') body.on('error', () => {})
  return {
    next: () => chunks.next(),
    cancel: () => void Promise.resolve(chunks.return?.()).catch(() => {}),
  }
}
