import { isResponse, type JsonRpcMessage, TransportError } from '@mcpwire/core'
import { type HandshakeReplay, type ReplayStep, toError } from '@mcpwire/core/authoring'
import type { Link } from './call/client-context.js'
import { ReconnectBudget } from './call/reconnect-budget.js'
import { serverDeadline } from './call/server-deadline.js'
import type { Exchange } from './post-request.js'

/** What a renewal needs of its client. */
export interface RenewalOwner {
  /** Sends a message of the renewal's own. */
  send(message: JsonRpcMessage): Exchange
  /** Another session was begun, of which the server knows nothing but the beginning. */
  renewed(error: Error): void
  /** The session is lost for good. */
  failed(error: Error): void
}

type Stage =
  | { readonly name: 'none' }
  | { readonly name: 'renewing'; readonly sessionId: string; readonly late: Disposable }

/** Has a session that the server forgot followed by another, once for all who notice. */
export class SessionRenewal {
  readonly #link: Link
  readonly #replay: HandshakeReplay
  readonly #owner: RenewalOwner
  readonly #waiting: Exchange[] = []
  readonly #budget: ReconnectBudget
  /** Whether anything was heard in the present session. */
  isUseful = true
  #begunAtMs = 0
  #stage: Stage = { name: 'none' }
  /** What introduces the client to the new session, whose id may be that of the old one. */
  #introduction: Exchange | undefined

  constructor(link: Link, replay: HandshakeReplay, owner: RenewalOwner) {
    this.#link = link
    this.#replay = replay
    this.#owner = owner
    this.#budget = new ReconnectBudget(link.reconnect)
  }

  /** Whether messages have to wait for the new session. */
  get isUnderWay(): boolean {
    return this.#stage.name === 'renewing'
  }

  /** Keeps a message until there is a session again. */
  hold(exchange: Exchange): void {
    this.#waiting.push(exchange)
  }

  /** Sends what was kept to where messages go by now: there is a session, or will be none. */
  letGo(url: URL): void {
    for (const exchange of this.#waiting) exchange.moveTo(url)
    this.#start(this.#waiting.splice(0))
  }

  /** The server knows the session of this message no more, and so did nothing with it. */
  refused(exchange: Exchange): void {
    const { sessionId = '' } = exchange
    const isAnew = this.#stage.name === 'renewing' && this.#stage.sessionId !== sessionId
    if (isAnew || exchange === this.#introduction || exchange.renewals > 0) {
      const error = this.#lost(sessionId, 'it forgot the one that followed at once')
      exchange.fail(error)
      this.#fail(error)
      return
    }
    exchange.renewals++
    this.#followUp(exchange, sessionId)
  }

  /** Sends a message again with which the server did nothing, in the session there is by now. */
  again(exchange: Exchange): void {
    const { sessionId } = exchange
    const isOurs = exchange === this.#introduction || exchange.isInitialize
    const isOutdated = sessionId !== undefined && sessionId !== this.#link.headers.sessionId
    if (isOurs || (!this.isUnderWay && !isOutdated)) exchange.start()
    else if (sessionId === undefined) this.hold(exchange)
    else this.#followUp(exchange, sessionId)
  }

  /** Begins a new session unless that was done already. */
  begin(sessionId: string): void {
    const { headers, clock } = this.#link
    if (this.isUnderWay || headers.sessionId !== sessionId) return
    headers.sessionId = undefined
    headers.protocolVersion = undefined
    const uptimeMs = clock.now() - this.#begunAtMs
    const wasUseful = this.isUseful || uptimeMs >= this.#link.reconnect.healthyUptimeMs
    const delayMs = this.#budget.next({ retryMs: undefined, uptimeMs, wasUseful })
    // Whatever is left to spare: what was of use is no attempt in vain.
    if (wasUseful) this.#renew(sessionId)
    else if (delayMs === undefined) {
      const attempts = Math.max(this.#budget.attempts, 1)
      const why = `${attempts} that followed, one after another, were of no use (reconnect.maxAttempts)`
      this.#fail(this.#lost(sessionId, why))
    } else {
      const late = clock.deadline(delayMs, () => this.#renew(sessionId))
      this.#stage = { name: 'renewing', sessionId, late }
    }
  }

  #renew(sessionId: string): void {
    const { connectTimeoutMs } = this.#link
    const late = serverDeadline(this.#link, () => {
      this.#fail(this.#lost(sessionId, `there was no other within connectTimeoutMs (${connectTimeoutMs} ms)`))
    })
    this.#stage = { name: 'renewing', sessionId, late }
    const [initialize] = this.#replay.reconnected()
    if (!this.#replay.isReplaying || !initialize)
      this.#fail(this.#lost(sessionId, 'its beginning was not seen by this client'))
    else this.#owner.send(initialize).sent.catch((error) => this.#refusedAnew(error))
  }

  /** The answer to the replayed `initialize` is there. */
  stepped(step: Exclude<ReplayStep, { kind: 'deliver' }>): void {
    if (this.#stage.name === 'none') return
    const { sessionId } = this.#stage
    if (step.kind === 'failed') this.#fail(this.#lost(sessionId, step.reason))
    else void this.#introduce(step.send)
  }

  stop(): void {
    if (this.#stage.name === 'renewing') this.#stage.late[Symbol.dispose]()
    this.#stage = { name: 'none' }
    this.#introduction = undefined
    this.#waiting.length = 0
  }

  /** Does with a message of that session what can be done in the next one. */
  #followUp(exchange: Exchange, sessionId: string): void {
    const { message } = exchange
    // Requests of the old session have no answer in the new one, and none of its requests is there to be cancelled.
    if (isResponse(message)) exchange.fail(this.#lost(sessionId, 'the request it answers went with it'))
    else if (message.method === 'notifications/cancelled') exchange.drop()
    else if (!this.isUnderWay && this.#link.headers.sessionId !== sessionId) exchange.start()
    else {
      this.hold(exchange)
      this.begin(sessionId)
    }
  }

  async #introduce(messages: readonly JsonRpcMessage[]): Promise<void> {
    try {
      for (const message of messages) {
        this.#introduction = this.#owner.send(message)
        await this.#introduction.sent
      }
    } catch (error) {
      this.#refusedAnew(error)
      return
    }
    if (this.#stage.name === 'none') return
    const { sessionId } = this.#stage
    const waiting = this.#waiting.splice(0)
    this.stop()
    this.isUseful = false
    this.#begunAtMs = this.#link.clock.now()
    this.#owner.renewed(
      this.#lost(sessionId, 'another was begun: what it knew besides the beginning is gone'),
    )
    this.#start(waiting)
  }

  #start(waiting: readonly Exchange[]): void {
    for (const exchange of waiting) {
      if (exchange.isOver) continue
      this.#replay.sent(exchange.message)
      exchange.start()
    }
  }

  #refusedAnew(cause: unknown): void {
    if (this.#stage.name === 'none') return
    const { sessionId } = this.#stage
    this.#fail(this.#lost(sessionId, `no other could be had: ${toError(cause).message}`, cause))
  }

  #fail(error: Error): void {
    const waiting = this.#waiting.splice(0)
    this.stop()
    for (const exchange of waiting) exchange.fail(error)
    // Not before those who sent have heard why, instead of only that it is over.
    queueMicrotask(() => this.#owner.failed(error))
  }

  #lost(sessionId: string, why: string, cause?: unknown): TransportError {
    const message = `${this.#link.address} forgot the session, and ${why}`
    return new TransportError('SESSION_LOST', message, { sessionId }, { cause })
  }
}
