import type { BudgetAccount, ByteBudget, Clock, Flow } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { stringBytes } from '../../shared/utf8-length.js'
import type { EndpointSettings } from './endpoint-options.js'
import { type HttpFailure, invalidRequest, respondWithError } from './http-errors.js'
import type { Body, HttpExchange } from './http-exchange.js'
import { errorOf, isJson, type Posted, parseBody } from './message-body.js'
import type { KeepAliveScheduler, ScheduledStream } from './periodic-check.js'

// The body of a POST on its way in.
//
//   waiting ──▶ reading ──▶ (its turn) ──▶ parsed ──▶ accept(), malformed()
//      ▲           ▲               ▲
//      └───────────┴───────────────┴── while the flow of the session is paused; after bodyTimeoutMs: 503

/** Names the session of a request, and of the response that opens one. */
export const SESSION_HEADER = 'mcp-session-id'

/** The services of the endpoint that reading a POST uses. */
export interface PostHost {
  readonly settings: EndpointSettings
  readonly keepAlive: KeepAliveScheduler
  readonly budget: ByteBudget | undefined
  readonly parseTurns: ParseTurns
  report(error: Error): void
  /** Responds with an error. An overload is a refusal, and is reported. */
  fail(exchange: HttpExchange, failure: HttpFailure): void
}

/** The receiver of the messages of a POST. */
export interface PostTarget {
  /** The flow of the session that the POST names. */
  readonly flow: PostFlow | undefined
  accept(posted: Posted, body: Body): void
  /** Called after the error response for a body without messages. */
  malformed(error: Error, body: Body): void
}

/**
 * Reads the messages in the body of a POST and calls `accept`. A body without messages gets an error response, and
 * `malformed` is called. Neither is called where the client disconnects first, or where a limit stops the read.
 */
export function readMessages(exchange: HttpExchange, registry: PostHost, target: PostTarget): void {
  if (isJson(exchange.handshake.headers['content-type'])) new PostReader(exchange, registry, target).start()
  else respondWithError(exchange, invalidRequest(415, 'the Content-Type must be application/json, in UTF-8'))
}

/** What the platform may buffer of a body that is not read. */
const UNREAD_BYTES = 65_536

class PostReader implements ScheduledStream, PausablePost {
  dueAt: number
  readonly #exchange: HttpExchange
  readonly #registry: PostHost
  readonly #target: PostTarget
  #account: BudgetAccount | undefined
  #isReading = false
  /** A body that waits, until its turn has come and its session accepts it. */
  #body: Body | undefined
  #isOver = false

  constructor(exchange: HttpExchange, registry: PostHost, target: PostTarget) {
    this.#exchange = exchange
    this.#registry = registry
    this.#target = target
    this.dueAt = this.#deadline()
  }

  start(): void {
    const { flow } = this.#target
    this.#registry.keepAlive.add(this)
    flow?.add(this)
    if (flow?.isPaused) this.#wait()
    else this.#read()
  }

  pause(): void {
    if (this.#isReading && !this.#body) this.#exchange.pauseReading()
    this.#hold(UNREAD_BYTES)
  }

  resume(): void {
    this.#account?.hold(0)
    this.dueAt = this.#deadline()
    this.#registry.keepAlive.add(this)
    if (this.#body) this.#finish(this.#body)
    else if (this.#isReading) this.#exchange.resumeReading()
    else {
      try {
        this.#read()
      } catch (error) {
        this.#registry.report(toError(error))
        this.#exchange.fail()
      }
    }
  }

  tick(): void {
    this.dueAt = Infinity
    this.#stop({ kind: this.#target.flow?.isPaused ? 'paused' : 'too-slow' })
  }

  #deadline(): number {
    const { clock, bodyTimeoutMs } = this.#registry.settings
    return clock.now() + bodyTimeoutMs
  }

  #wait(): void {
    this.#exchange.whenDisconnected(() => this.#finish({ kind: 'disconnected' }))
    this.#hold(this.#body?.kind === 'text' ? stringBytes(this.#body.text) : UNREAD_BYTES)
  }

  #hold(bytes: number): void {
    this.#account ??= this.#registry.budget?.open({ shed: () => this.#stop({ kind: 'overloaded' }) })
    this.#account?.hold(bytes)
  }

  #stop(body: Body): void {
    if (this.#isReading && !this.#body) this.#exchange.stopReading(body)
    else this.#finish(body)
  }

  #read(): void {
    this.#isReading = true
    try {
      const { budget, settings } = this.#registry
      this.#exchange.readBody({ maxBytes: settings.maxMessageBytes, budget }, (body) => this.#done(body))
    } catch (error) {
      // For example, a middleware has read it.
      this.#over()
      throw error
    }
  }

  #done(body: Body): void {
    if (body.kind !== 'text') {
      this.#finish(body)
      return
    }
    const { headers, remote } = this.#exchange.handshake
    const { parseTurns } = this.#registry
    const session = headers[SESSION_HEADER] ?? remote.address ?? ''
    const isLarge = body.text.length >= LARGE_CHARACTERS
    if (!isLarge && parseTurns.isFree(session, isLarge)) {
      parseTurns.add(session, isLarge, () => this.#finish(body))
      return
    }
    this.#body = body
    this.dueAt = Infinity
    this.#hold(stringBytes(body.text))
    parseTurns.add(session, isLarge, () => this.#take())
  }

  /** Handles a body in its turn, unless its session has paused meanwhile. */
  #take(): void {
    if (this.#isOver || !this.#body) return
    if (!this.#target.flow?.isPaused) {
      this.#finish(this.#body)
      return
    }
    this.dueAt = this.#deadline()
    this.#registry.keepAlive.add(this)
    this.#wait()
  }

  #over(): void {
    this.#isOver = true
    this.#body = undefined
    this.#registry.keepAlive.delete(this)
    this.#target.flow?.delete(this)
    this.#account?.close()
  }

  #finish(body: Body): void {
    if (this.#isOver) return
    this.#over()
    const exchange = this.#exchange
    const registry = this.#registry
    if (body.kind === 'disconnected' || exchange.isDisconnected) return
    try {
      const { maxMessageBytes } = registry.settings
      const posted = parseBody(body, maxMessageBytes)
      // A limit of the server is no fault of the body.
      if (isUnread(body)) registry.fail(exchange, posted as HttpFailure)
      else if ('status' in posted) {
        respondWithError(exchange, posted)
        this.#target.malformed(errorOf(body, posted, exchange, maxMessageBytes), body)
      } else this.#target.accept(posted, body)
    } catch (error) {
      registry.report(toError(error))
      exchange.fail()
    }
  }
}

function isUnread({ kind }: Body): boolean {
  return kind === 'overloaded' || kind === 'paused'
}

/** A POST whose body is read only while its session accepts messages. */
export interface PausablePost {
  pause(): void
  resume(): void
}

/**
 * The flow of one session: while it is paused, no body of its POSTs is read. This includes responses to requests of the
 * application.
 */
export class PostFlow implements Flow {
  #isPaused = false
  readonly #posts = new Set<PausablePost>()

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Adds a POST whose body is not complete. */
  add(post: PausablePost): void {
    this.#posts.add(post)
  }

  delete(post: PausablePost): void {
    this.#posts.delete(post)
  }

  readonly pause = (): void => {
    if (this.#isPaused) return
    this.#isPaused = true
    for (const post of this.#posts) post.pause()
  }

  readonly resume = (): void => {
    this.#isPaused = false
    for (const post of this.#posts) {
      // What the first one delivers may pause the session again.
      if (this.#isPaused) return
      post.resume()
    }
  }
}

/** A body this long is parsed in a turn of its own. */
const LARGE_CHARACTERS = 65_536
/** The time that the small messages of one session may take in one turn, in milliseconds. */
const SHARE_MS = 2
/**
 * The time of small messages after which the end of the turn is awaited. Until then their turns count as one: to await
 * each would cost a client with one request at a time another iteration of the event loop for each.
 */
const UNCOUNTED_MS = 0.5
/** The sessions after whose small messages the end of the turn is awaited. */
const MAX_UNCOUNTED = 64

interface WaitingPost {
  readonly isLarge: boolean
  readonly handle: () => void
}

/**
 * Handles large bodies one at a time, each in another turn of the event loop, so that small messages are handled in
 * between. Small messages are handled at once, until those of their session have used its share of the turn. The sessions
 * with waiting messages take turns, so that the flood of one does not delay the others.
 */
export class ParseTurns {
  readonly #clock: Clock
  readonly #nextTurn: (run: () => void) => void
  /** What waits, by session. The first one is next. */
  readonly #waiting = new Map<string, WaitingPost[]>()
  /** The time that the small messages of each session have taken in this turn. */
  readonly #spentMs = new Map<string, number>()
  #totalMs = 0
  /** Whether this turn has had a large body. */
  #isTaken = false
  #isScheduled = false

  /** @param nextTurn calls back in another turn of the event loop */
  constructor(clock: Clock, nextTurn: (run: () => void) => void) {
    this.#clock = clock
    this.#nextTurn = nextTurn
  }

  /** Whether `add` would handle a message at once. */
  isFree(session: string, isLarge: boolean): boolean {
    return !this.#waiting.has(session) && this.#hasShare(session, isLarge)
  }

  #hasShare(session: string, isLarge: boolean): boolean {
    return isLarge ? !this.#isTaken : (this.#spentMs.get(session) ?? 0) < SHARE_MS
  }

  /** Calls `handle`, now or in a later turn. It must not throw. */
  add(session: string, isLarge: boolean, handle: () => void): void {
    const waiting = this.#waiting.get(session)
    if (waiting) waiting.push({ isLarge, handle })
    else if (this.#hasShare(session, isLarge)) this.#handle(session, { isLarge, handle })
    else {
      this.#waiting.set(session, [{ isLarge, handle }])
      this.#schedule()
    }
  }

  #handle(session: string, { isLarge, handle }: WaitingPost): void {
    if (isLarge) {
      this.#isTaken = true
      this.#schedule()
      handle()
      return
    }
    const since = this.#clock.now()
    handle()
    const spentMs = this.#clock.now() - since
    this.#spentMs.set(session, (this.#spentMs.get(session) ?? 0) + spentMs)
    this.#totalMs += spentMs
    if (this.#totalMs >= UNCOUNTED_MS || this.#spentMs.size >= MAX_UNCOUNTED) this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#nextTurn(this.#turnEnded)
  }

  /** Begins a turn with the share of the session that has waited the longest. */
  readonly #turnEnded = (): void => {
    this.#isScheduled = false
    this.#isTaken = false
    this.#spentMs.clear()
    this.#totalMs = 0
    const [next] = this.#waiting
    if (!next) return
    this.#schedule()
    const [session, queue] = next
    // What a message adds meanwhile waits behind the others.
    while (queue[0] && this.#hasShare(session, queue[0].isLarge))
      this.#handle(session, queue.shift() as WaitingPost)
    this.#waiting.delete(session)
    if (queue.length > 0) this.#waiting.set(session, queue)
  }
}
