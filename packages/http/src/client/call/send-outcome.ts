import { isRequest, isResponse, isTransportError, type JsonRpcMessage, TransportError } from '@mcpwire/core'
import { deferred } from '@mcpwire/core/authoring'
import type { ClientContext } from './client-context.js'
import { ReconnectBudget } from './reconnect-budget.js'
import { reasonOf } from './response-errors.js'
import { type RequestProgress, ServerDeadline } from './server-deadline.js'

/** The POST of one message. */
export interface SentMessage extends RequestProgress {
  readonly context: ClientContext
  readonly message: JsonRpcMessage
  readonly bytes: number
  /** Whether it waits for a connection. */
  readonly isQueued: boolean
  fail(error: unknown): void
  /** Aborts the current attempt, if there is one, and sends the message again. */
  resend(): void
}

/** The time in which a long message of so many bytes is sent over a slow connection: one second each. */
const BYTES_PER_SECOND = 65_536

/**
 * The outcome of `send()` for one message: it settles when the server starts to respond, or fails within
 * `responseHeadTimeoutMs` for a request, and `acceptTimeoutMs` for any other message.
 *
 * A response is sent again within that time, because its receiver ignores a second one:
 *
 *   sent ── no connection, reset, 408, 425, 429, 5xx ──▶ backoff, or Retry-After ──▶ sent
 *        ── half of the time without a response ───────▶ aborted, and sent over another connection
 *        ── any other failure, or no time left ────────▶ failed
 */
export class SendOutcome {
  readonly deadline: ServerDeadline
  isSettled = false
  readonly #post: SentMessage
  readonly #option: 'acceptTimeoutMs' | 'responseHeadTimeoutMs'
  readonly #sent = deferred<void>()
  readonly #resends: ReconnectBudget | undefined
  #resend: Disposable | undefined
  /** Whether half of the time is left. */
  #isFirstHalf: boolean
  #attempts = 1
  /** The failure of the last attempt of a response. */
  #last: Error | undefined
  #mayHaveArrived = false

  constructor(post: SentMessage) {
    const { context, message, bytes } = post
    const isRepeatable = isResponse(message)
    this.#post = post
    this.#option = isRequest(message) ? 'responseHeadTimeoutMs' : 'acceptTimeoutMs'
    this.#resends = isRepeatable ? new ReconnectBudget(context.reconnect) : undefined
    this.#isFirstHalf = isRepeatable
    const timeoutMs = context[this.#option] + Math.floor(bytes / BYTES_PER_SECOND) * 1_000
    this.deadline = new ServerDeadline(
      context,
      isRepeatable ? timeoutMs / 2 : timeoutMs,
      () => this.#expired(),
      post,
    )
  }

  get promise(): Promise<void> {
    return this.#sent.promise
  }

  /** Resolves, or rejects where a reason is given. Returns whether it was pending. */
  settle(rejection?: { readonly reason: unknown }): boolean {
    if (this.isSettled) return false
    this.isSettled = true
    this.deadline[Symbol.dispose]()
    this.#resend?.[Symbol.dispose]()
    if (rejection) this.#sent.reject(this.#known(rejection.reason))
    else this.#sent.resolve()
    return true
  }

  /** An attempt failed. Returns whether the message is sent again. */
  failed(error: unknown): boolean {
    if (!this.#resends || this.isSettled || !isTemporary(error)) return false
    this.#mayHaveArrived ||= isTransportError(error, 'SEND_FAILED') && error.details.delivery === 'unknown'
    this.#last = error
    const retryMs = isTransportError(error, 'REFUSED') ? error.details.retryAfterMs : undefined
    const delayMs = this.#resends.next({ retryMs, uptimeMs: undefined, wasUseful: false })
    const leftMs = this.deadline.leftMs * (this.#isFirstHalf ? 2 : 1)
    if (delayMs === undefined || delayMs >= leftMs) return false
    this.#attempts++
    this.#resend = this.#post.context.clock.deadline(delayMs, () => this.#post.resend())
    return true
  }

  #expired(): void {
    const post = this.#post
    if (!this.#isFirstHalf) {
      post.fail(this.#late())
      return
    }
    this.#isFirstHalf = false
    this.deadline.restart()
    if (!post.isSent) return
    this.#mayHaveArrived = true
    this.#attempts++
    post.resend()
  }

  /** The error where the time is over. */
  #late(): TransportError {
    const { context, isSent, isQueued, bytes } = this.#post
    const { address } = context
    const limit = `${this.#option} (${context[this.#option]} ms)`
    const option = this.#option
    if (!isSent && this.#attempts === 1) {
      const reason = isQueued ? 'no connection was available' : 'the session was not ready'
      const hint = isQueued
        ? `check the network; where requests take long, raise option "maxSockets"`
        : 'check that the server responds to initialize'
      const message = `cannot send to ${address}: ${reason} within ${limit}`
      return new TransportError('SEND_FAILED', message, { delivery: 'none', option, hint })
    }
    const did = option === 'acceptTimeoutMs' ? 'accept a message' : 'start to respond to a request'
    const hint =
      option === 'acceptTimeoutMs'
        ? `check the server and the network; for a slow server, raise option "${option}"`
        : `it may have run; for requests that take longer, raise option "${option}"`
    const tried = this.#attempts > 1 ? `, which was sent ${this.#attempts} times` : ''
    const last = this.#last ? `; the last failure: ${reasonOf(this.#last).text}` : ''
    const size =
      bytes < BYTES_PER_SECOND ? '' : `, and one second for each ${BYTES_PER_SECOND} of its ${bytes} bytes`
    const message = `${address} did not ${did}${tried} within ${limit}${size}${last}`
    const delivery = isSent || this.#mayHaveArrived ? 'unknown' : 'none'
    return new TransportError('SEND_FAILED', message, { delivery, option, hint }, { cause: this.#last })
  }

  /** The error, without the claim that nothing was sent where an earlier attempt may have arrived. */
  #known(reason: unknown): unknown {
    if (!this.#mayHaveArrived || !isTransportError(reason) || !isUnsent(reason)) return reason
    const { text, advice } = reasonOf(reason)
    return new TransportError('SEND_FAILED', text, { delivery: 'unknown', ...advice }, { cause: reason })
  }
}

/** Whether the error states that nothing was sent: no connection could be opened. */
export function isUnsent(error: TransportError): boolean {
  if (isTransportError(error, 'SEND_FAILED')) return error.details.delivery === 'none'
  return error.code === 'CONNECT_FAILED' || error.code === 'CONNECT_TIMEOUT'
}

/** Statuses of temporary failures, besides 5xx. */
const TEMPORARY = [408, 425, 429, 503]

function isTemporary(error: unknown): error is TransportError {
  if (isTransportError(error, 'REFUSED')) return TEMPORARY.includes(error.details.status)
  return isTransportError(error) && (error.code === 'SEND_FAILED' || isUnsent(error))
}
