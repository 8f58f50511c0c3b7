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
import { type OptionDefaults, options } from '../contract/option-table.js'
import {
  CANCELLED_METHOD,
  INVALID_REQUEST_CODE,
  LISTEN_METHOD,
  OVERLOADED_CODE,
  PROGRESS_METHOD,
  REFUSED_CODE,
} from '../contract/protocol.js'
import { cancelledBy } from '../messages/era.js'
import {
  cancellationOf,
  namesSubscription,
  progressTokenIn,
  renumbered,
  restoredAnswer,
  restoredCancellation,
  restoredProgress,
  restoredSubscription,
  subscriptionOf,
} from './multiplexed-messages.js'

/** Limits of a multiplexer. */
export interface MultiplexerOptions {
  /**
   * Most requests of all callers that await their answer at once, subscriptions included. Further ones are answered
   * with the error −31003.
   * @defaultValue 10_000
   */
  maxInFlight?: number | undefined
}

const table = options<MultiplexerOptions>({ maxInFlight: integer(1, Infinity, 10_000) })

/** The defaults of `createMultiplexer`. */
export const multiplexerDefaults: OptionDefaults<MultiplexerOptions> = table.defaults

/** What to do with a message of a caller. */
export type CallerStep =
  /** Pass this on to the shared side. */
  | { readonly kind: 'send'; readonly message: JsonRpcMessage }
  /** Tell the caller this; the shared side hears nothing. */
  | { readonly kind: 'answer'; readonly message: JsonRpcErrorResponse }
  /** Nothing. Without `why` that is as it should be. */
  | { readonly kind: 'drop'; readonly why?: string | undefined }

/** What to do with a message of the shared side. */
export type SharedStep<C> =
  /** It is for that caller, on behalf of that request of its. */
  | {
      readonly kind: 'deliver'
      readonly caller: C
      readonly requestId: RequestId
      readonly message: JsonRpcMessage
    }
  /** Tell the shared side this; no caller hears anything. */
  | { readonly kind: 'answer'; readonly message: JsonRpcErrorResponse }
  /** It is for nobody. Without `why` that is as it should be. */
  | { readonly kind: 'drop'; readonly why?: string | undefined }

/** A request that awaits its answer, as its caller knows it. */
export interface MultiplexedCall<C> {
  readonly caller: C
  readonly id: RequestId
  readonly method: string
}

/**
 * Lets many callers hold one conversation. Neither their ids nor their progress tokens need differ: each request
 * crosses under a number of its own, and what is said on its behalf comes back to its caller under the names that
 * one chose, of the same JSON type.
 */
export interface Multiplexer<C> {
  /** How many requests await their answer. */
  readonly inFlight: number
  /** Judges a message of a caller. Any object names a caller; one is known for as long as it awaits an answer. */
  fromCaller(caller: C, message: JsonRpcMessage): CallerStep
  /** Judges a message of the shared side, which may say itself which request it belongs to. */
  fromShared(message: JsonRpcMessage, relatedRequestId?: RequestId): SharedStep<C>
  /** Says that a caller is gone, and returns what to tell the shared side of that. Nothing is delivered to it any more. */
  left(caller: C): readonly JsonRpcNotification[]
  /** Says that the shared side is gone, and returns the requests that nobody will answer. */
  lost(): readonly MultiplexedCall<C>[]
}

/**
 * Makes the state machine that lets many callers hold one conversation; it does no input or output and takes no
 * time. For a listener that presents the requests of many connections as one transport, and for clients that share
 * one server.
 *
 * Answers, progress, notifications of a subscription and what is sent with `relatedRequestId` reach the caller they
 * belong to; nothing is ever told to two. Requests of the shared side are answered with the error −31007, since
 * there is nobody to ask. What comes for a request that was cancelled is dropped without a word.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function createMultiplexer<C extends object>(given: MultiplexerOptions = {}): Multiplexer<C> {
  return new CallMultiplexer<C>(table.read(given).maxInFlight)
}

interface Call<C> extends MultiplexedCall<C> {
  readonly number: number
  readonly meta: MessageMeta | undefined
}

class CallMultiplexer<C extends object> implements Multiplexer<C> {
  readonly #maxInFlight: number
  readonly #calls = new Map<unknown, Call<C>>()
  /** What each caller awaits: one request, as those who make but one do, or several by id. */
  readonly #byCaller = new Map<C, Call<C> | Map<RequestId, Call<C>>>()
  /** The numbers of requests that were given up, the oldest first: what comes for them is no surprise. */
  readonly #givenUp = new Set<unknown>()
  #lastNumber = 0

  constructor(maxInFlight: number) {
    this.#maxInFlight = maxInFlight
  }

  get inFlight(): number {
    return this.#calls.size
  }

  fromCaller(caller: C, message: JsonRpcMessage): CallerStep {
    if (isRequest(message)) return this.#called(caller, message)
    if (isResponse(message)) return { kind: 'drop', why: 'a caller answered what nobody asked' }
    if (message.method === CANCELLED_METHOD) return this.#cancelled(caller, message)
    if (message.method === PROGRESS_METHOD)
      return { kind: 'drop', why: 'a caller told progress nobody asked for' }
    return { kind: 'send', message }
  }

  fromShared(message: JsonRpcMessage, relatedRequestId?: RequestId): SharedStep<C> {
    if (isRequest(message)) return { kind: 'answer', message: refused(message.id) }
    if (isResponse(message)) return this.#answered(message)
    if (message.method === PROGRESS_METHOD) return this.#progressed(message)
    if (message.method === CANCELLED_METHOD) return this.#cancelledByShared(message)
    if (namesSubscription(message)) return this.#subscribed(message)
    const call = this.#calls.get(relatedRequestId)
    if (call && call.method !== LISTEN_METHOD) return delivery(call, message)
    return this.#strays(relatedRequestId, `${message.method} belongs to no request`)
  }

  left(caller: C): readonly JsonRpcNotification[] {
    const calls = this.#byCaller.get(caller)
    const all = calls instanceof Map ? [...calls.values()] : calls ? [calls] : []
    return all.map((call) => {
      this.#giveUp(call)
      return cancellationOf(call.meta, call.number)
    })
  }

  lost(): readonly MultiplexedCall<C>[] {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    this.#byCaller.clear()
    this.#givenUp.clear()
    return calls
  }

  #called(caller: C, request: JsonRpcRequest): CallerStep {
    const { id, method, params } = request
    if (this.#callOf(caller, id))
      return { kind: 'answer', message: failed(id, INVALID_REQUEST_CODE, 'the id is in use') }
    if (this.#calls.size >= this.#maxInFlight) {
      return { kind: 'answer', message: failed(id, OVERLOADED_CODE, 'overloaded', { code: 'OVERLOADED' }) }
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

  #cancelled(caller: C, notification: JsonRpcNotification): CallerStep {
    const id = cancelledBy(notification)
    const call = id === undefined ? undefined : this.#callOf(caller, id)
    // A request that was answered meanwhile, or never was: there is nothing to stop (Cancellation, Error Handling).
    if (!call) return { kind: 'drop' }
    this.#giveUp(call)
    return { kind: 'send', message: restoredCancellation(notification, call.number) }
  }

  #answered(response: JsonRpcResponse): SharedStep<C> {
    const call = this.#calls.get(response.id)
    if (!call) return this.#strays(response.id, 'an answer belongs to no request')
    this.#forget(call)
    return delivery(call, restoredAnswer(response, call.id))
  }

  #progressed(notification: JsonRpcNotification): SharedStep<C> {
    const token = progressTokenIn(notification)
    const call = this.#calls.get(token)
    const chosen = call?.meta?.progressToken
    if (!call || chosen === undefined || call.method === LISTEN_METHOD) {
      return this.#strays(token, 'progress belongs to no request')
    }
    return delivery(call, restoredProgress(notification, chosen))
  }

  #cancelledByShared(notification: JsonRpcNotification): SharedStep<C> {
    const id = cancelledBy(notification)
    const call = this.#calls.get(id)
    // It may come after the answer, which has ended the subscription already.
    if (!call) return { kind: 'drop' }
    if (call.method !== LISTEN_METHOD)
      return { kind: 'drop', why: 'a request cannot be cancelled by its receiver' }
    return delivery(call, restoredCancellation(notification, call.id))
  }

  #subscribed(notification: JsonRpcNotification): SharedStep<C> {
    const number = subscriptionOf(notification)
    const call = this.#calls.get(number)
    if (call?.method === LISTEN_METHOD) return delivery(call, restoredSubscription(notification, call.id))
    return this.#strays(number, `${notification.method} belongs to no subscription`)
  }

  #strays(number: unknown, why: string): SharedStep<C> {
    return this.#givenUp.has(number) ? { kind: 'drop' } : { kind: 'drop', why }
  }

  #giveUp(call: Call<C>): void {
    this.#forget(call)
    this.#givenUp.add(call.number)
    for (const oldest of this.#givenUp) {
      if (this.#givenUp.size <= MAX_GIVEN_UP) return
      this.#givenUp.delete(oldest)
    }
  }

  #forget({ number, caller, id }: Call<C>): void {
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

/** How many requests that were given up are remembered, so that what still comes for them is not reported. */
const MAX_GIVEN_UP = 10_000

function delivery<C>({ caller, id }: Call<C>, message: JsonRpcMessage): SharedStep<C> {
  return { kind: 'deliver', caller, requestId: id, message }
}

function refused(id: RequestId): JsonRpcErrorResponse {
  return failed(id, REFUSED_CODE, 'refused', { code: 'REFUSED' })
}

function failed(id: RequestId, code: number, message: string, data?: unknown): JsonRpcErrorResponse {
  return { jsonrpc: '2.0', id, error: data === undefined ? { code, message } : { code, message, data } }
}
