import { type Clock, TransportError } from '@mcpwire/core'
import { invalidHeaderReason } from '@mcpwire/core/authoring'
import { deliveryOf } from './delivery.js'
import type { AnswerHead, Engine, EngineCall, EngineHandlers, EngineRequest } from './engine.js'
import type { Fetch } from './engine-settings.js'
import { inPlainWords } from './failure-words.js'
import { Slots } from './slots.js'

/** What an engine on a `fetch` is made from. */
export interface WebFetchSettings {
  /** The platform's own where none is given. */
  readonly fetch?: Fetch | undefined
  /** How many requests are under way at once. */
  readonly maxSockets: number
  /** Makes an error of what `fetch` rejects with. */
  readonly inWords?: ((failure: unknown) => Error) | undefined
  /** How soon an answer begins to what opens a conversation; as late as it likes where connecting has a limit. */
  readonly opening?: OpeningLimit | undefined
  /** Where a socket is not free for another request before the turn of the event loop is over. */
  readonly afterTurn?: ((then: () => void) => void) | undefined
}

/** How long an answer may take that stands for the connection. */
interface OpeningLimit {
  readonly address: string
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/**
 * An engine on any WHATWG `fetch`. Which sockets there are is up to that function, and how long connecting may take
 * but for what opens a conversation; an answer that redirects is a failure where it hides where to.
 */
export function webFetchEngine({
  fetch,
  maxSockets,
  opening,
  inWords = inPlainWords,
  afterTurn = (then) => then(),
}: WebFetchSettings): Engine {
  const underWay = new Set<WebFetchCall>()
  const slots = new Slots(maxSockets, () => undefined)
  let isClosed = false
  const settings: CallSettings = {
    // As a function of nobody: the platform's refuses to be a method of something else.
    fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)),
    slots,
    inWords,
    opening,
    afterTurn,
    done: (call) => underWay.delete(call),
  }
  return {
    send(request, handlers) {
      const call = new WebFetchCall(request, handlers, settings)
      underWay.add(call)
      const wrong = isClosed ? 'the engine is closed' : unsendable(request.headers)
      if (wrong !== undefined) call.fail(new Error(wrong))
      else slots.take(call)
      return call
    },
    async close() {
      isClosed = true
      for (const call of underWay) call.fail(new Error('the engine is closed'))
    },
  }
}

/** The body of an answer, chunk by chunk. */
interface BodyReader {
  readonly next: () => Promise<{
    readonly done?: boolean | undefined
    readonly value?: Uint8Array | undefined
  }>
  readonly stop: () => void
}

interface CallSettings {
  readonly fetch: Fetch
  readonly slots: Slots<undefined>
  readonly inWords: (failure: unknown) => Error
  readonly opening: OpeningLimit | undefined
  readonly afterTurn: (then: () => void) => void
  readonly done: (call: WebFetchCall) => void
}

/** One request, from waiting for its turn to the end of its answer. */
class WebFetchCall implements EngineCall {
  readonly isReply: boolean
  readonly #request: EngineRequest
  readonly #handlers: EngineHandlers
  readonly #settings: CallSettings
  readonly #aborter = new AbortController()
  #hasBegun = false
  #isOver = false
  #stop: (() => void) | undefined
  #goOn: (() => void) | undefined
  #paused: Promise<void> | undefined
  #late: Disposable | undefined

  constructor(request: EngineRequest, handlers: EngineHandlers, settings: CallSettings) {
    this.isReply = request.isReply ?? false
    this.#request = request
    this.#handlers = handlers
    this.#settings = settings
  }

  begin(): void {
    this.#hasBegun = true
    const { inWords, opening } = this.#settings
    if (opening && this.#request.isOpening) this.#hurry(opening)
    this.#exchange().then(
      () => this.#over(() => this.#handlers.end()),
      (cause: unknown) => this.#over(() => this.#handlers.failed(inWords(cause), deliveryOf(cause))),
    )
  }

  abort(): void {
    this.#giveUp(() => {})
  }

  pause(): void {
    this.#paused ??= new Promise((resolve) => {
      this.#goOn = resolve
    })
  }

  resume(): void {
    this.#goOn?.()
    this.#paused = undefined
  }

  /** Ends the call with an error, outside of the caller's turn. */
  fail(cause: Error): void {
    const delivery = this.#hasBegun ? 'unknown' : 'none'
    queueMicrotask(() => this.#giveUp(() => this.#handlers.failed(cause, delivery)))
  }

  #hurry({ address, connectTimeoutMs: timeoutMs, clock }: OpeningLimit): void {
    this.#late = clock.deadline(timeoutMs, () => {
      const message = `${address} did not begin to answer within connectTimeoutMs (${timeoutMs} ms)`
      const error = new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs })
      this.#giveUp(() => this.#handlers.failed(error, 'unknown'))
    })
  }

  #giveUp(tell: () => void): void {
    if (this.#isOver) return
    this.#over(tell)
    this.#aborter.abort()
    this.#stop?.()
  }

  #over(tell: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#settings.done(this)
    this.resume()
    this.#late?.[Symbol.dispose]()
    const { slots, afterTurn } = this.#settings
    if (this.#hasBegun) afterTurn(() => slots.give(undefined))
    else slots.forget(this)
    tell()
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
    this.#late?.[Symbol.dispose]()
    if (typeof response?.headers?.get !== 'function' || !Number.isInteger(response.status))
      throw new Error('fetch() yielded no Response')
    if (response.type === 'opaqueredirect')
      throw new Error('the server redirects, and the platform does not tell where')
    const reader = response.body ? readerOf(response.body) : undefined
    this.#stop = reader?.stop
    if (this.#isOver) reader?.stop()
    else this.#handlers.head(headOf(response))
    for (let next = await reader?.next(); next && !next.done; next = await reader?.next()) {
      await this.#unpaused()
      if (this.#isOver) return
      this.#handlers.data(next.value as Uint8Array)
      await this.#unpaused()
    }
    this.#stop = undefined
  }

  async #unpaused(): Promise<void> {
    while (this.#paused) await this.#paused
  }
}

/** What is wrong with headers, without their values, which platforms would show. */
function unsendable(headers: EngineRequest['headers']): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    const fault = invalidHeaderReason(name, value)
    if (fault !== undefined) return fault
  }
  return undefined
}

function headOf({ status, statusText, headers }: Response): AnswerHead {
  return { status, statusText, header: (name) => headers.get(name) ?? undefined }
}

/** Reads the body, and stops before its end when asked to. Not every platform can iterate over its own streams. */
function readerOf(body: NonNullable<Response['body']> | AsyncIterable<Uint8Array>): BodyReader {
  if ('getReader' in body) {
    const reader = body.getReader()
    // Whether that works makes no difference to anybody.
    return { next: () => reader.read(), stop: () => void reader.cancel().catch(() => {}) }
  }
  const chunks = body[Symbol.asyncIterator]()
  // A stream of Node, which ends the process where it fails and nobody has begun to read.
  if ('on' in body && typeof body.on === 'function') body.on('error', () => {})
  return {
    next: () => chunks.next(),
    stop: () => void Promise.resolve(chunks.return?.()).catch(() => {}),
  }
}
