import type { BudgetAccount, ByteBudget } from '../contract/byte-budget.js'
import { isTransportError, TransportError, toError } from '../contract/errors.js'
import {
  isErrorResponse,
  isRequest,
  isResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from '../contract/message.js'
import { INITIALIZE_METHOD, LISTEN_METHOD, PROGRESS_METHOD, SUBSCRIPTION_KEY } from '../contract/protocol.js'
import type { Flow, Peer, SendOptions, TransportLike } from '../contract/transport.js'
import { cancelledBy, namesRevision } from '../messages/era.js'
import { concealed, idInUse, toErrorResponse, toOwnErrorResponse } from '../messages/error-responses.js'
import type { JsonRpcErrorData } from '../messages/json-rpc-error.js'
import { heldBytesOf } from '../messages/message-size.js'
import { isUnsendable } from '../requests/incoming-requests.js'
import { ignore } from '../timing/promises.js'
import { SendQueue } from '../transport/send-queue.js'
import { ForwardedRequests } from './forwarded-requests.js'

/** The settings of one direction of a pipe. */
export interface DirectionSettings {
  readonly maxPendingSends: number
  readonly maxPendingBytes: number
  /** The budget that the messages towards `to` count in. */
  readonly budget?: ByteBudget | undefined
  /** Called when the budget is exceeded by messages that `to` was given and has not accepted: the conversation ends. */
  readonly overloaded: (error: Error) => void
  /** Called with the error of a message that was not forwarded and has no error response. */
  readonly report: (error: Error) => void
  /** Returns the text of an error for the error responses to `to`, where `to` is the own client. */
  readonly describeError?: ((error: Error) => string) | undefined
}

/** Forwards the messages of one transport to another. */
export class PipeDirection {
  /** The opposite direction, which forwards the responses. Set after both are created. */
  back!: PipeDirection
  readonly #from: TransportLike
  readonly #to: TransportLike
  readonly #settings: DirectionSettings
  readonly #requests = new ForwardedRequests()
  /** The messages received before `to` is open. */
  #held: JsonRpcMessage[] | undefined = []
  #heldBytes = 0
  /** Opened when the first message has to wait. */
  #account: BudgetAccount | undefined
  #unanswered = 0
  #undelivered = 0
  readonly #queue: SendQueue
  #isPaused = false
  #isOver = false
  readonly #idleWaiters: (() => void)[] = []

  constructor(from: TransportLike, to: TransportLike, settings: DirectionSettings) {
    this.#from = from
    this.#to = to
    this.#settings = settings
    this.#queue = new SendQueue({
      send: (message, options) => to.send(message, options),
      // A sender with flow control is paused; another one needs a limit.
      mayWait: (waiting) =>
        !this.#isOver && (flowOf(from) !== undefined || waiting < settings.maxPendingSends),
      sent: ignore,
      sizeOf: heldBytesOf,
      refusal: (heldBytes) => this.#refusal(heldBytes),
      failed: ({ message }, error) => this.#failed(message, toError(error)),
      changed: () => {
        this.#adjustFlow()
        this.#resolveIdle()
      },
    })
  }

  /** The number of requests without a response when `to` closed or forwarding stopped. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** The number of messages that `to` has not accepted. */
  get undelivered(): number {
    return this.#undelivered + this.#queue.pending
  }

  /** Forwards a message of `from`. Never throws. */
  forward(message: JsonRpcMessage): void {
    if (this.#isOver) return
    if (this.#held) this.#hold(message, this.#held)
    else if (isRequest(message)) this.#forwardRequest(message)
    else if (isResponse(message)) this.#forwardResponse(message)
    else this.#forwardNotification(message)
  }

  /** Starts forwarding: `to` is open. */
  open(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#heldBytes = 0
    for (const message of held) this.forward(message)
    this.#adjustFlow()
  }

  /** Stops forwarding because `to` has closed. Responds to its pending requests with an error. */
  closed(error: Error): void {
    if (this.#isOver) return
    for (const { id, delivery } of this.#end()) this.back.respond(id, error, { delivery })
  }

  /** Stops forwarding. */
  stop(): void {
    this.#end()
  }

  /** Sends an error response for a request of `to`. Only the own client receives the whole reason. */
  respond(id: RequestId, error: Error, known?: Partial<JsonRpcErrorData>): void {
    if (!this.#isOver) this.#send(this.#errorResponse(id, error, known), { relatedRequestId: id })
  }

  #errorResponse(id: RequestId, error: Error, known?: Partial<JsonRpcErrorData>): JsonRpcErrorResponse {
    if (!isOwnClient(this.#to)) return toErrorResponse(id, error, known)
    try {
      return toOwnErrorResponse(id, error, known, this.#settings.describeError?.(error))
    } catch {
      // The callback threw: the message of the error is used.
      return toOwnErrorResponse(id, error, known)
    }
  }

  /** Refuses a request of `to` whose id is in use: of two responses with one id, the client would drop one. */
  refuseDuplicate(id: RequestId): void {
    if (!this.#isOver) this.#send(idInUse(id), { relatedRequestId: id })
  }

  /** Resolves when all messages have been sent. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve)
      this.#resolveIdle()
    })
  }

  /** Returns the requests without a response. */
  #end(): { readonly id: RequestId; readonly delivery: 'none' | 'unknown' }[] {
    const held = this.#held ?? []
    const waiting = this.#queue.takeWaiting().map(({ message }) => message)
    const unsent = new Set([...held, ...waiting].filter(isRequest).map(({ id }) => id))
    const requests = [...held.filter(isRequest), ...this.#requests.takeAll()]
    this.#unanswered += requests.filter(({ method }) => method !== LISTEN_METHOD).length
    this.#undelivered += held.length + waiting.length
    this.#isOver = true
    this.#held = undefined
    this.#heldBytes = 0
    this.#account?.close()
    this.#resolveIdle()
    return requests.map(({ id }) => ({ id, delivery: unsent.has(id) ? 'none' : 'unknown' }))
  }

  /** Holds a message until `to` is open. */
  #hold(message: JsonRpcMessage, held: JsonRpcMessage[]): void {
    const bytes = heldBytesOf(message)
    const refusal = this.#heldBytes > 0 ? this.#refusal(() => this.#heldBytes + bytes) : undefined
    if (refusal) this.#drop(message, refusal)
    else {
      held.push(message)
      this.#heldBytes += bytes
    }
    this.#adjustFlow()
  }

  /** A sender with flow control is paused instead. */
  #refusal(heldBytes: () => number): Error | undefined {
    const { maxPendingBytes } = this.#settings
    if (flowOf(this.#from)) return undefined
    const bytes = heldBytes()
    if (bytes <= maxPendingBytes) return undefined
    const message = `the messages that wait would hold ${bytes} bytes, more than maxPendingBytes (${maxPendingBytes})`
    const details = { queuedBytes: bytes, maxQueuedBytes: maxPendingBytes, option: 'maxPendingBytes' }
    return new TransportError('OVERLOADED', message, details)
  }

  /** Responds to a message that is not passed to `to`, where it is a request; reports any other. */
  #drop(message: JsonRpcMessage, error: Error): void {
    if (isRequest(message)) {
      this.#requests.take(message.id)
      this.back.respond(message.id, error, { delivery: 'none' })
    } else this.#failed(message, error)
  }

  /** The budget is exceeded: drops the messages that wait. If these are the smaller part, the conversation ends. */
  #shed(error: Error): void {
    const before = this.#waitingBytes
    const waiting = [...(this.#held ?? []), ...this.#queue.takeWaiting().map(({ message }) => message)]
    if (this.#held) this.#held = []
    this.#heldBytes = 0
    for (const message of waiting) this.#drop(message, error)
    this.#account?.hold(this.#waitingBytes)
    if (this.#waitingBytes > before / 2) this.#settings.overloaded(error)
  }

  get #waitingBytes(): number {
    return this.#queue.heldBytes + this.#heldBytes
  }

  /** Counts the messages in the budget. */
  #count(): void {
    const { budget } = this.#settings
    const bytes = this.#waitingBytes
    if (!budget || this.#isOver || (bytes === 0 && !this.#account)) return
    this.#account ??= budget.open({ shed: (error) => this.#shed(error) })
    this.#account.hold(bytes)
  }

  #forwardRequest(request: JsonRpcRequest): void {
    if (this.#requests.get(request.id)) {
      this.back.refuseDuplicate(request.id)
      return
    }
    const hasStream = this.#to.hasPerRequestStream === true && namesRevision(request)
    const stream = hasStream ? new AbortController() : undefined
    this.#requests.add(request, stream)
    this.#send(request, stream && { requestSignal: stream.signal })
  }

  #forwardResponse(response: JsonRpcResponse): void {
    const { id } = response
    if (id === undefined) {
      this.#send(response, undefined)
      return
    }
    const request = this.back.#requests.take(id)
    // A late response to a request that was cancelled or has an error response already.
    if (!request) return
    if (request.method === INITIALIZE_METHOD && !isErrorResponse(response)) {
      this.#setProtocolVersion(response.result['protocolVersion'])
    }
    this.#send(isOwnClient(this.#to) ? response : concealed(response), { relatedRequestId: id })
  }

  #forwardNotification(notification: JsonRpcNotification): void {
    const cancelled = cancelledBy(notification)
    let relatedRequestId: RequestId | undefined
    if (cancelled === undefined) relatedRequestId = this.#relatedTo(notification)
    else if (this.#requests.get(cancelled)) {
      const request = this.#requests.take(cancelled)
      if (request?.stream) {
        request.stream.abort(new Error('cancelled by the other side'))
        return
      }
    } else if (this.back.#requests.get(cancelled)?.method === LISTEN_METHOD) {
      // A server ends a subscription by cancelling the request of its client (2026-07-28, stdio).
      relatedRequestId = this.back.#requests.take(cancelled)?.id
    }
    this.#send(notification, relatedRequestId === undefined ? undefined : { relatedRequestId })
  }

  /** The request of `to` that the notification names. */
  #relatedTo({ method, params }: JsonRpcNotification): RequestId | undefined {
    if (method === PROGRESS_METHOD) return this.back.#requests.idOf(params?.['progressToken'])
    const subscription = params?._meta?.[SUBSCRIPTION_KEY] as RequestId | undefined
    return subscription === undefined ? undefined : this.back.#requests.get(subscription)?.id
  }

  /** Sets the version on both transports, as `connect()` of an SDK does on its own. */
  #setProtocolVersion(protocolVersion: unknown): void {
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
      const delivery = isUnsendable(error) ? 'none' : deliveryOf(error)
      const known = delivery && { delivery }
      if (this.#requests.take(message.id)) this.back.respond(message.id, error, known)
      return
    }
    this.#settings.report(error)
    const isResult = isResponse(message) && !isErrorResponse(message)
    // The request has run: only its response was not sent.
    const known = { delivery: 'unknown' } as const
    if (isResult && isUnsendable(error)) this.respond(message.id, error, known)
    // Not as `OVERLOADED`, which permits a second attempt: this request has run.
    else if (isResult && isTransportError(error, 'OVERLOADED'))
      this.respond(message.id, responseNotSent(error), known)
    else this.#undelivered++
  }

  /** Pauses and resumes `from` by the number and the bytes of unsent messages. */
  #adjustFlow(): void {
    this.#count()
    const { maxPendingSends, maxPendingBytes } = this.#settings
    const isFull = this.#queue.waiting > 0
    const unsent = this.#queue.pending + (this.#held?.length ?? 0)
    const bytes = this.#waitingBytes
    if (!this.#isPaused && (isFull || unsent > maxPendingSends || bytes > maxPendingBytes)) {
      this.#isPaused = true
      flowOf(this.#from)?.pause()
    } else if (this.#isPaused && !isFull && unsent <= maxPendingSends / 2 && bytes <= maxPendingBytes / 2) {
      this.#isPaused = false
      flowOf(this.#from)?.resume()
    }
  }

  #resolveIdle(): void {
    if (this.#isOver || (this.#queue.pending === 0 && !this.#held?.length)) {
      for (const resolve of this.#idleWaiters.splice(0)) resolve()
    }
  }
}

/** Whether messages to this transport stay on this host, with the program that started this one. */
function isOwnClient(transport: TransportLike): boolean {
  const { peer } = transport as { peer?: Peer | undefined }
  return peer?.medium === 'stdio'
}

/** Whether a request that could not be sent may have arrived. */
function deliveryOf(error: Error): 'none' | 'unknown' | undefined {
  if (UNSENT_CODES.some((code) => isTransportError(error, code))) return 'none'
  return isTransportError(error, 'CLOSED') ? 'unknown' : undefined
}

/** The codes that prove that nothing was sent. */
const UNSENT_CODES = ['NOT_STARTED', 'OVERLOADED', 'CONNECT_FAILED', 'CONNECT_TIMEOUT'] as const

function responseNotSent(cause: Error): TransportError {
  const message = `the response was not sent: ${cause.message}`
  return new TransportError('SEND_FAILED', message, { delivery: 'unknown' }, { cause })
}

/** Read for each use: only an open transport has it. */
function flowOf(transport: TransportLike): Flow | undefined {
  return (transport as { flow?: Flow }).flow
}
