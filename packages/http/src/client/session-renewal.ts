import { isResponse, type JsonRpcMessage, TransportError } from '@mcpwire/core'
import { type HeaderRecord, toError } from '@mcpwire/core/authoring'
import type { ClientContext } from './call/client-context.js'
import { HttpCall } from './call/http-call.js'
import { ReconnectBudget } from './call/reconnect-budget.js'
import { ServerDeadline } from './call/server-deadline.js'
import type { HandshakeReplay, ReplayStep } from './handshake-replay.js'
import type { PostRequest } from './post-request.js'

/** The channel of a renewal. */
export interface RenewalOwner {
  /** Sends a message of the renewal's own. */
  send(message: JsonRpcMessage): PostRequest
  /** The session is lost. Its streams cannot be opened any more. */
  begun(): void
  /** A new session has started. The server's state of the old one is lost. */
  renewed(error: Error): void
  /** The session is lost for good. */
  failed(error: Error): void
}

type Stage =
  | { readonly name: 'none' }
  | { readonly name: 'renewing'; readonly sessionId: string; readonly deadline: Disposable }

/** Replaces a session that the server no longer knows, once for all refused messages, by replaying `initialize`. */
export class SessionRenewal {
  readonly #context: ClientContext
  readonly #replay: HandshakeReplay
  readonly #owner: RenewalOwner
  readonly #held: PostRequest[] = []
  readonly #budget: ReconnectBudget
  /** Whether a message arrived in the current session. */
  isUseful = true
  #startedAtMs = 0
  #stage: Stage = { name: 'none' }
  /** The last message of the replay. The id of the new session may be that of the old one. */
  #replayed: PostRequest | undefined

  constructor(context: ClientContext, replay: HandshakeReplay, owner: RenewalOwner) {
    this.#context = context
    this.#replay = replay
    this.#owner = owner
    this.#budget = new ReconnectBudget(context.reconnect)
  }

  /** Whether messages have to wait for the new session. */
  get isActive(): boolean {
    return this.#stage.name === 'renewing'
  }

  /** Keeps a message until a session is open. */
  hold(post: PostRequest): void {
    this.#held.push(post)
  }

  /** Sends the held messages to the URL: a session is open, or the server has none. */
  sendHeld(url: URL): void {
    for (const post of this.#held) post.moveTo(url)
    this.#start(this.#held.splice(0))
  }

  /** Handles a message that the server did not process, since it no longer knows its session. */
  refused(post: PostRequest): void {
    const { sessionId = '' } = post
    const isNewSession = this.#stage.name === 'renewing' && this.#stage.sessionId !== sessionId
    if (isNewSession || post === this.#replayed || post.renewals > 0) {
      const error = this.#lost(sessionId, 'it lost the new session at once')
      post.fail(error)
      this.#fail(error)
      return
    }
    post.renewals++
    this.#moveToNextSession(post, sessionId)
  }

  /** Sends a message again that the server did not process, in the current session. */
  again(post: PostRequest): void {
    const { sessionId } = post
    const isOurs = post === this.#replayed || post.isInitialize
    const isOutdated = sessionId !== undefined && sessionId !== this.#context.headers.sessionId
    if (isOurs || (!this.isActive && !isOutdated)) post.start()
    else if (sessionId === undefined) this.hold(post)
    else this.#moveToNextSession(post, sessionId)
  }

  /** Starts a new session, unless that has happened already. */
  begin(sessionId: string): void {
    const { headers, clock } = this.#context
    if (this.isActive || headers.sessionId !== sessionId) return
    headers.sessionId = undefined
    headers.protocolVersion = undefined
    this.#owner.begun()
    const uptimeMs = clock.now() - this.#startedAtMs
    const wasUseful = this.isUseful || uptimeMs >= this.#context.reconnect.healthyUptimeMs
    const delayMs = this.#budget.next({ retryMs: undefined, uptimeMs, wasUseful })
    // A useful session is renewed without a delay, whatever the budget.
    if (wasUseful) this.#renew(sessionId)
    else if (delayMs === undefined) {
      const attempts = Math.max(this.#budget.attempts, 1)
      this.#fail(this.#lost(sessionId, `gave up after ${attempts} failed attempts (reconnect.maxAttempts)`))
    } else {
      const deadline = clock.deadline(delayMs, () => this.#renew(sessionId))
      this.#stage = { name: 'renewing', sessionId, deadline }
    }
  }

  #renew(sessionId: string): void {
    const { connectTimeoutMs } = this.#context
    const deadline = new ServerDeadline(this.#context, connectTimeoutMs, () => {
      const why = `it did not re-initialize within connectTimeoutMs (${connectTimeoutMs} ms)`
      this.#fail(this.#lost(sessionId, why))
    })
    this.#stage = { name: 'renewing', sessionId, deadline }
    const [initialize] = this.#replay.reconnected()
    if (!this.#replay.isReplaying || !initialize)
      this.#fail(this.#lost(sessionId, 'it cannot be re-initialized: it was resumed by id'))
    else this.#owner.send(initialize).sent.catch((error) => this.#replayFailed(error))
  }

  /** The response to the replayed `initialize` arrived. */
  replayed(step: Exclude<ReplayStep, { kind: 'deliver' }>): void {
    if (this.#stage.name === 'none') return
    const { sessionId } = this.#stage
    if (step.kind === 'failed') this.#fail(this.#lost(sessionId, step.reason))
    else void this.#completeReplay(step.send)
  }

  stop(): void {
    if (this.#stage.name === 'renewing') this.#stage.deadline[Symbol.dispose]()
    this.#stage = { name: 'none' }
    this.#replayed = undefined
    this.#held.length = 0
  }

  /** Handles a message of the old session. Its requests have no response in the new one, and cannot be cancelled. */
  #moveToNextSession(post: PostRequest, sessionId: string): void {
    const { message } = post
    if (isResponse(message)) post.fail(this.#lost(sessionId, 'the request of this response ended with it'))
    else if (message.method === 'notifications/cancelled') post.drop()
    else if (!this.isActive && this.#context.headers.sessionId !== sessionId) post.start()
    else {
      this.hold(post)
      this.begin(sessionId)
    }
  }

  async #completeReplay(messages: readonly JsonRpcMessage[]): Promise<void> {
    try {
      for (const message of messages) {
        this.#replayed = this.#owner.send(message)
        await this.#replayed.sent
      }
    } catch (error) {
      this.#replayFailed(error)
      return
    }
    if (this.#stage.name === 'none') return
    const { sessionId } = this.#stage
    const held = this.#held.splice(0)
    this.stop()
    this.isUseful = false
    this.#startedAtMs = this.#context.clock.now()
    this.#owner.renewed(this.#lost(sessionId, 'a new one was started: other state of the old one is lost'))
    this.#start(held)
  }

  #start(held: readonly PostRequest[]): void {
    for (const post of held) {
      if (post.isOver) continue
      this.#replay.sent(post.message)
      post.start()
    }
  }

  #replayFailed(cause: unknown): void {
    if (this.#stage.name === 'none') return
    const { sessionId } = this.#stage
    this.#fail(this.#lost(sessionId, `it cannot be re-initialized: ${toError(cause).message}`, cause))
  }

  #fail(error: Error): void {
    const held = this.#held.splice(0)
    this.stop()
    for (const post of held) post.fail(error)
    // After the senders have received the reason: the end of the channel carries less.
    queueMicrotask(() => this.#owner.failed(error))
  }

  #lost(sessionId: string, why: string, cause?: unknown): TransportError {
    const message = `${this.#context.address} no longer knows the session, and ${why}`
    return new TransportError('SESSION_LOST', message, { sessionId }, { cause })
  }
}

/** Ends the session at the server. Resolves with the response, or after the time. */
export function endSession(context: ClientContext, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const deadline = context.clock.deadline(timeoutMs, () => {
      call.cancel()
      resolve()
    })
    const call = new EndSession(context, () => {
      deadline[Symbol.dispose]()
      resolve()
    })
    call.begin()
  })
}

/** The DELETE of a session. A refusal counts as its end. */
class EndSession extends HttpCall {
  protected readonly accepted: () => void
  protected readonly refused: () => void
  protected readonly sendFailed: () => void

  constructor(context: ClientContext, done: () => void) {
    super(context, 'DELETE')
    this.accepted = done
    this.refused = done
    this.sendFailed = done
  }

  protected headers(): HeaderRecord | Promise<HeaderRecord> {
    return this.context.headers.end()
  }

  protected received(): void {}
  protected ended(): void {}
  protected interrupted(): void {}
}
