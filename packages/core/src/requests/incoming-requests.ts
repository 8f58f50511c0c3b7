import { isTransportError, toError } from '../contract/errors.js'
import type { JsonRpcMessage, JsonRpcRequest, MessageParams, RequestId } from '../contract/message.js'
import { INTERNAL_ERROR_CODE, METHOD_NOT_FOUND_CODE, PROGRESS_METHOD } from '../contract/protocol.js'
import type { MessageContext, SendOptions } from '../contract/transport.js'
import { errorMemberOf, JsonRpcError } from '../messages/json-rpc-error.js'
import { type QueuedSend, SendQueue } from '../transport/send-queue.js'
import type { JsonRpcResult } from './pending-requests.js'

/** One incoming request, for the handler that answers it. */
export interface IncomingCall {
  /** Goes into `relatedRequestId` of what is sent on behalf of this request. */
  readonly id: RequestId
  readonly method: string
  /** Aborted when the other side cancels the request or the conversation ends; no response is sent then. */
  readonly signal: AbortSignal
  readonly context: MessageContext | undefined
  /**
   * Tells the other side how far it is, where it asked for that. Progress that does not exceed the last told, or
   * comes after the response, is not sent. Never rejects.
   */
  sendProgress(progress: { progress: number; total?: number; message?: string }): Promise<void>
}

/** Answers one kind of request: with a result, none for an empty one, or by throwing, best a `JsonRpcError`. */
export type RequestHandler = (
  params: MessageParams | undefined,
  call: IncomingCall,
) => JsonRpcResult | undefined | Promise<JsonRpcResult | undefined>

/** What answering requests takes. */
export interface Answering {
  readonly handlerOf: (method: string) => RequestHandler | undefined
  readonly send: (message: JsonRpcMessage, options: SendOptions) => Promise<void>
  readonly report: (error: Error) => void
  /** Says whether responses wait for room: further requests had better not arrive meanwhile. */
  readonly full: (isFull: boolean) => void
}

/** The requests of the other side that are being answered. */
export class IncomingRequests {
  readonly #answering: Answering
  readonly #active = new Map<RequestId, AbortController>()
  readonly #responses: SendQueue<ResponseSend>
  #isFull = false

  constructor(answering: Answering) {
    this.#answering = answering
    this.#responses = new SendQueue({
      send: (message, options) => answering.send(message, options ?? {}),
      mayWait: (waiting) => waiting < MAX_WAITING,
      taken: ({ resolve }) => resolve(),
      failed: ({ reject }, error) => reject(error),
      changed: () => this.#heedRoom(),
    })
  }

  /** Runs the handler and sends what comes of it. Never rejects. */
  async answer(request: JsonRpcRequest, context: MessageContext | undefined): Promise<void> {
    const isAnswered = await this.#isAnswered(request, context)
    // By then the response is let go of, and what refused it, which knows it: the error may have to wait as well.
    if (!isAnswered) await this.#sayUnsent(request.id)
  }

  /** Whether nothing is left to be said. */
  async #isAnswered(request: JsonRpcRequest, context: MessageContext | undefined): Promise<boolean> {
    const { id } = request
    const stop = new AbortController()
    this.#active.set(id, stop)
    let response: JsonRpcMessage
    try {
      response = { jsonrpc: '2.0', id, result: (await this.#run(request, stop, context)) ?? {} }
    } catch (thrown) {
      response = { jsonrpc: '2.0', id, error: errorMemberOf(thrown) }
    }
    if (stop.signal.aborted) return true
    if (this.#active.get(id) === stop) this.#active.delete(id)
    try {
      await this.#sendOnceThereIsRoom(id, response)
      return true
    } catch (error) {
      this.#answering.report(toError(error))
      // Whoever waits for an answer that cannot be sent is better told so.
      return !isUnsendable(error) && !isTransportError(error, 'OVERLOADED')
    }
  }

  /** Whether the request is one that is being answered, and no longer is. */
  cancel(id: RequestId, reason: unknown): boolean {
    const stop = this.#active.get(id)
    if (!stop) return false
    this.#active.delete(id)
    stop.abort(reason)
    return true
  }

  cancelAll(reason: Error): void {
    for (const { reject } of this.#responses.takeWaiting()) reject(reason)
    for (const id of [...this.#active.keys()]) this.cancel(id, reason)
  }

  async #run(
    request: JsonRpcRequest,
    stop: AbortController,
    context: MessageContext | undefined,
  ): Promise<JsonRpcResult | undefined> {
    const { id, method, params } = request
    const handler = this.#answering.handlerOf(method)
    if (!handler) throw new JsonRpcError(METHOD_NOT_FOUND_CODE, 'Method not found', { method })
    const { signal } = stop
    return await handler(params, {
      id,
      method,
      signal,
      context,
      sendProgress: this.#progressOf(request, stop),
    })
  }

  #progressOf({ id, params }: JsonRpcRequest, stop: AbortController): IncomingCall['sendProgress'] {
    const progressToken = params?._meta?.progressToken
    let last = -Infinity
    return async (told) => {
      if (progressToken === undefined || this.#active.get(id) !== stop || !(told.progress > last)) return
      last = told.progress
      const message = { jsonrpc: '2.0', method: PROGRESS_METHOD, params: { ...told, progressToken } } as const
      try {
        await this.#answering.send(message, { relatedRequestId: id })
      } catch (error) {
        this.#answering.report(toError(error))
      }
    }
  }

  async #sayUnsent(id: RequestId): Promise<void> {
    const { send, report } = this.#answering
    const error = { code: INTERNAL_ERROR_CODE, message: 'the response could not be sent' }
    const sent = send({ jsonrpc: '2.0', id, error }, { relatedRequestId: id })
    await sent.catch((again) => report(toError(again)))
  }

  #sendOnceThereIsRoom(id: RequestId, message: JsonRpcMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#responses.send({ message, options: { relatedRequestId: id }, resolve, reject })
    })
  }

  #heedRoom(): void {
    const isFull = this.#responses.waiting > 0
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    this.#answering.full(isFull)
  }
}

/** How many responses may wait for room. Whoever leaves more unread is answered with errors. */
const MAX_WAITING = 64

interface ResponseSend extends QueuedSend {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Whether the message itself is at fault, so that another one may pass. */
export function isUnsendable(error: unknown): boolean {
  if (isTransportError(error, 'SEND_FAILED')) return error.details.delivery === 'none'
  return isTransportError(error, 'MESSAGE_TOO_LARGE')
}
