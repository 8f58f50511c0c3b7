import { isTransportError, TransportError, toError } from '../contract/errors.js'
import {
  isErrorResponse,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from '../contract/message.js'
import { INITIALIZE_METHOD, LISTEN_METHOD, PROGRESS_METHOD, SUBSCRIPTION_KEY } from '../contract/protocol.js'
import type { Flow, SendOptions, TransportLike } from '../contract/transport.js'
import { cancelledBy, namesRevision } from '../messages/era.js'
import { toErrorResponse } from '../messages/error-responses.js'
import { isUnsendable } from '../requests/incoming-requests.js'
import { ignore } from '../timing/promises.js'
import { SendQueue } from '../transport/send-queue.js'
import { ForwardedRequests } from './forwarded-requests.js'

/** What one direction of a pipe needs besides its ends. */
export interface DirectionSettings {
  readonly maxPendingSends: number
  /** Hears of messages that could not be passed on and of no answer that says so. */
  readonly report: (error: Error) => void
}

/** Passes what one transport hears on to another. */
export class PipeDirection {
  /** The one that passes responses to what this one passes on. Set right after both are made. */
  back!: PipeDirection
  readonly #from: TransportLike
  readonly #to: TransportLike
  readonly #settings: DirectionSettings
  readonly #calls = new ForwardedRequests()
  /** What waits for the other end to open. */
  #held: JsonRpcMessage[] | undefined = []
  #unanswered = 0
  #undelivered = 0
  readonly #queue: SendQueue
  #isPaused = false
  #isOver = false
  readonly #whenIdle: (() => void)[] = []

  constructor(from: TransportLike, to: TransportLike, settings: DirectionSettings) {
    this.#from = from
    this.#to = to
    this.#settings = settings
    this.#queue = new SendQueue({
      send: (message, options) => to.send(message, options),
      // Whoever can be paused sends little more than what was on its way; others might send for ever.
      mayWait: (waiting) =>
        !this.#isOver && (flowOf(from) !== undefined || waiting < settings.maxPendingSends),
      taken: ignore,
      failed: ({ message }, error) => this.#failed(message, toError(error)),
      changed: () => {
        this.#balance()
        this.#settleIdle()
      },
    })
  }

  /** How many requests `to` had not answered when it was gone, or nothing was passed on any more. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** How many messages `to` did not take, or has not taken yet. */
  get undelivered(): number {
    return this.#undelivered + this.#queue.pending
  }

  /** Takes what `from` heard. Never throws. */
  carry(message: JsonRpcMessage): void {
    if (this.#isOver) return
    if (this.#held) {
      this.#held.push(message)
      this.#balance()
    } else if (isRequest(message)) this.#carryRequest(message)
    else if (isResponse(message)) this.#carryResponse(message)
    else this.#carryNotification(message)
  }

  /** Says that `to` is open. */
  open(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const message of held) this.carry(message)
    this.#balance()
  }

  /** Says that `to` is gone: answers, in its place, what it was asked. Nothing is passed on any more. */
  lost(error: Error): void {
    if (this.#isOver) return
    for (const { id } of this.#leave()) this.back.answer(id, error)
  }

  /** Passes nothing on any more. */
  stop(): void {
    this.#leave()
  }

  /** Answers a request of `to` that failed on its way. */
  answer(id: RequestId, error: Error): void {
    if (!this.#isOver) this.#send(toErrorResponse(id, error), { relatedRequestId: id })
  }

  /** Resolves once everything carried so far was sent. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
      this.#settleIdle()
    })
  }

  /** Ends it, and yields the requests that were not answered. */
  #leave(): { readonly id: RequestId; readonly method: string }[] {
    const held = this.#held ?? []
    const requests = [...held.filter(isRequest), ...this.#calls.takeAll()]
    this.#unanswered += requests.filter(({ method }) => method !== LISTEN_METHOD).length
    this.#undelivered += held.length + this.#queue.takeWaiting().length
    this.#isOver = true
    this.#held = undefined
    this.#settleIdle()
    return requests
  }

  #carryRequest(request: JsonRpcRequest): void {
    const hasStream = this.#to.hasPerRequestStream === true && namesRevision(request)
    const stream = hasStream ? new AbortController() : undefined
    this.#calls.add(request, stream)
    this.#send(request, stream && { requestSignal: stream.signal })
  }

  #carryResponse(response: JsonRpcResponse): void {
    const { id } = response
    if (id === undefined) {
      this.#send(response, undefined)
      return
    }
    const call = this.back.#calls.take(id)
    // A late answer to what was cancelled, or was answered in place of the one who is late.
    if (!call) return
    if (call.method === INITIALIZE_METHOD && !isErrorResponse(response)) {
      this.#negotiated(response.result['protocolVersion'])
    }
    this.#send(response, { relatedRequestId: id })
  }

  #carryNotification(notification: JsonRpcNotification): void {
    const cancelled = cancelledBy(notification)
    let relatedRequestId: RequestId | undefined
    if (cancelled === undefined) relatedRequestId = this.#relatedTo(notification)
    else if (this.#calls.get(cancelled)) {
      const call = this.#calls.take(cancelled)
      if (call?.stream) {
        call.stream.abort(new Error('cancelled by the other side'))
        return
      }
    } else if (this.back.#calls.get(cancelled)?.method === LISTEN_METHOD) {
      // That a server ends a subscription of its client names a request of the latter (2026-07-28, stdio).
      relatedRequestId = this.back.#calls.take(cancelled)?.id
    }
    this.#send(notification, relatedRequestId === undefined ? undefined : { relatedRequestId })
  }

  /** The request of `to` that the notification belongs to, where it says so. */
  #relatedTo({ method, params }: JsonRpcNotification): RequestId | undefined {
    if (method === PROGRESS_METHOD) return this.back.#calls.idOf(params?.['progressToken'])
    const subscription = params?._meta?.[SUBSCRIPTION_KEY] as RequestId | undefined
    return subscription === undefined ? undefined : this.back.#calls.get(subscription)?.id
  }

  /** What the peers' own `connect()` does at their ends is done here for the transports between them. */
  #negotiated(protocolVersion: unknown): void {
    if (typeof protocolVersion !== 'string') return
    this.#from.setProtocolVersion?.(protocolVersion)
    this.#to.setProtocolVersion?.(protocolVersion)
  }

  #send(message: JsonRpcMessage, options: SendOptions | undefined): void {
    this.#queue.send({ message, options })
  }

  #failed(message: JsonRpcMessage, error: Error): void {
    if (this.#isOver) {
      this.#undelivered++
      return
    }
    if (isRequest(message)) {
      if (this.#calls.take(message.id)) this.back.answer(message.id, error)
      return
    }
    this.#settings.report(error)
    const isResult = isResponse(message) && !isErrorResponse(message)
    if (isResult && isUnsendable(error)) this.answer(message.id, error)
    // Not as `OVERLOADED`, after which a request may be sent again: this one has run.
    else if (isResult && isTransportError(error, 'OVERLOADED')) this.answer(message.id, unsent(error))
    else this.#undelivered++
  }

  /** Stops and continues the arrival of messages as `to` takes them. */
  #balance(): void {
    const { maxPendingSends } = this.#settings
    const isFull = this.#queue.waiting > 0
    const waiting = this.#queue.pending + (this.#held?.length ?? 0)
    if (!this.#isPaused && (isFull || waiting > maxPendingSends)) {
      this.#isPaused = true
      flowOf(this.#from)?.pause()
    } else if (this.#isPaused && !isFull && waiting <= maxPendingSends / 2) {
      this.#isPaused = false
      flowOf(this.#from)?.resume()
    }
  }

  #settleIdle(): void {
    if (this.#isOver || (this.#queue.pending === 0 && !this.#held?.length)) {
      for (const resolve of this.#whenIdle.splice(0)) resolve()
    }
  }
}

function unsent(cause: Error): TransportError {
  const message = 'there is no room for the response'
  return new TransportError('SEND_FAILED', message, { delivery: 'none' }, { cause })
}

/** Read each time: it is there only while the transport is open. */
function flowOf(transport: TransportLike): Flow | undefined {
  return (transport as { flow?: Flow }).flow
}
