/*
 * A request is in one of these states; only `pending` requests have a caller.
 *
 *   fromCaller(request) -----> pending ---- fromUpstream(response) ------------> completed
 *                                |
 *                                +--------- fromCaller(notifications/cancelled) -> cancelled
 *                                +--------- callerClosed() ---------------------> cancelled
 *                                +--------- upstreamClosed() -------------------> returned to the owner
 *
 * A request crosses under a number. Its response, progress and subscription messages return under the caller's own id,
 * token and subscription id. Messages for a cancelled request are dropped without a reason.
 */
import {
  isRequest,
  isResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type MessageMeta,
  type RequestId,
} from '../contract/message.js'
import { integer } from '../contract/option-rules.js'
import { defaultsOf, type OptionDefaults, options } from '../contract/option-table.js'
import {
  CANCELLED_METHOD,
  LISTEN_METHOD,
  OVERLOADED_CODE,
  PROGRESS_METHOD,
  REFUSED_CODE,
} from '../contract/protocol.js'
import { cancelledBy } from '../messages/era.js'
import { idInUse } from '../messages/error-responses.js'
import type { JsonRpcErrorData } from '../messages/json-rpc-error.js'
import {
  cancellationOf,
  namesSubscription,
  progressTokenIn,
  renumbered,
  restoredCancellation,
  restoredProgress,
  restoredResponse,
  restoredSubscription,
  subscriptionOf,
} from './multiplexed-messages.js'

/** Options of a multiplexer. */
export interface MultiplexerOptions {
  /**
   * Most pending requests of all callers together, subscriptions included. Further ones are answered with the error
   * −31003.
   * @defaultValue 10_000
   */
  maxInFlight?: number | undefined
}

const table = options<MultiplexerOptions>({ maxInFlight: integer(1, Infinity, 10_000) })

/** The defaults of `createMultiplexer`. */
export const multiplexerDefaults: OptionDefaults<MultiplexerOptions> = /* @__PURE__ */ defaultsOf(table)

/** The next step for a message of a caller. */
export type CallerStep =
  /** Send this message to the upstream. */
  | { readonly kind: 'send'; readonly message: JsonRpcMessage }
  /** Send this response to the caller and nothing to the upstream. */
  | { readonly kind: 'respond'; readonly message: JsonRpcErrorResponse }
  /** Send nothing. Without `reason` this is normal. */
  | { readonly kind: 'drop'; readonly reason?: string | undefined }

/** The next step for a message of the upstream. */
export type UpstreamStep<C> =
  /** Send this message to that caller, for that request of the caller. */
  | {
      readonly kind: 'deliver'
      readonly caller: C
      readonly requestId: RequestId
      readonly message: JsonRpcMessage
    }
  /** Send this response to the upstream and nothing to a caller. */
  | { readonly kind: 'respond'; readonly message: JsonRpcErrorResponse }
  /** Send nothing. Without `reason` this is normal. */
  | { readonly kind: 'drop'; readonly reason?: string | undefined }

/** A pending request, under the id that its caller chose. */
export interface MultiplexedCall<C> {
  readonly caller: C
  readonly id: RequestId
  readonly method: string
}

/**
 * Lets many callers share one upstream. Their ids and progress tokens may be equal: each request crosses under a number
 * of its own. Its messages return to its caller under the original names, of the same JSON type.
 */
export interface Multiplexer<C> {
  /** The number of pending requests. */
  readonly inFlight: number
  /** The step for a message of a caller. Any object identifies a caller, for as long as it has a pending request. */
  fromCaller(caller: C, message: JsonRpcMessage): CallerStep
  /** The step for a message of the upstream, which may name the request that it belongs to. */
  fromUpstream(message: JsonRpcMessage, relatedRequestId?: RequestId): UpstreamStep<C>
  /** Cancels the requests of a closed caller. Returns the cancellations to send to the upstream. */
  callerClosed(caller: C): readonly JsonRpcNotification[]
  /** Removes all requests when the upstream has closed. Returns those that remain without a response. */
  upstreamClosed(): readonly MultiplexedCall<C>[]
}

/**
 * Makes the state machine for many callers of one upstream. It does no input or output and uses no clock. A listener can
 * present many connections as one transport with it, and clients can share one server.
 *
 * Responses, progress, subscription messages and messages with `relatedRequestId` go to the one caller that they belong
 * to. Requests of the upstream have no single caller: they are answered with the error −31007.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const multiplexer = createMultiplexer<Transport>()
 * caller.onmessage = (message) => {
 *   const step = multiplexer.fromCaller(caller, message)
 *   if (step.kind === 'send') void upstream.send(step.message)
 * }
 * ```
 */
export function createMultiplexer<C extends object>(given: MultiplexerOptions = {}): Multiplexer<C> {
  return new CallMultiplexer<C>(table.read(given).maxInFlight)
}

interface Call<C> extends MultiplexedCall<C> {
  readonly number: number
  readonly meta: MessageMeta | undefined
}

/** The most cancelled requests whose late messages are dropped without a reason. */
const MAX_CANCELLED = 10_000

class CallMultiplexer<C extends object> implements Multiplexer<C> {
  readonly #maxInFlight: number
  readonly #calls = new Map<unknown, Call<C>>()
  /** The requests of each caller: the only one, or several by id. */
  readonly #byCaller = new Map<C, Call<C> | Map<RequestId, Call<C>>>()
  /** The numbers of cancelled requests, the oldest first. */
  readonly #cancelled = new Set<unknown>()
  #lastNumber = 0

  constructor(maxInFlight: number) {
    this.#maxInFlight = maxInFlight
  }

  get inFlight(): number {
    return this.#calls.size
  }

  fromCaller(caller: C, message: JsonRpcMessage): CallerStep {
    if (isRequest(message)) return this.#add(caller, message)
    if (isResponse(message)) return { kind: 'drop', reason: 'a caller sent a response without a request' }
    if (message.method === CANCELLED_METHOD) return this.#cancelledByCaller(caller, message)
    if (message.method === PROGRESS_METHOD)
      return { kind: 'drop', reason: 'a caller sent progress without a request' }
    return { kind: 'send', message }
  }

  fromUpstream(message: JsonRpcMessage, relatedRequestId?: RequestId): UpstreamStep<C> {
    if (isRequest(message)) return { kind: 'respond', message: refused(message.id) }
    if (isResponse(message)) return this.#responded(message)
    if (message.method === PROGRESS_METHOD) return this.#progressed(message)
    if (message.method === CANCELLED_METHOD) return this.#cancelledByUpstream(message)
    if (namesSubscription(message)) return this.#notified(message)
    const call = this.#calls.get(relatedRequestId)
    if (call && call.method !== LISTEN_METHOD) return delivery(call, message)
    return this.#unmatched(relatedRequestId, `${message.method} belongs to no request`)
  }

  callerClosed(caller: C): readonly JsonRpcNotification[] {
    const calls = this.#byCaller.get(caller)
    const all = calls instanceof Map ? [...calls.values()] : calls ? [calls] : []
    return all.map((call) => {
      this.#cancel(call)
      return cancellationOf(call.meta, call.number)
    })
  }

  upstreamClosed(): readonly MultiplexedCall<C>[] {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    this.#byCaller.clear()
    this.#cancelled.clear()
    return calls
  }

  #add(caller: C, request: JsonRpcRequest): CallerStep {
    const { id, method, params } = request
    if (this.#callOf(caller, id)) {
      return { kind: 'respond', message: idInUse(id) }
    }
    if (this.#calls.size >= this.#maxInFlight) {
      return {
        kind: 'respond',
        message: failed(id, OVERLOADED_CODE, 'overloaded', { code: 'OVERLOADED', delivery: 'none' }),
      }
    }
    const number = ++this.#lastNumber
    const call = { caller, id, method, number, meta: params?._meta }
    this.#calls.set(number, call)
    const calls = this.#byCaller.get(caller)
    if (!calls) this.#byCaller.set(caller, call)
    else if (calls instanceof Map) calls.set(id, call)
    else this.#byCaller.set(caller, new Map([calls, call].map((each) => [each.id, each])))
    return { kind: 'send', message: renumbered(request, number) }
  }

  #cancelledByCaller(caller: C, notification: JsonRpcNotification): CallerStep {
    const id = cancelledBy(notification)
    const call = id === undefined ? undefined : this.#callOf(caller, id)
    // Already completed, or unknown: such a notification has no effect (Cancellation, Error Handling).
    if (!call) return { kind: 'drop' }
    this.#cancel(call)
    return { kind: 'send', message: restoredCancellation(notification, call.number) }
  }

  #responded(response: JsonRpcResponse): UpstreamStep<C> {
    const call = this.#calls.get(response.id)
    if (!call) return this.#unmatched(response.id, 'a response belongs to no request')
    this.#delete(call)
    return delivery(call, restoredResponse(response, call.id))
  }

  #progressed(notification: JsonRpcNotification): UpstreamStep<C> {
    const token = progressTokenIn(notification)
    const call = this.#calls.get(token)
    const chosen = call?.meta?.progressToken
    if (!call || chosen === undefined || call.method === LISTEN_METHOD) {
      return this.#unmatched(token, 'progress belongs to no request')
    }
    return delivery(call, restoredProgress(notification, chosen))
  }

  #cancelledByUpstream(notification: JsonRpcNotification): UpstreamStep<C> {
    const id = cancelledBy(notification)
    const call = this.#calls.get(id)
    // Possible after the response, which has ended the subscription.
    if (!call) return { kind: 'drop' }
    if (call.method !== LISTEN_METHOD)
      return { kind: 'drop', reason: 'a request cannot be cancelled by its receiver' }
    return delivery(call, restoredCancellation(notification, call.id))
  }

  #notified(notification: JsonRpcNotification): UpstreamStep<C> {
    const number = subscriptionOf(notification)
    const call = this.#calls.get(number)
    if (call?.method === LISTEN_METHOD) return delivery(call, restoredSubscription(notification, call.id))
    return this.#unmatched(number, `${notification.method} belongs to no subscription`)
  }

  #unmatched(number: unknown, reason: string): UpstreamStep<C> {
    return this.#cancelled.has(number) ? { kind: 'drop' } : { kind: 'drop', reason }
  }

  #cancel(call: Call<C>): void {
    this.#delete(call)
    this.#cancelled.add(call.number)
    for (const oldest of this.#cancelled) {
      if (this.#cancelled.size <= MAX_CANCELLED) return
      this.#cancelled.delete(oldest)
    }
  }

  #delete({ number, caller, id }: Call<C>): void {
    this.#calls.delete(number)
    const calls = this.#byCaller.get(caller)
    if (calls instanceof Map) calls.delete(id)
    if (!(calls instanceof Map) || calls.size === 0) this.#byCaller.delete(caller)
  }

  #callOf(caller: C, id: RequestId): Call<C> | undefined {
    const calls = this.#byCaller.get(caller)
    if (calls instanceof Map) return calls.get(id)
    return calls?.id === id ? calls : undefined
  }
}

function delivery<C>({ caller, id }: Call<C>, message: JsonRpcMessage): UpstreamStep<C> {
  return { kind: 'deliver', caller, requestId: id, message }
}

function refused(id: RequestId): JsonRpcErrorResponse {
  return failed(id, REFUSED_CODE, 'refused', { code: 'REFUSED', delivery: 'none' })
}

function failed(id: RequestId, code: number, message: string, data: JsonRpcErrorData): JsonRpcErrorResponse {
  return { jsonrpc: '2.0', id, error: { code, message, data } }
}
