import { PROGRESS_METHOD } from './era.js'
import { isTransportError, toError } from './errors.js'
import { errorMemberOf, INTERNAL_ERROR, JsonRpcError, METHOD_NOT_FOUND } from './json-rpc-error.js'
import type { JsonRpcMessage, JsonRpcRequest, MessageParams, RequestId } from './message.js'
import type { JsonRpcResult } from './pending-requests.js'
import { ignore } from './promises.js'
import type { MessageContext, SendOptions } from './transport.js'

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
}

/** The requests of the other side that are being answered. */
export class IncomingRequests {
  readonly #answering: Answering
  readonly #active = new Map<RequestId, AbortController>()
  /** The responses that are being taken. */
  readonly #sending = new Set<Promise<void>>()

  constructor(answering: Answering) {
    this.#answering = answering
  }

  /** Runs the handler and sends what comes of it. Never rejects. */
  async answer(request: JsonRpcRequest, context: MessageContext | undefined): Promise<void> {
    const { id } = request
    const stop = new AbortController()
    this.#active.set(id, stop)
    let response: JsonRpcMessage
    try {
      response = { jsonrpc: '2.0', id, result: (await this.#run(request, stop, context)) ?? {} }
    } catch (thrown) {
      response = { jsonrpc: '2.0', id, error: errorMemberOf(thrown) }
    }
    if (stop.signal.aborted) return
    if (this.#active.get(id) === stop) this.#active.delete(id)
    await this.#respond(id, response)
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
    for (const id of [...this.#active.keys()]) this.cancel(id, reason)
  }

  async #run(
    request: JsonRpcRequest,
    stop: AbortController,
    context: MessageContext | undefined,
  ): Promise<JsonRpcResult | undefined> {
    const { id, method, params } = request
    const handler = this.#answering.handlerOf(method)
    if (!handler) throw new JsonRpcError(METHOD_NOT_FOUND, 'Method not found', { method })
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

  async #respond(id: RequestId, response: JsonRpcMessage): Promise<void> {
    const { send, report } = this.#answering
    try {
      await this.#sendOnceThereIsRoom(id, response)
    } catch (error) {
      report(toError(error))
      // Whoever waits for an answer that cannot be sent is better told so.
      if (!isUnsendable(error) && !isTransportError(error, 'OVERLOADED')) return
      const message = 'the response could not be sent'
      await send(
        { jsonrpc: '2.0', id, error: { code: INTERNAL_ERROR, message } },
        { relatedRequestId: id },
      ).catch((again) => report(toError(again)))
    }
  }

  /** What finds no room waits for the responses before it to be taken; without any there will be none for it either. */
  async #sendOnceThereIsRoom(id: RequestId, response: JsonRpcMessage): Promise<void> {
    for (;;) {
      const sent = this.#answering.send(response, { relatedRequestId: id })
      const settled = sent.then(ignore, ignore)
      this.#sending.add(settled)
      try {
        await sent
        return
      } catch (error) {
        this.#sending.delete(settled)
        if (!isTransportError(error, 'OVERLOADED') || this.#sending.size === 0) throw error
        await Promise.race(this.#sending)
      } finally {
        this.#sending.delete(settled)
      }
    }
  }
}

/** Whether the message itself is at fault, so that another one may pass. */
export function isUnsendable(error: unknown): boolean {
  if (isTransportError(error, 'SEND_FAILED')) return error.details.delivery === 'none'
  return isTransportError(error, 'MESSAGE_TOO_LARGE')
}
