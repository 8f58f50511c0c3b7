import type { BudgetAccount } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { stringBytes } from '../../shared/utf8-length.js'
import { type HttpFailure, invalidRequest, respondWithError } from './http-errors.js'
import type { Body, HttpExchange } from './http-exchange.js'
import { errorOf, isJson, type Posted, parseBody } from './message-body.js'
import { LARGE_CHARACTERS } from './parse-turns.js'
import type { ScheduledStream } from './periodic-check.js'
import type { PausablePost, PostFlow } from './post-flow.js'
import { SESSION_HEADER, type SessionRegistry } from './session-registry.js'

// The body of a POST on its way in.
//
//   waiting ──▶ reading ──▶ (its turn) ──▶ parsed ──▶ accept(), malformed()
//      ▲           ▲               ▲
//      └───────────┴───────────────┴── while the flow of the session is paused; after bodyTimeoutMs: 503

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
export function readMessages(exchange: HttpExchange, registry: SessionRegistry, target: PostTarget): void {
  if (isJson(exchange.handshake.headers['content-type'])) new PostReader(exchange, registry, target).start()
  else respondWithError(exchange, invalidRequest(415, 'the Content-Type must be application/json, in UTF-8'))
}

/** What the platform may buffer of a body that is not read. */
const UNREAD_BYTES = 65_536

class PostReader implements ScheduledStream, PausablePost {
  dueAt: number
  readonly #exchange: HttpExchange
  readonly #registry: SessionRegistry
  readonly #target: PostTarget
  #account: BudgetAccount | undefined
  #isReading = false
  /** A body that waits, until its turn has come and its session accepts it. */
  #body: Body | undefined
  #isOver = false

  constructor(exchange: HttpExchange, registry: SessionRegistry, target: PostTarget) {
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
