import { isTransportError, toError } from '../contract/errors.js'
import type { JsonRpcMessage, JsonRpcRequest, MessageParams, RequestId } from '../contract/message.js'
import { INTERNAL_ERROR_CODE, METHOD_NOT_FOUND_CODE, PROGRESS_METHOD } from '../contract/protocol.js'
import type { MessageContext, SendOptions } from '../contract/transport.js'
import { idInUse } from '../messages/error-responses.js'
import { JsonRpcError, toErrorMember } from '../messages/json-rpc-error.js'
import { type QueuedSend, SendQueue } from '../transport/send-queue.js'
import type { JsonRpcResult } from './pending-requests.js'

/** One incoming request, as its handler receives it. */
export interface IncomingCall {
  /** The `relatedRequestId` for messages that belong to this request. */
  readonly id: RequestId
  readonly method: string
  /** Aborts when the other side cancels the request, or when the conversation ends. No response is sent then. */
  readonly signal: AbortSignal
  readonly context: MessageContext | undefined
  /**
   * Sends progress, where the other side has requested it. Progress that does not increase, or that comes after the
   * response, is not sent. Never rejects.
   */
  sendProgress(progress: { progress: number; total?: number; message?: string }): Promise<void>
}

/** Handles one kind of request. It returns a result, or nothing for an empty one, or throws, preferably a `JsonRpcError`. */
export type RequestHandler = (
  params: MessageParams | undefined,
  call: IncomingCall,
) => JsonRpcResult | undefined | Promise<JsonRpcResult | undefined>

/** The dependencies of incoming requests. */
export interface ResponderContext {
  readonly handlerOf: (method: string) => RequestHandler | undefined
  readonly send: (message: JsonRpcMessage, options: SendOptions) => Promise<void>
  readonly report: (error: Error) => void
  /** Called when responses start or stop waiting for space in the send queue, to pause and resume requests. */
  readonly full: (isFull: boolean) => void
}

/** The pending requests of the other side. */
export class IncomingRequests {
  readonly #context: ResponderContext
  readonly #active = new Map<RequestId, AbortController>()
  readonly #responses: SendQueue<ResponseSend>
  #isFull = false

  constructor(context: ResponderContext) {
    this.#context = context
    this.#responses = new SendQueue({
      send: (message, options) => context.send(message, options ?? {}),
      mayWait: (waiting) => waiting < MAX_WAITING,
      sent: ({ resolve }) => resolve(),
      failed: ({ reject }, error) => reject(error),
      changed: () => this.#reportFull(),
    })
  }

  /** Runs the handler and sends its response. Never rejects. */
  async handle(request: JsonRpcRequest, context: MessageContext | undefined): Promise<void> {
    if (this.#active.has(request.id)) {
      await this.#sendError(idInUse(request.id), request.id)
      return
    }
    const isDone = await this.#respond(request, context)
    // After the response is released, and the error that refers to it: the error response may have to wait too.
    if (!isDone) await this.#sendError(responseNotSent(request.id), request.id)
  }

  /** Resolves with `false` where the response could not be sent and an error response is due. */
  async #respond(request: JsonRpcRequest, context: MessageContext | undefined): Promise<boolean> {
    const { id } = request
    const controller = new AbortController()
    this.#active.set(id, controller)
    let response: JsonRpcMessage
    try {
      response = { jsonrpc: '2.0', id, result: (await this.#run(request, controller, context)) ?? {} }
    } catch (thrown) {
      response = { jsonrpc: '2.0', id, error: toErrorMember(thrown) }
    }
    if (controller.signal.aborted) return true
    if (this.#active.get(id) === controller) this.#active.delete(id)
    try {
      await this.#sendResponse(id, response)
      return true
    } catch (error) {
      this.#context.report(toError(error))
      return !isUnsendable(error) && !isTransportError(error, 'OVERLOADED')
    }
  }

  /** Cancels a pending request. Returns whether there was one. */
  cancel(id: RequestId, reason: unknown): boolean {
    const controller = this.#active.get(id)
    if (!controller) return false
    this.#active.delete(id)
    controller.abort(reason)
    return true
  }

  cancelAll(reason: Error): void {
    for (const { reject } of this.#responses.takeWaiting()) reject(reason)
    for (const id of [...this.#active.keys()]) this.cancel(id, reason)
  }

  async #run(
    request: JsonRpcRequest,
    controller: AbortController,
    context: MessageContext | undefined,
  ): Promise<JsonRpcResult | undefined> {
    const { id, method, params } = request
    const handler = this.#context.handlerOf(method)
    if (!handler) throw new JsonRpcError(METHOD_NOT_FOUND_CODE, 'Method not found', { method })
    const { signal } = controller
    return await handler(params, {
      id,
      method,
      signal,
      context,
      sendProgress: this.#progressOf(request, controller),
    })
  }

  #progressOf({ id, params }: JsonRpcRequest, controller: AbortController): IncomingCall['sendProgress'] {
    const progressToken = params?._meta?.progressToken
    let last = -Infinity
    return async (update) => {
      if (progressToken === undefined || this.#active.get(id) !== controller || !(update.progress > last))
        return
      last = update.progress
      const message = {
        jsonrpc: '2.0',
        method: PROGRESS_METHOD,
        params: { ...update, progressToken },
      } as const
      try {
        await this.#context.send(message, { relatedRequestId: id })
      } catch (error) {
        this.#context.report(toError(error))
      }
    }
  }

  async #sendError(response: JsonRpcMessage, id: RequestId): Promise<void> {
    const { send, report } = this.#context
    await send(response, { relatedRequestId: id }).catch((again) => report(toError(again)))
  }

  #sendResponse(id: RequestId, message: JsonRpcMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#responses.send({ message, options: { relatedRequestId: id }, resolve, reject })
    })
  }

  #reportFull(): void {
    const isFull = this.#responses.waiting > 0
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    this.#context.full(isFull)
  }
}

function responseNotSent(id: RequestId): JsonRpcMessage {
  const error = { code: INTERNAL_ERROR_CODE, message: 'the response could not be sent' }
  return { jsonrpc: '2.0', id, error }
}

/** The most responses that may wait for space in the send queue. Further requests get an error response. */
const MAX_WAITING = 64

interface ResponseSend extends QueuedSend {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Whether the error concerns this message only, so that another message can be sent. */
export function isUnsendable(error: unknown): boolean {
  if (isTransportError(error, 'SEND_FAILED')) return error.details.delivery === 'none'
  return isTransportError(error, 'MESSAGE_TOO_LARGE')
}
