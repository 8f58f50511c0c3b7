import {
  isRequest,
  isResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type RequestId,
} from '../contract/message.js'
import type { MessageContext } from '../contract/transport.js'
import { cancelledBy } from '../messages/era.js'
import { callbackFailedResponse } from '../messages/error-responses.js'
import { isThenable } from '../timing/promises.js'

/** The owner of the callback. All callbacks of a kind share one object. */
export interface MessageCallbackHandlers<Owner> {
  /** Calls `onmessage`. May throw. */
  readonly call: (owner: Owner, message: JsonRpcMessage, context: MessageContext | undefined) => unknown
  readonly failed: (owner: Owner, cause: unknown) => void
  /** Sends the response to a request whose callback has failed. */
  readonly respond: (owner: Owner, response: JsonRpcErrorResponse, id: RequestId) => void
}

/**
 * Calls `onmessage` of one transport. A callback that throws or rejects breaks nothing (clause C5): its error is reported,
 * and a request that has no response yet gets the error −32603. Without it, its sender waits for a timeout.
 */
export class MessageCallback<Owner> {
  readonly #owner: Owner
  readonly #handlers: MessageCallbackHandlers<Owner>
  /** The message of the running call, until it is answered. */
  #current: JsonRpcMessage | undefined
  /** The requests whose callback has returned a promise, until they are answered. */
  #running: Set<RequestId> | undefined

  constructor(owner: Owner, handlers: MessageCallbackHandlers<Owner>) {
    this.#owner = owner
    this.#handlers = handlers
  }

  call(message: JsonRpcMessage, context: MessageContext | undefined): void {
    const outer = this.#current
    this.#current = message
    if (this.#running?.size) this.#cancel(message)
    try {
      const result = this.#handlers.call(this.#owner, message, context)
      if (result !== undefined && isThenable(result)) this.#watch(message, result)
    } catch (cause) {
      this.#failed(message, cause, this.#current === message)
    } finally {
      this.#current = outer
    }
  }

  /** A message was sent: a response settles its request. */
  sent(message: JsonRpcMessage): void {
    if ((this.#current === undefined && !this.#running?.size) || !isResponse(message)) return
    const { id } = message
    if (id === undefined) return
    if (this.#current && isRequest(this.#current) && this.#current.id === id) this.#current = undefined
    this.#running?.delete(id)
  }

  #watch(message: JsonRpcMessage, result: PromiseLike<unknown>): void {
    const id = isRequest(message) && this.#current === message ? message.id : undefined
    if (id !== undefined) {
      this.#running ??= new Set()
      this.#running.add(id)
    }
    const settle = (): boolean => id !== undefined && this.#running?.delete(id) === true
    result.then(settle, (cause) => this.#failed(message, cause, settle()))
  }

  /** A cancelled request gets no response. */
  #cancel(message: JsonRpcMessage): void {
    const id = cancelledBy(message)
    if (id !== undefined) this.#running?.delete(id)
  }

  #failed(message: JsonRpcMessage, cause: unknown, isUnanswered: boolean): void {
    this.#handlers.failed(this.#owner, cause)
    if (isUnanswered && isRequest(message))
      this.#handlers.respond(this.#owner, callbackFailedResponse(message.id), message.id)
  }
}
