import { toError } from '@mcpwire/core'
import type { AnswerHead, Engine, EngineCall, EngineHandlers, EngineRequest } from '../engine.js'
import type { Fetch } from '../engine-settings.js'
import { deliveryOf } from './delivery.js'
import { Slots } from './slots.js'

/** What an engine on a `fetch` is made from. */
export interface WebFetchSettings {
  /** The platform's own where none is given. */
  readonly fetch?: Fetch | undefined
  /** How many requests are under way at once. */
  readonly maxSockets: number
}

/**
 * An engine on any WHATWG `fetch`. Which sockets there are, and how long connecting may take, is up to that
 * function; an answer that redirects is a failure where it hides where to.
 */
export function webFetchEngine({ fetch, maxSockets }: WebFetchSettings): Engine {
  const underWay = new Set<WebFetchCall>()
  const slots = new Slots(maxSockets, () => undefined)
  let isClosed = false
  const settings: CallSettings = {
    // As a function of nobody: the platform's refuses to be a method of something else.
    fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)),
    slots,
    done: (call) => underWay.delete(call),
  }
  return {
    send(request, handlers) {
      const call = new WebFetchCall(request, handlers, settings)
      underWay.add(call)
      if (isClosed) call.fail(new Error('the engine is closed'))
      else slots.take(call)
      return call
    },
    async close() {
      isClosed = true
      for (const call of underWay) call.fail(new Error('the engine is closed'))
    },
  }
}

interface CallSettings {
  readonly fetch: Fetch
  readonly slots: Slots<undefined>
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
  #goOn: (() => void) | undefined
  #paused: Promise<void> | undefined

  constructor(request: EngineRequest, handlers: EngineHandlers, settings: CallSettings) {
    this.isReply = request.isReply ?? false
    this.#request = request
    this.#handlers = handlers
    this.#settings = settings
  }

  begin(): void {
    this.#hasBegun = true
    this.#exchange().then(
      () => this.#end(() => this.#handlers.end()),
      (cause: unknown) => this.#end(() => this.#handlers.failed(toError(cause), deliveryOf(cause))),
    )
  }

  abort(): void {
    this.#end(() => {})
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
    queueMicrotask(() => this.#end(() => this.#handlers.failed(cause, delivery)))
  }

  #end(tell: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#settings.done(this)
    this.#aborter.abort()
    this.resume()
    if (this.#hasBegun) this.#settings.slots.give(undefined)
    else this.#settings.slots.forget(this)
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
    if (response.type === 'opaqueredirect')
      throw new Error('the server redirects, and the platform does not tell where')
    if (!this.#isOver) this.#handlers.head(headOf(response))
    if (response.body) for await (const chunk of chunksOf(response.body)) await this.#data(chunk)
  }

  async #data(chunk: Uint8Array): Promise<void> {
    while (this.#paused) await this.#paused
    if (this.#isOver) throw new Error('given up')
    this.#handlers.data(chunk)
    while (this.#paused) await this.#paused
  }
}

function headOf({ status, statusText, headers }: Response): AnswerHead {
  return { status, statusText, header: (name) => headers.get(name) ?? undefined }
}

/** The body, cancelled when whoever reads it stops. Not every platform can iterate over its own streams. */
async function* chunksOf(
  body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (!('getReader' in body)) {
    yield* body
    return
  }
  const reader = body.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    // Whether that works makes no difference to anybody.
    reader.cancel().catch(() => {})
  }
}
